"""Sessions in a member's memory: what is lost with the member, and what makes stickiness necessary."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

import attrs

SESSION_COOKIE = "JSESSIONID"
"""Tomcat's name of the session cookie."""

CONTEXT_PATH = "/panopticon"
"""Where the application lives; also the path of its session cookie."""

LONGEST_USER = 40
"""Characters of a user name that are kept."""


@attrs.define(kw_only=True)
class Session:
    """One logged-in user; ``views`` counts the pages shown in this session."""

    id: str
    user: str
    views: int = 0


class Sessions:
    """The sessions that one member knows.

    :param route: written behind the first dot of every session id, as Tomcat's ``jvmRoute`` is; "" for none.
    :param capacity: the oldest session goes when there are more than this.
    """

    def __init__(self, route: str, capacity: int = 10_000) -> None:
        self._suffix = f".{route}" if route else ""
        self._capacity = capacity
        self._by_id: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def create(self, user: str) -> Session:
        """Log a user in, always under a new id."""
        session = Session(id=secrets.token_hex(16).upper() + self._suffix, user=user_name(user))
        self._by_id[session.id] = session
        if len(self._by_id) > self._capacity:
            del self._by_id[next(iter(self._by_id))]
        return session

    def find(self, cookies: Mapping[str, str]) -> Session | None:
        """The session that these cookies name, if this member knows it."""
        return self._by_id.get(cookies.get(SESSION_COOKIE, ""))

    def forget(self, session: Session) -> None:
        """Log a user out."""
        self._by_id.pop(session.id, None)

    def clear(self) -> None:
        """Lose everything, as a process does that dies."""
        self._by_id.clear()


def user_name(text: str) -> str:
    """A user's name fit to be shown: one line, printable, not too long, never empty."""
    shown = "".join(letter for letter in text if letter.isprintable()).strip()
    return shown[:LONGEST_USER] or "guest"


def cookies_of(headers: Iterable[str]) -> dict[str, str]:
    """The cookies in ``Cookie`` header values (RFC 6265 section 4.2.1); the first of a name counts."""
    found: dict[str, str] = {}
    for header in headers:
        for pair in header.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, value)
    return found


def same_origin(origin: str | None, host: str | None) -> bool:
    """Whether our own page sent a request: ``Origin``, if there is one, names the ``Host`` (RFC 6454)."""
    if origin is None:
        return True
    _, separator, authority = origin.partition("://")
    return bool(separator) and host is not None and authority.lower() == host.lower()


def login_cookie(session: Session) -> str:
    """The ``Set-Cookie`` value that starts a session."""
    return f"{SESSION_COOKIE}={session.id}; Path={CONTEXT_PATH}; HttpOnly; SameSite=Lax"


def logout_cookie() -> str:
    """The ``Set-Cookie`` value that makes a browser drop its session cookie."""
    return f"{SESSION_COOKIE}=; Path={CONTEXT_PATH}; Max-Age=0; HttpOnly; SameSite=Lax"
