"""The route cookie: how a client learns which member it is bound to (RFC 6265)."""

from __future__ import annotations


class RouteCookie:
    """The Set-Cookie line for each route, made once.

    :param name: the cookie's name, as a rule ``ROUTEID``.
    :param separator: what stands before the route in the value; empty when the whole value is the route.
    :param max_age: seconds the browser keeps it; ``None`` makes it end with the browser.
    :param samesite: ``Lax``, ``Strict``, ``None`` or, for no attribute, ``off``.
    :param secure: ``True``, ``False``, or ``None`` for "when the client came over TLS".
    """

    __slots__ = ("_head", "_lines", "_secure", "_tail")

    def __init__(
        self,
        name: str,
        *,
        separator: str = ".",
        path: str = "/",
        domain: str | None = None,
        max_age: int | None = None,
        samesite: str = "Lax",
        httponly: bool = True,
        secure: bool | None = None,
    ) -> None:
        tail = f"; Path={path}"
        if domain is not None:
            tail += f"; Domain={domain}"
        if max_age is not None:
            tail += f"; Max-Age={max_age}"
        if httponly:
            tail += "; HttpOnly"
        if samesite != "off":
            tail += f"; SameSite={samesite}"
        self._head = f"{name}={separator}".encode("ascii")
        self._tail = tail.encode("ascii")
        self._secure = secure
        self._lines: dict[tuple[bytes, bool], bytes] = {}

    def value(self, route: bytes, over_tls: bool) -> bytes:
        """The value of the Set-Cookie field that binds a client to ``route``."""
        key = (route, over_tls)
        line = self._lines.get(key)
        if line is None:
            secure = over_tls if self._secure is None else self._secure
            line = self._head + route + self._tail + (b"; Secure" if secure else b"")
            self._lines[key] = line
        return line
