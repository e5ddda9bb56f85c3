"""The API described as an OpenAPI 3.1 document, made of its calls: ``python -m panolb.control.api`` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .answers import BODY, ERROR, JSON, LINES, PREFIX
from .calls import Call
from .shapes import Shape, named
from .table import CALLS

PATH = "/openapi.json"
VERSION = "1.0"  # counted up with what is added; the first number with what is taken away

DESCRIPTION = """\
Shows a running panolb and changes it. Over its UNIX socket, whoever may write to that may ask; over HTTP, every request
carries the token. In version 1 calls, parameters and the names in answers may be added; none is taken away, and none
changes its meaning. So programs must pass over names that they do not know.
"""

REFUSALS = {400: "What is asked cannot be understood.", 401: "The token is missing or wrong."}
OF_BODIES = {
    413: f"The body is larger than {BODY} bytes.",
    415: "The body is said to be something else than JSON.",
}


def document(calls: Iterable[Call]) -> dict[str, Any]:
    """All of it.

    :param calls: without the one for the document itself, which is added.
    """
    every = (*calls, _itself())
    shapes = named({}, ERROR)
    paths: dict[str, dict[str, Any]] = {}
    for call in every:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
        for shape in (call.answer, *([] if call.body is None else [call.body])):
            shapes = named(shapes, shape)
    return {
        "openapi": "3.1.0",
        "info": {"title": "panolb's control API", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {name: shapes[name].definition() for name in sorted(shapes)},
        },
    }


def _itself() -> Call:
    return Call(
        method="GET",
        path=PATH,
        summary="This document",
        do=lambda parts, asked: None,
        answer=Shape(doc="OpenAPI 3.1."),
    )


def _operation(call: Call) -> dict[str, Any]:
    """What OpenAPI calls an operation object."""
    refusals = {**REFUSALS, **(OF_BODIES if call.body is not None else {}), **call.refusals}
    described: dict[str, Any] = {"operationId": call.name, "summary": call.summary}
    if call.doc:
        described["description"] = call.doc
    parameters = [_parameter(name, shape, "path") for name, shape in call.names.items()]
    parameters += [_parameter(name, shape, "query") for name, shape in call.query.items()]
    if parameters:
        described["parameters"] = parameters
    if call.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {JSON.decode(): {"schema": call.body.schema()}},
        }
    media = LINES if call.lines else JSON
    described["responses"] = {
        str(call.status): {
            "description": "Each line is one of these." if call.lines else "Done.",
            "content": {media.decode(): {"schema": call.answer.schema()}},
        },
        **{
            str(status): {"description": why, "content": {JSON.decode(): {"schema": ERROR.schema()}}}
            for status, why in sorted(refusals.items())
        },
    }
    return described


def _parameter(name: str, shape: Shape, place: str) -> dict[str, Any]:
    schema = shape.schema()
    described: dict[str, Any] = {"name": name, "in": place, "schema": schema}
    if place == "path":
        described["required"] = True
    doc = schema.pop("description", "")
    return {**described, "description": doc} if doc else described


def text() -> str:
    """The document as it is published."""
    return json.dumps(document(CALLS), indent=1) + "\n"
