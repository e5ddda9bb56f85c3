"""The pages of a demo member, as twisted.web resources."""

# mypy: allow-untyped-calls
# (most of twisted.web's and autobahn's methods have no annotations)

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import IO, Any
from urllib.parse import parse_qs

import attrs
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from panolb.demo.sessions import (
    CONTEXT_PATH,
    SESSION_COOKIE,
    Session,
    Sessions,
    cookies_of,
    login_cookie,
    logout_cookie,
    same_origin,
)

LARGEST_FORM = 4096
"""Bytes of the log-in form that are read."""

FORWARDED = ("for", "host", "proto", "port", "server")
"""The X-Forwarded-* headers that whoami shows."""


@attrs.frozen(kw_only=True)
class Application:
    """What all pages of one member share.

    :param reactor: IReactorTime.
    :param outage: seconds that a killed member stays away.
    :param kill: takes the member down a moment from now; returns after how many seconds.
    """

    reactor: Any
    name: str
    route: str
    outage: float
    sessions: Sessions
    kill: Callable[[], float]

    def session(self, request: Request) -> Session | None:
        """The session of a request, if this member knows it."""
        return self.sessions.find(cookies_in(request))

    def describe(self, request: Request) -> dict[str, Any]:
        """Who answers whom: the answer of whoami, also written into the page."""
        cookies = cookies_in(request)
        session = self.sessions.find(cookies)
        forwarded = {name: request.getHeader(f"x-forwarded-{name}") for name in FORWARDED}
        return {
            "member": self.name,
            "route": self.route,
            "outage": self.outage,
            "user": session.user if session else None,
            "session": session.id if session else None,
            "views": session.views if session else 0,
            "session_unknown": SESSION_COOKIE in cookies and session is None,
            "cookies": cookies,
            "forwarded": {name: value for name, value in forwarded.items() if value is not None},
        }


def cookies_in(request: Request) -> dict[str, str]:
    """The cookies that a request carries."""
    headers = request.requestHeaders.getRawHeaders(b"cookie", [])
    return cookies_of(value.decode("latin-1") for value in headers)


def body_of(request: Request) -> IO[bytes]:
    """The request's body; twisted.web has it complete, in memory or in a file."""
    assert request.content is not None
    content: IO[bytes] = request.content
    return content


def argument(request: Request, name: bytes, default: float) -> float:
    """A number of the query; :raises ValueError: when it is none or below zero."""
    value = float(request.args.get(name, [str(default).encode()])[0])
    if not value >= 0.0:
        raise ValueError(name)
    return value


def as_json(request: Request, value: object, status: int = 200) -> bytes:
    """Prepare a JSON answer; the result is its body."""
    request.setResponseCode(status)
    return body_for(request, b"application/json", json.dumps(value, separators=(",", ":")).encode())


def body_for(request: Request, content_type: bytes, body: bytes) -> bytes:
    """Describe an answer that nobody may keep; the result is what to send of it, nothing for HEAD."""
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return b"" if request.method == b"HEAD" else body


def redirect(request: Request, status: int, location: str) -> bytes:
    """Prepare a redirect to a path of this host, without scheme and host as Tomcat sends it."""
    request.setResponseCode(status)
    request.setHeader(b"Location", location.encode())
    return b""


def refuse_other_sites(request: Request) -> bytes | None:
    """The body of a 403 for a request that another site's page sent, or None for our own."""
    if same_origin(request.getHeader("origin"), request.getHeader("host")):
        return None
    return as_json(request, {"error": "this request came from another site"}, 403)


class Page(Resource):
    """A page without children that knows its application."""

    isLeaf = True

    def __init__(self, application: Application) -> None:
        super().__init__()
        self.application = application


class Context(Page):
    """``/panopticon`` itself: sends browsers to the path with the slash, where relative addresses work."""

    isLeaf = False

    def render_GET(self, request: Request) -> bytes:
        """302, as Tomcat does it."""
        return redirect(request, 302, CONTEXT_PATH + "/")


@cache
def dashboard_template() -> str:
    """The page as it lies in the package."""
    return files(__package__).joinpath("dashboard.html").read_text(encoding="utf-8")


class Dashboard(Page):
    """``/panopticon/``: the page itself; every showing of it counts for the session."""

    def render_GET(self, request: Request) -> bytes:
        """Fill in who serves whom; no other site may frame the page, and only its own script runs."""
        session = self.application.session(request)
        if session is not None and request.method == b"GET":
            session.views += 1
        nonce = secrets.token_urlsafe(16)
        state = json.dumps(self.application.describe(request)).replace("<", "\\u003c")
        values = {"MEMBER": html.escape(self.application.name), "STATE": state, "NONCE": nonce}
        page = re.sub("@@([A-Z]+)@@", lambda found: values[found[1]], dashboard_template())
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
            "connect-src 'self' ws: wss:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        request.setHeader(b"Content-Security-Policy", policy.encode())
        return body_for(request, b"text/html; charset=utf-8", page.encode())


class LogIn(Page):
    """``/panopticon/login``: a name is all it takes."""

    def render_POST(self, request: Request) -> bytes:
        """Start a session and go back to the page (303)."""
        refusal = refuse_other_sites(request)
        if refusal is not None:
            return refusal
        old = self.application.session(request)
        if old is not None:
            self.application.sessions.forget(old)
        form = parse_qs(body_of(request).read(LARGEST_FORM).decode("utf-8", "replace"))
        session = self.application.sessions.create(form.get("user", [""])[0])
        request.setHeader(b"Set-Cookie", login_cookie(session).encode())
        return redirect(request, 303, CONTEXT_PATH + "/")


class LogOut(Page):
    """``/panopticon/logout``: forgets the session."""

    def render_GET(self, request: Request) -> bytes:
        """End the session, if there is one, and go back to the page."""
        session = self.application.session(request)
        if session is not None:
            self.application.sessions.forget(session)
        request.setHeader(b"Set-Cookie", logout_cookie().encode())
        return redirect(request, 302, CONTEXT_PATH + "/")


class WhoAmI(Page):
    """``/panopticon/whoami``: which member answers, and what it knows of the one who asks."""

    def render_GET(self, request: Request) -> bytes:
        """The same as the page shows, without counting as a view."""
        return as_json(request, self.application.describe(request))


class Health(Page):
    """``/panopticon/health``: what Tomcat's HealthCheckValve answers."""

    def render_GET(self, request: Request) -> bytes:
        """A member that can answer is up."""
        return as_json(request, {"status": "UP"})


class Kill(Page):
    """``/panopticon/kill``: the member dies like a crashed process, a moment after this answer."""

    def render_POST(self, request: Request) -> bytes:
        """202, then death."""
        refusal = refuse_other_sites(request)
        if refusal is not None:
            return refusal
        delay = self.application.kill()
        answer = {"member": self.application.name, "dies_in": delay, "returns_after": self.application.outage}
        return as_json(request, answer, 202)


class Upgrade(Resource):
    """``/panopticon/ws``: hands an upgrade to the WebSocket resource.

    :param socket: autobahn's WebSocketResource.
    """

    isLeaf = True

    def __init__(self, socket: Any) -> None:
        super().__init__()
        self._socket = socket

    def render_GET(self, request: Request) -> bytes | int:
        """Let autobahn answer upgrades from our own pages."""
        if (request.getHeader("upgrade") or "").lower() != "websocket":
            request.setHeader(b"Upgrade", b"websocket")
            return as_json(request, {"error": "this path speaks WebSocket only"}, 426)
        refusal = refuse_other_sites(request)
        if refusal is not None:
            return refusal
        self._socket.render(request)
        return NOT_DONE_YET
