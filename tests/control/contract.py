"""The control API as its OpenAPI document describes it: what is answered is held against that."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator

from panolb.control.api.openapi import document
from panolb.control.api.table import CALLS
from tests.harness.control import Control

PREFIX = "/api/v1"


@cache
def published() -> dict[str, Any]:
    """The document."""
    return document(CALLS)


def operations() -> set[tuple[str, str]]:
    """Method and path of everything that can be asked."""
    return {(method.upper(), path) for path, item in published()["paths"].items() for method in item}


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """What holds values against a schema of the document."""
    return Draft202012Validator({**schema, "components": published()["components"]})


class Contract:
    """Asks, and insists that answers are as the document says.

    :ivar asked: what has been answered well.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self.asked: set[tuple[str, str]] = set()

    def ask(
        self, method: str, path: str, *names: str, body: object = None, status: int = 0, **query: object
    ) -> Any:
        """What is answered; a list where it comes in lines.

        :param path: as in the document; the names fill its braces.
        :param status: of the answer; 0 for what the document calls done.
        """
        operation = published()["paths"][path][method.lower()]
        done = next(code for code in operation["responses"] if code.startswith("2"))
        expected = str(status) if status else done
        target = PREFIX + path
        for name in names:
            before, _, after = target.partition("{")
            target = before + quote(name, safe="") + after.partition("}")[2]
        target += f"?{urlencode(query)}" if query else ""
        data = None if body is None else json.dumps(body).encode()
        got, headers, said = self._control.ask(method, target, data)
        assert str(got) == expected, (method, target, got, said)
        ((media, content),) = operation["responses"][expected]["content"].items()
        assert headers["Content-Type"] == media
        lines = media != "application/json"
        values = [json.loads(line) for line in said.splitlines()] if lines else [json.loads(said)]
        check = validator(content["schema"])
        for value in values:
            check.validate(value)
        if expected == done:
            self.asked.add((method, path))
        return values if lines else values[0]
