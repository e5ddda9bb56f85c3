"""Header fields on their way through: what is taken off, what is put on, what is translated back.

Fields travel as ready ``Name: value`` lines in their order; nothing here makes a dictionary of them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

from ..errors import BadResponse
from .clients import Networks, is_in
from .request import Header, Request
from .secured import Secured

# Fields of an answer that end here (RFC 9110 section 7.6.1) or say something about its framing, which is made anew.
_ENDS_HERE = frozenset(b"keep-alive proxy-connection proxy-authenticate te trailer upgrade".split())
_MAPPED = frozenset(b"location content-location uri destination set-cookie".split())
_SPECIAL = _ENDS_HERE | _MAPPED | frozenset(b"connection content-length transfer-encoding via".split())
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


_NO_LINES: list[bytes] = []


class Peer:
    """The client at the other end of a connection, as far as members are told of it.

    :param address: its IP address.
    :param trusted: whether it is a proxy whose X-Forwarded-* fields are believed.
    :param secure: whether it came over TLS.
    :param server: the name this balancer gives itself in X-Forwarded-Server.
    :param port: its port; 0 when it has none.
    :param local: the address and port that it connected to, as far as the listener knows.
    :param explain_to: the networks whose clients are told why they are served by whom.

    :ivar secured: what its TLS came to; ``None`` without, or when somebody else has spoken it.
    """

    __slots__ = (
        "_explain_to",
        "_for",
        "_lines",
        "address",
        "local",
        "port",
        "secure",
        "secured",
        "server",
        "trusted",
    )

    def __init__(
        self,
        address: bytes,
        trusted: bool,
        secure: bool,
        server: bytes,
        port: int = 0,
        local: tuple[bytes, int] = (b"", 0),
        explain_to: Networks = (),
    ) -> None:
        self.port = port
        self._explain_to = explain_to
        self.local = local
        self.address = address
        self.trusted = trusted
        self.secure = secure
        self.server = server
        self._for: tuple[bytes, bytes] | None = None
        self._lines = _NO_LINES
        self.secured: Secured | None = None

    @property
    def scheme(self) -> bytes:
        """``http`` or ``https``, also for WebSockets: Spring refuses handshakes that say ``ws`` or ``wss``."""
        return b"https" if self.secure else b"http"

    def client(self, request: Request) -> bytes:
        """The address for the log: the client's own, or what the trusted proxy before us says of it (mod_remoteip)."""
        if self.trusted and request.forwarded:
            return self.client_behind(request.forwarded.get(b"x-forwarded-for", b""))
        return self.address

    def client_behind(self, forwarded_for: bytes) -> bytes:
        """The same, of an X-Forwarded-For field alone."""
        if self.trusted:
            said = forwarded_for.rpartition(b",")[2].strip(b" \t")
            if said and not said.translate(None, b"0123456789abcdefABCDEF.:"):
                return said
        return self.address

    def may_know_why(self, request: Request) -> bool:
        """Whether the client, the one behind a trusted proxy, is among those who are told why."""
        return bool(self._explain_to) and is_in(self.client(request), self._explain_to)

    def over_tls(self, request: Request) -> bool:
        """Whether the client came over TLS, to us or to the trusted proxy before us."""
        if self.trusted and request.forwarded:
            said = request.forwarded.get(b"x-forwarded-proto", b"").partition(b",")[0].strip().lower()
            if said:
                return said in (b"https", b"wss")
        return self.secure

    def forwarded(self, request: Request, server: bytes = b"") -> list[bytes]:
        """The X-Forwarded-* lines for ``request``; the same for all requests of an untrusted client to one host.

        :param server: the name for X-Forwarded-Server, if it is not this balancer's own.
        """
        server = server or self.server
        if self.trusted and request.forwarded:
            return self._extended(request, request.forwarded, server)
        if (request.host, server) != self._for:
            self._for = request.host, server
            self._lines = self._lines_for(request.host, server)
        return self._lines

    def forget(self) -> None:
        """No more requests come: what was worked out for them is not kept."""
        self._for, self._lines = None, _NO_LINES

    def _lines_for(self, host: bytes, server: bytes) -> list[bytes]:
        lines = [b"X-Forwarded-For: " + self.address]
        if host:
            lines.append(b"X-Forwarded-Host: " + host)
        lines.append(b"X-Forwarded-Proto: " + self.scheme)
        lines.append(b"X-Forwarded-Port: " + port_of(host, self.secure))
        lines.append(b"X-Forwarded-Server: " + server)
        return lines

    def _extended(self, request: Request, sent: dict[bytes, bytes], server: bytes) -> list[bytes]:
        """What a trusted proxy said: the list of addresses grows, what it said of the first hop stays."""
        fields = dict(line.split(b": ", 1) for line in self._lines_for(request.host, server))
        for name, value in sent.items():
            title = name.title()
            if name in (b"x-forwarded-for", b"x-forwarded-server"):
                fields[title] = value + b", " + fields[title]
            elif name == b"x-forwarded-proto":
                scheme = value.lower()
                fields[title] = {b"ws": b"http", b"wss": b"https"}.get(scheme, scheme)
            else:
                fields[title] = value
        if b"x-forwarded-port" not in sent and sent.keys() & {b"x-forwarded-proto", b"x-forwarded-host"}:
            secure = fields[b"X-Forwarded-Proto"].startswith(b"https")
            fields[b"X-Forwarded-Port"] = port_of(fields.get(b"X-Forwarded-Host", b""), secure)
        return [name + b": " + value for name, value in fields.items()]


def port_of(host: bytes, secure: bool) -> bytes:
    """The port that the client used: the one in its Host field, or its scheme's."""
    name, colon, port = host.rpartition(b":")
    if colon and port.isdigit() and not name.endswith(b":"):
        return port
    return b"443" if secure else b"80"


class Answer:
    """The head of an answer that was understood.

    :ivar lines: its end-to-end fields as ``Name: value``, in order.
    :ivar length: the length of the body in bytes; ``None`` when it is not announced.
    :ivar chunked: whether the body comes in chunks.
    :ivar keep: whether the member keeps the connection.
    """

    __slots__ = ("chunked", "connection", "keep", "length", "lines", "mapped", "via")

    def __init__(self, http11: bool) -> None:
        self.lines: list[bytes] = []
        self.mapped: list[Header] = []
        self.length: int | None = None
        self.chunked = False
        self.keep = http11
        self.connection: frozenset[bytes] = frozenset()
        self.via = b""


def understand_answer(fields: Iterable[bytes], http11: bool) -> Answer:
    """Make an `Answer` of what the parser read.

    :param fields: the header fields as lines without their ends, ``Name: value``.
    :raises BadResponse: when its framing is not clear.
    """
    answer = Answer(http11)
    lines = answer.lines
    for line in fields:
        name, _, value = line.partition(b":")
        lower = name.lower()
        if lower not in _SPECIAL:
            lines.append(line)
            continue
        value = value.strip(b" \t")
        if lower == b"content-length":
            if answer.length is not None or not value.isdigit() or len(value) > 18:
                raise BadResponse("its Content-Length is not clear")
            answer.length = int(value)
        elif lower in _MAPPED:
            answer.mapped.append((name, value))
        elif lower == b"transfer-encoding":
            if answer.chunked or value.lower() != b"chunked":
                raise BadResponse("its Transfer-Encoding is not 'chunked'")
            answer.chunked = True
        elif lower == b"connection":
            if value == b"keep-alive":  # by far the most common
                answer.keep = True
            else:
                _take_connection(answer, value)
        elif lower == b"via":
            answer.via = answer.via + b", " + value if answer.via else value
    if answer.connection:
        _obey_connection(answer)
    if answer.chunked:
        if answer.length is not None:
            raise BadResponse("it has both a Content-Length and a Transfer-Encoding")
        answer.keep = answer.keep and http11  # RFC 9112 section 6.1
    return answer


def _obey_connection(answer: Answer) -> None:
    if b"close" in answer.connection:  # RFC 9112 section 9.3: it wins
        answer.keep = False
    named = answer.connection - {b"close", b"keep-alive", b"upgrade", b""}
    if named:
        answer.lines = [line for line in answer.lines if line.partition(b":")[0].lower() not in named]


def _take_connection(answer: Answer, value: bytes) -> None:
    options = frozenset(option.strip(b" \t").lower() for option in value.split(b","))
    answer.connection |= options
    if b"close" in options:
        answer.keep = False
    elif b"keep-alive" in options:
        answer.keep = True


def websocket_accept(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest())


# RFC 6455 sections 11.3.3 and 11.3.4; browsers refuse a 101 that has one of them twice.
ONCE = frozenset((b"sec-websocket-accept", b"sec-websocket-protocol"))


def extensions_in(lines: Iterable[bytes]) -> bytes:
    """The value of all Sec-WebSocket-Extensions fields among these, as if they were one (RFC 6455 section 9.1)."""
    pairs = (line.partition(b":") for line in lines)
    return b",".join(value for name, _, value in pairs if name.lower() == b"sec-websocket-extensions")


def extension_names(extensions: bytes) -> set[bytes]:
    """The names in a Sec-WebSocket-Extensions field (RFC 6455 section 9.1)."""
    return {one.partition(b";")[0].strip(b" \t") for one in extensions.split(b",")} - {b""}


def check_websocket_answer(answer: Answer, fields: Sequence[bytes], upgrade: Iterable[bytes]) -> None:
    """RFC 6455 section 4.1: what a 101 must say to a handshake.

    :param upgrade: the lines of the handshake's fields.
    :raises BadResponse: when it does not.
    """
    pairs = [
        (name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in fields)
    ]
    said = dict(pairs)
    once = [name for name, _ in pairs if name in ONCE]
    if len(set(once)) < len(once):
        raise BadResponse("its 101 says something of the WebSocket twice")
    asked = dict(line.split(b": ", 1) for line in upgrade)
    if said.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in answer.connection:
        raise BadResponse("its 101 does not switch to WebSocket")
    if said.get(b"sec-websocket-accept") != websocket_accept(asked[b"Sec-WebSocket-Key"]):
        raise BadResponse("its 101 carries a wrong Sec-WebSocket-Accept")
    chosen = said.get(b"sec-websocket-protocol")
    offered = asked.get(b"Sec-WebSocket-Protocol", b"").split(b",")
    if chosen is not None and (not chosen or chosen not in [name.strip(b" \t") for name in offered]):
        raise BadResponse("its 101 chooses a subprotocol that was not offered")
    asked_for = extension_names(asked.get(b"Sec-WebSocket-Extensions", b""))
    if not extension_names(extensions_in(fields)) <= asked_for:
        raise BadResponse("its 101 chooses an extension that was not offered")
