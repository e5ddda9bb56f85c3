"""The control API: JSON over HTTP, for whoever may write to its socket (`panolb.control.controlsocket`).

``GET`` shows, ``POST`` changes.  Whatever goes wrong is answered with ``{"error": "..."}``.
"""

from __future__ import annotations

import json
from typing import Any

from klein import Klein
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..core.member import Admin, Member
from .admin.members import as_json as member_as_json
from .admin.websockets import BadQuery, Query
from .admin.websockets import as_json as websockets_as_json
from .listeners import QuietSite, Routed
from .operations import Operations, UnknownMember
from .resources import Resources

log = Logger()

BODY = 64 << 10  # bytes of a request's body

STATES = [admin.value for admin in Admin]
JSON = b"application/json"
# curl -d says the second one, whatever is sent.
ACCEPTED = (JSON, b"application/x-www-form-urlencoded")


class Refused(Exception):
    """The request cannot be done.

    :ivar status: the answer's.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """What can be asked and said.

    :param operations: does it.
    :param resources: what is held.
    """

    def __init__(self, operations: Operations, resources: Resources) -> None:
        self._operations = operations
        self._resources = resources
        self._ledger = operations.ledger

    def site(self, reactor: Any) -> QuietSite:
        """All of it, to be served."""
        too_large = _body({"error": f"the body is larger than {BODY} bytes"})
        return QuietSite(Routed(self._routes()), reactor, max_body=BODY, too_large=too_large, page_type=JSON)

    def _routes(self) -> Klein:
        routes = Klein()

        @routes.route("/api/v1/members", methods=["GET"])
        def members(request: IRequest) -> bytes:
            _no_arguments(request)
            return _answer(request, self.members())

        @routes.route("/api/v1/members/<path:name>", methods=["GET"])
        def member(request: IRequest, name: str) -> bytes:
            _no_arguments(request)
            self._operations.refresh()
            return _answer(request, self._describe(self._operations.find(name)))

        @routes.route("/api/v1/members/<path:name>", methods=["POST"])
        def change(request: IRequest, name: str) -> bytes:
            _no_arguments(request)
            return _answer(request, self.change(name, _read(request)))

        @routes.route("/api/v1/websockets", methods=["GET"])
        def websockets(request: IRequest) -> bytes:
            query = Query.asked(request.args or {}, self._operations)
            return _answer(request, websockets_as_json(query, self._ledger))

        @routes.route("/api/v1/resources", methods=["GET"])
        def resources(request: IRequest) -> bytes:
            _no_arguments(request)
            return _answer(request, self._resources.as_json())

        @routes.handle_errors(Refused, BadQuery, UnknownMember, HTTPException)
        def refused(request: IRequest, failure: Failure) -> bytes:
            return _refused(request, failure.value)

        @routes.handle_errors
        def failed(request: IRequest, failure: Failure) -> bytes:
            log.failure("the control API failed", failure)
            return _answer(request, {"error": "panolb failed; the process log says more"}, 500)

        return routes

    def members(self) -> dict[str, Any]:
        """All members."""
        self._operations.refresh()
        balancers = self._operations.balancers.values()
        return {"members": [self._describe(member) for balancer in balancers for member in balancer.members]}

    def change(self, name: str, wish: dict[str, Any]) -> dict[str, Any]:
        """Do to a member what a request's body says.

        :raises UnknownMember: when there is none of this name.
        :raises Refused: when the body makes no sense.
        """
        member = self._operations.find(name)
        unknown = sorted(wish.keys() - {"state", "close_websockets"})
        if unknown:
            raise Refused(400, f"unknown: {', '.join(unknown)}; known are state and close_websockets")
        state, closes = wish.get("state"), wish.get("close_websockets", False)
        if state not in STATES:
            raise Refused(400, f"state is one of {', '.join(STATES)}")
        if not isinstance(closes, bool):
            raise Refused(400, "close_websockets is true or false")
        if closes and state == Admin.ACTIVE.value:
            raise Refused(400, "an active member keeps its WebSockets; drain closes them")
        self._operations.set_admin(member, Admin(state), closes)
        self._operations.refresh()
        return self._describe(member)

    def _describe(self, member: Member) -> dict[str, Any]:
        return {
            **member_as_json(member, self._ledger.tally(member), self._operations.reason(member)),
            "admin": member.admin.value,
            "moving": member.moving,
            "closing": self._operations.closing(member),
        }


def _body(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _answer(request: IRequest, value: object, status: int = 200) -> bytes:
    """Prepare an answer; the result is its body."""
    request.setResponseCode(status)
    request.setHeader(b"content-type", JSON)
    request.setHeader(b"cache-control", b"no-store")
    body = _body(value)
    request.setHeader(b"content-length", b"%d" % len(body))
    return body


def _refused(request: IRequest, error: Any) -> bytes:
    """Say why a request is not done."""
    if isinstance(error, Refused):
        return _answer(request, {"error": str(error)}, error.status)
    if isinstance(error, UnknownMember):
        return _answer(request, {"error": str(error)}, 404)
    if isinstance(error, BadQuery):
        return _answer(request, {"error": str(error)}, 400)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        allowed = ", ".join(sorted(error.valid_methods))
        request.setHeader(b"allow", allowed.encode("ascii"))
        return _answer(request, {"error": f"only {allowed} can be done here"}, 405)
    if error.code == 404:
        paths = "/api/v1/members, /api/v1/members/BALANCER/ROUTE, /api/v1/websockets and /api/v1/resources"
        return _answer(request, {"error": f"there is nothing here; there are {paths}"}, 404)
    return _answer(request, {"error": error.description or error.name}, error.code or 400)


def _no_arguments(request: IRequest) -> None:
    """Refuse a query where none means anything.

    :raises Refused: when there is one.
    """
    if request.args:
        names = ", ".join(name.decode("utf-8", "replace") for name in request.args)
        raise Refused(400, f"there are no parameters here, but {names} was given")


def _read(request: Any) -> dict[str, Any]:
    """The object in a request's body.

    :raises Refused: when it is none.
    """
    said = (request.getHeader(b"content-type") or JSON).partition(b";")[0].strip().lower()
    if said not in ACCEPTED:
        raise Refused(415, f"write JSON, and Content-Type: {JSON.decode()}")
    try:
        value = json.loads(request.content.read())
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error}")
    if not isinstance(value, dict):
        raise Refused(400, 'the body is no JSON object such as {"state": "drain"}')
    return value
