"""What the control API answers, and how it reads what it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ...config.edits import CannotSave
from ...errors import ConfigError
from ..admin.websockets import BadQuery
from ..changes import Impossible
from ..explain import Forgotten
from ..operations import UnknownMember
from ..question import BadQuestion
from ..sessions import UnknownSession, Unmovable
from .shapes import Listed, Object, Shape, Text, Wrong

BODY = 256 << 10  # bytes of a request's body: a configuration of some thousand members

JSON = b"application/json"
LINES = b"application/x-ndjson"  # a value of JSON in each line
# curl -d says the second one, whatever is sent.
ACCEPTED = (JSON, b"application/x-www-form-urlencoded")
PREFIX = "/api/v1"


PROBLEM = Object(
    title="Problem",
    doc="What is wrong with a configuration, and where.",
    fields={"place": Text(doc="FILE:LINE: KEY, or the key."), "message": Text(doc="What would be right.")},
)
ERROR = Object(
    title="Error",
    doc="Why a request is not done.",
    fields={
        "error": Text(doc="For people."),
        "problems": Listed(of=PROBLEM, doc="With a configuration only."),
    },
    optional=("problems",),
)


class Refused(Exception):
    """The request cannot be done.

    :ivar status: the answer's.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


STATUSES: Mapping[type[Exception], int] = {
    Wrong: 400,
    BadQuery: 400,
    UnknownMember: 404,
    UnknownSession: 404,
    Unmovable: 409,
    Impossible: 409,
    CannotSave: 409,
    BadQuestion: 422,
    Forgotten: 404,
}
EXPECTED = (Refused, ConfigError, HTTPException, *STATUSES)


# -- answering ----------------------------------------------------------------------------------------------------------


def as_body(value: object) -> bytes:
    """The body of an answer."""
    return json.dumps(value, indent=1, allow_nan=False).encode() + b"\n"


def answer(request: IRequest, value: object, status: int = 200) -> bytes:
    """Prepare an answer; the result is its body."""
    body = as_body(value)
    request.setResponseCode(status)
    request.setHeader(b"content-type", JSON)
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"content-length", b"%d" % len(body))
    return body


def refusal(request: IRequest, error: Exception) -> bytes:
    """Say why a request is not done."""
    if isinstance(error, Refused):
        return answer(request, {"error": str(error)}, error.status)
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return answer(request, {"error": str(error)}, status)
    if isinstance(error, ConfigError):
        problems = [{"place": one.place, "message": one.message} for one in error.problems]
        return answer(request, {"error": "the configuration is refused", "problems": problems}, 422)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        allowed = ", ".join(sorted(error.valid_methods))
        request.setHeader(b"allow", allowed.encode("ascii"))
        return answer(request, {"error": f"only {allowed} can be done here"}, 405)
    assert isinstance(error, HTTPException)
    if error.code == 404:
        return answer(
            request, {"error": f"there is nothing here; GET {PREFIX}/openapi.json says what there is"}, 404
        )
    return answer(request, {"error": error.description or error.name}, error.code or 400)


# -- reading ------------------------------------------------------------------------------------------------------------


def read_query(request: Any, parameters: Mapping[str, Shape]) -> dict[str, Any]:
    """The parameters of a request's URL.

    :raises Wrong: when one is not known, is there twice, or is not what it should be.
    """
    given: dict[str, Any] = {}
    for key, values in (request.args or {}).items():
        name, text = key.decode("utf-8", "replace"), values[-1].decode("utf-8", "replace")
        if not parameters:
            raise Wrong(f"there are no parameters here, but {name} was given")
        if name not in parameters:
            raise Wrong(f"there is no parameter {name}; there are: {', '.join(parameters)}")
        if len(values) > 1:
            raise Wrong(f"{name} is given {len(values)} times")
        given[name] = parameters[name].read_text(text, name)
    return given


def read_body(request: Any, shape: Object) -> dict[str, Any]:
    """The object in a request's body.

    :raises Refused: when it is no JSON, or says that it is none.
    :raises Wrong: when it is of another shape.
    """
    said = (request.getHeader(b"content-type") or JSON).partition(b";")[0].strip().lower()
    if said not in ACCEPTED:
        raise Refused(415, f"write JSON, and Content-Type: {JSON.decode()}")
    try:
        value = json.loads(request.content.read(), parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error}")
    return shape.read(value, "the body")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is none of its numbers")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands in an object twice")
    return found
