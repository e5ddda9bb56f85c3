"""A request as somebody describes it who wants to know what would become of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import attrs

from ..core.request import Request
from ..proxy.frontend import Limits
from ..proxy.reader import RequestReader

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3: any will do
HANDSHAKE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: " + KEY,
)
_SCHEMES = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = "".join(map(chr, range(33, 127)))


class BadQuestion(ValueError):
    """The description makes no sense; the message says why."""


@attrs.frozen
class Question:
    """A request that could come.

    :ivar url: as it was asked about.
    :ivar scheme: ``http``, ``https``, ``ws`` or ``wss``; empty for a path alone.
    :ivar port: the URL's; 0 for a path alone.
    :ivar target: what stands in the request line.
    :ivar fields: header fields as lines, Host among them.
    :ivar client: the address that connects.
    :ivar listener: the name of the listener; ``None`` for any that fits.
    """

    url: str
    scheme: str
    port: int
    method: bytes
    target: bytes
    fields: tuple[bytes, ...]
    client: str
    listener: str | None

    def read(self, limits: Limits) -> Request:
        """The request as a listener's connections would read it.

        :raises BadRequest: as they would.
        """
        reader = RequestReader(limits, _nothing)
        head = b"\r\n".join((b"%b %b HTTP/1.1" % (self.method, self.target), *self.fields, b"\r\n"))
        try:
            while head and reader.request is None:
                head = head[reader.read_head(head) :]
            assert reader.request is not None
            return reader.request
        finally:
            reader.close()


def understand(asked: Mapping[str, Any]) -> Question:
    """Make a question of JSON.

    :param asked: ``url``, and perhaps ``method``, ``headers``, ``cookies``, ``client``, ``listener``, ``websocket``.
    :raises BadQuestion: when it makes no sense.
    """
    unknown = sorted(asked.keys() - _KEYS.keys())
    if unknown:
        raise BadQuestion(f"unknown: {', '.join(unknown)}; known are {', '.join(_KEYS)}")
    for key, kind in _KEYS.items():
        if asked.get(key) is not None and not isinstance(asked[key], kind):
            raise BadQuestion(f"{key} is {_KINDS[kind]}")
    url = asked.get("url") or ""
    scheme, authority, port, target = _split(url)
    fields = list(_lines(asked.get("headers") or {}))
    given = {line.partition(b":")[0].lower() for line in fields}
    if b"host" not in given:
        fields.insert(0, b"Host: " + (authority or b"localhost"))
    cookies = [_cookie(name, value) for name, value in (asked.get("cookies") or {}).items()]
    if cookies:
        fields.append(b"Cookie: " + b"; ".join(cookies))
    websocket = asked.get("websocket")
    if websocket or (websocket is None and scheme in ("ws", "wss")):
        fields += [line for line in HANDSHAKE if line.partition(b":")[0].lower() not in given]
    method = asked.get("method") or "GET"
    if not _TOKEN.fullmatch(method):
        raise BadQuestion("method is a word such as GET")
    return Question(
        url, scheme, port, method.encode(), target, tuple(fields), _client(asked), asked.get("listener")
    )


_KEYS = {
    "url": str,
    "method": str,
    "headers": dict,
    "cookies": dict,
    "client": str,
    "listener": str,
    "websocket": bool,
}
_KINDS = {str: "a text", dict: "an object of names and texts", bool: "true or false"}


def _nothing(data: bytes) -> None:
    """No body comes."""


def _split(url: str) -> tuple[str, bytes, int, bytes]:
    """Scheme, authority, port and request target of a URL, or of a path alone."""
    if not url:
        raise BadQuestion("url is missing")
    if any(ord(character) < 32 or ord(character) == 127 for character in url):
        raise BadQuestion("url has a control character")
    if url.startswith("/"):
        return "", b"", 0, _target(url)
    try:
        parts = urlsplit(url)
        port = parts.port
        authority = _in_dns(parts.netloc.rpartition("@")[2])
    except ValueError as error:
        raise BadQuestion(f"url cannot be read: {error}")
    if parts.scheme.lower() not in _SCHEMES or not authority:
        raise BadQuestion("url is http://HOST/PATH, https://HOST/PATH, or a path alone")
    scheme = parts.scheme.lower()
    rest = url[len(parts.scheme) + 3 + len(parts.netloc) :]
    return scheme, authority, port or _SCHEMES[scheme], _target(rest)


def _in_dns(authority: str) -> bytes:
    """Host and port as they stand in a Host field.

    :raises UnicodeError: when there is no such name.
    """
    if authority.isascii():
        return authority.encode()
    host, colon, port = authority.partition(":")
    return (host.encode("idna").decode() + colon + port).encode("ascii")


def _target(rest: str) -> bytes:
    """A request target as browsers write it: no fragment, and escapes for what is not ASCII."""
    rest = rest.partition("#")[0]
    try:
        return quote(rest if rest.startswith("/") else "/" + rest, safe=_PRINTABLE).encode("ascii")
    except UnicodeEncodeError:
        raise BadQuestion("url has what is no character")


def _lines(headers: Mapping[str, Any]) -> Iterable[bytes]:
    for name, values in headers.items():
        if not _TOKEN.fullmatch(name):
            raise BadQuestion(f"{name!r} is no name of a header field")
        for value in values if isinstance(values, list) else [values]:
            yield name.encode() + b": " + _value(value, f"the header field {name}")


def _cookie(name: str, value: object) -> bytes:
    return _value(name, "the name of a cookie") + b"=" + _value(value, f"the cookie {name}")


def _value(value: object, what: str) -> bytes:
    if not isinstance(value, str):
        raise BadQuestion(f"{what} is a text")
    if any(character in value for character in "\r\n\0"):
        raise BadQuestion(f"{what} has a control character")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise BadQuestion(f"{what} has what is no character")


def _client(asked: Mapping[str, Any]) -> str:
    client = asked.get("client") or "127.0.0.1"
    try:
        return str(ip_address(client))
    except ValueError:
        raise BadQuestion(f"client is an IP address, not {client!r}")
