"""Before anything is measured: does this peer do the work at all?"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from http.cookies import SimpleCookie

from bench import browser
from bench.errors import BenchError

COOKIE = browser.STICKY_COOKIE
TRIES = 40
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a browser sees it; ``member`` is what the member calls itself, ``cookie`` the value just set."""

    status: int
    body: bytes
    member: str
    cookie: str


def get(port: int, path: str, cookie: str = "", tls: ssl.SSLContext | None = None) -> Answer:
    """One GET on a connection of its own; OSError or HTTPException if there is no proper answer."""
    connection = (
        http.client.HTTPConnection("localhost", port, timeout=10)
        if tls is None
        else http.client.HTTPSConnection("localhost", port, timeout=10, context=tls)
    )
    try:
        connection.request("GET", path, headers=browser.headers(cookie))
        response = connection.getresponse()
        jar: SimpleCookie = SimpleCookie()
        for line in response.headers.get_all("Set-Cookie", []):
            jar.load(line)
        value = jar[COOKIE].value if COOKIE in jar else ""
        return Answer(response.status, response.read(), response.headers.get("X-Member", ""), value)
    finally:
        connection.close()


def checked(
    peer: str, port: int, path: str, body: bytes, cookie: str = "", tls: ssl.SSLContext | None = None
) -> Answer:
    """The answer to one GET, which must be 200 with exactly this body, from a member that says who it is."""
    try:
        answer = get(port, path, cookie, tls)
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{peer}: GET {path} got no answer: {error!r}") from error
    if answer.status != 200:
        raise BenchError(f"{peer}: GET {path} was answered {answer.status}, not 200: {answer.body[:200]!r}")
    if answer.body != body:
        raise BenchError(
            f"{peer}: GET {path} brought {len(answer.body)} bytes that are not the member's {len(body)}"
        )
    if not answer.member:
        raise BenchError(f"{peer}: GET {path}: the member's header X-Member was lost")
    return answer


def sticky_cookie(peer: str, port: int, path: str, body: bytes, tls: ssl.SSLContext | None = None) -> str:
    """Check answers and stickiness; return the cookie value that leads to the first member.

    Requests without a cookie must be given one and reach both members; with the cookie they must stay.
    """
    cookies: dict[str, str] = {}
    for _ in range(TRIES):
        answer = checked(peer, port, path, body, tls=tls)
        if not answer.cookie:
            raise BenchError(f"{peer}: no cookie {COOKIE} in the answer to a request that had none")
        cookies[answer.member] = answer.cookie
        if len(cookies) == 2:
            break
    else:
        raise BenchError(f"{peer}: {TRIES} requests without a cookie all went to the same member")
    for member, cookie in cookies.items():
        for _ in range(REPEATS):
            seen = checked(peer, port, path, body, cookie, tls).member
            if seen != member:
                raise BenchError(
                    f"{peer}: the cookie {COOKIE}={cookie} of member {member} led to member {seen}"
                )
    return cookies[min(cookies)]
