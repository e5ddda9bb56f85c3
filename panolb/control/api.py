"""The control API: JSON over HTTP on a UNIX socket, for whoever may write to that socket.

``GET`` shows, ``POST`` changes.  Whatever goes wrong is answered with ``{"error": "..."}``.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from klein import Klein
from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..core.member import Admin, Member
from .admin.websockets import BadQuery, Query, as_json
from .ledger import Ledger
from .listeners import QuietSite
from .operations import Operations, UnknownMember

log = Logger()

MODE = 0o660
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
    :param refresh: brings the states of all members up to date.
    """

    def __init__(self, operations: Operations, ledger: Ledger, refresh: Callable[[], None]) -> None:
        self._operations = operations
        self._ledger = ledger
        self._refresh = refresh

    def site(self, reactor: Any) -> QuietSite:
        """All of it, to be served."""
        too_large = _body({"error": f"the body is larger than {BODY} bytes"})
        return QuietSite(
            self._routes().resource(), reactor, max_body=BODY, too_large=too_large, page_type=JSON
        )

    def _routes(self) -> Klein:
        routes = Klein()

        @routes.route("/api/v1/members", methods=["GET"])
        def members(request: IRequest) -> bytes:
            _no_arguments(request)
            return _answer(request, self.members())

        @routes.route("/api/v1/members/<path:name>", methods=["GET"])
        def member(request: IRequest, name: str) -> bytes:
            _no_arguments(request)
            self._refresh()
            return _answer(request, self._describe(self._operations.find(name)))

        @routes.route("/api/v1/members/<path:name>", methods=["POST"])
        def change(request: IRequest, name: str) -> bytes:
            _no_arguments(request)
            return _answer(request, self.change(name, _read(request)))

        @routes.route("/api/v1/websockets", methods=["GET"])
        def websockets(request: IRequest) -> bytes:
            return _answer(request, self.websockets(Query.of(request.args or {})))

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
        self._refresh()
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
        self._refresh()
        return self._describe(member)

    def websockets(self, query: Query) -> dict[str, Any]:
        """Those that are open, or have ended; the same list as the status page's.

        :raises UnknownMember: when there is no member of the name asked for.
        """
        if query.member is not None:
            query = replace(query, member=self._operations.find(query.member).spec.name)
        return as_json(query, self._ledger)

    def _describe(self, member: Member) -> dict[str, Any]:
        tally = self._ledger.tally(member)
        return {
            "name": member.spec.name,
            "url": member.spec.url,
            "route": member.spec.route.decode("ascii"),
            "state": member.state,
            "reason": member.health.reason,
            "admin": member.admin.value,
            "moving": member.moving,
            "busy": member.busy,
            "elected": member.elected,
            "websockets": tally.websockets,
            "sessions": tally.sessions,
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
        paths = "/api/v1/members, /api/v1/members/BALANCER/ROUTE and /api/v1/websockets"
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


class ControlSocket:
    """The API's UNIX socket.

    :ivar description: what the log calls it.
    """

    def __init__(self, reactor: Any, path: str, site: QuietSite) -> None:
        self.description = f"unix:{path}"
        self._reactor = reactor
        self._path = path
        self._site = site
        self._port: _Port | None = None

    def start(self) -> None:
        """Listen.

        :raises OSError: when that is not possible; for example because another process listens there.
        """
        _make_room(self._path)
        port = _Port(os.fsencode(self._path), self._site, mode=MODE, reactor=self._reactor)
        # The file has its rights before anybody can connect: Twisted changes them between bind() and listen().
        try:
            port.startListening()
        except CannotListenError as error:
            raise OSError(str(error.socketError)) from None
        port.own = _identity(self._path)
        self._port = port
        log.info("control API: listening on {path}", path=self._path)

    def stop(self) -> Deferred[None]:
        """Close the socket and remove its file."""
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        stopped: Deferred[None] = port.stopListening()
        return stopped


class _Port(unix.Port):
    """Removes its file at the end, if that is still its own.

    Twisted's removes whatever has that name by then, and when there is nothing, it never ends.
    """

    own: tuple[int, int] | None = None

    def connectionLost(self, reason: Failure) -> None:
        path = os.fsdecode(self._bindPath)
        if self.own is not None and _identity(path) == self.own:
            os.unlink(path)
        tcp.Port.connectionLost(self, reason)


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from others that had or will have its name."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_room(path: str) -> None:
    """Remove the socket of a process that has died.

    :raises OSError: when it is something else, or lives.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        directory = os.path.dirname(path)
        if not os.path.isdir(directory):
            raise OSError(
                f"there is no directory {directory}; make it first (systemd: RuntimeDirectory=)"
            ) from None
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(f"{path} exists and is no socket; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:  # its queue is full
            pass
    raise OSError(f"another process listens on {path}; stop it, or choose another path")
