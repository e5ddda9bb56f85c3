"""What is fuzzed, by name, and where each one's corpus is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import answers, configurations, frames, requests
from .house import House, Houses

CORPUS = Path(__file__).parent / "corpus"
SLOW = 5.0
"""Seconds of CPU that no input of `LARGEST` bytes may cost; the slowest of the corpus cost a tenth of a second."""

LARGEST = 16 << 10
"""Bytes of an input."""


@dataclass(frozen=True)
class Target:
    """Something that reads bytes.

    :ivar check: raises an AssertionError when what must hold of such bytes does not.
    :ivar words: what such bytes are made of, for mutations.
    """

    name: str
    check: Callable[[House, bytes], None]
    words: tuple[bytes, ...]

    @property
    def corpus(self) -> list[Path]:
        """The files of its corpus."""
        return sorted(path for path in (CORPUS / self.name).iterdir() if path.is_file())

    def run(self, houses: Houses, data: bytes) -> None:
        """Check one input, in bounded time.

        :raises AssertionError: when something that must hold did not.
        """
        with houses.one() as house:
            begun = time.process_time()
            self.check(house, data)
            spent = time.process_time() - begun
        assert spent < SLOW, f"{len(data)} bytes cost {spent:.1f} s of CPU"


_HTTP = tuple(
    text.encode("latin-1")
    for text in (
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t", "\x0b", "\x00", ":", ": ", ",", ";", "0", "3", "-1", "+3", "0x3", "\xff",
        "Content-Length: 3\r\n", "Content-Length: 0\r\n", "Content-Length: 3, 3\r\n", "Content-Length:\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding\r\n", "chunked", "Transfer-encoding: \tchunked\r\n", "0\r\n\r\n", "3\r\nabc\r\n", "3;a=b\r\nabc\r\n",
        "0\r\nX: y\r\n\r\n", "ffffffffffffffff\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n", "HTTP/1.0", "HTTP/1.1",
        "HTTP/2.0", "X: y\r\n", "X: y\r\n z\r\n", "Connection: Content-Length\r\n", "Trailer: X\r\n", "abc",
    )
)  # fmt: skip
_REQUESTS = tuple(
    text.encode()
    for text in (
        "GET /app/ HTTP/1.1\r\n", "GET /other HTTP/1.1\r\n", "POST /app/ HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "HEAD ",
        "Host: x\r\n", "Host: y\r\n", "Host:\r\n", "Expect: 100-continue\r\n", "Connection: Upgrade\r\n", "Upgrade: websocket\r\n",
        "Upgrade: h2c\r\n", "GET http://x/app/ HTTP/1.1\r\n", "GET /other/../app/ HTTP/1.1\r\n", "GET //app/%2e%2e/%00 HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /app/evil HTTP/1.1\r\nHost: x\r\n\r\n", "Cookie: ROUTEID=.1\r\n", "CONNECT ",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n", "GET /splice/ HTTP/1.1\r\n",
    )
)  # fmt: skip
_ANSWERS = tuple(
    text.encode()
    for text in (
        "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", "HTTP/1.1 204 No\r\n",
        "HTTP/1.1 304 No\r\n", "HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 401 No\r\n", "HTTP/1.1 200\r\n", "HTTP/1.1 99 x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Set-Cookie: a=b; Path=/\r\n", "Location: http://127.0.0.1:8080/app/\r\n", "Sec-WebSocket-Protocol: a\r\n",
    )
)  # fmt: skip
_ASKED = (*(word + b" " for word in answers.ASKED), b"close ", b"reset ", b"kept ")
_FRAMES = (
    b"client ", b"member ", b"splice ", b"messages ", b"deflate ", b"\x81", b"\x82", b"\x01", b"\x00", b"\x80", b"\x88", b"\x89", b"\x8a",
    b"\xc1", b"\x41", b"\x7e", b"\x7f", b"\xfe", b"\xff", b"\x83", b"\x03\xe8", b"\x03\xed", b"\x81\x80\0\0\0\0", b"\x88\x80\0\0\0\0",
    b"\x01\x81\0\0\0\0\xc3", b"\x80\x81\0\0\0\0\xa9", b"\x89\x81\0\0\0\0p", b"\x81\x01a", b"\x88\x00", b"\x89\x01p", b"\x01\x01\xc3",
    b"\x80\x01\xa9", b"\x00\x00\x00\x00\x00\x01\x00\x00", b"\xca\x48\xcd\xc9\xc9\x07\x00", b"\x00\x00\xff\xff", b"\x03\x00",
)  # fmt: skip
_TOML = tuple(
    text.encode()
    for text in (
        "\n", "[", "]", "[[", "]]", "{", "}", "=", ".", '"', "'", '"""', ",", "#", "\\u0000", "-1", "nan", "1e400", "true", '"30s"', '"16KiB"',
        "1979-05-27", "[listener.x]\n", 'endpoint = "tcp:1"\n', "[balancer.x]\n", "[[balancer.x.member]]\n", 'url = "http://h/"\n',
        "[[location]]\n", 'path = "/"\n', 'balancer = "x"\n', 'files = "/"\n', "[control]\n", "[admin]\n", 'health = "http"\n',
        "websocket = true\n", 'request_headers = ["set X %{REMOTE_ADDR}s"]\n', 'path_match = "^/(a+)+$"\n',
    )
)  # fmt: skip
_HTTPD = tuple(
    text.encode()
    for text in (
        "\n", "\\\n", '"', "'", "<", ">", "</", "%{", "}", "${", "$1", "!", "#", " ", "balancer://x", "http://h:80/", "(a+)+$", "On", "Off",
        "Listen 80\n", "ServerName x\n", "<Proxy balancer://x>\n", "</Proxy>\n", "BalancerMember http://h route=1\n",
        "ProxySet stickysession=ID|id\n", "ProxyPass / balancer://x/\n", "ProxyPassReverse / balancer://x/\n", "<VirtualHost *:80>\n",
        "</VirtualHost>\n", "<Location />\n", "</Location>\n", "RewriteEngine On\n", "RewriteRule ^/(.*)$ balancer://x/$1 [P]\n",
        "RewriteCond %{HTTP:Upgrade} websocket [NC]\n", "Header set X %{HTTPS}s\n",
        'Header add Set-Cookie "ID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED\n',
        "SetEnvIf Host x y\n", "Define a b\n", "<IfModule mod_proxy.c>\n", "</IfModule>\n",
        "ProxyTimeout 5\n", "LogFormat %h x\n", "CustomLog log x\n", "ErrorDocument 503 x\n", "LoadModule proxy_module x\n", "\x00", "\xe9",
    )
)  # fmt: skip

TARGETS = {
    target.name: target
    for target in (
        Target("requests", requests.check, _HTTP + _REQUESTS),
        Target("answers", answers.check, _HTTP + _ANSWERS + _ASKED),
        Target("frames", frames.check, _FRAMES),
        Target("toml", configurations.check_toml, _TOML),
        Target("httpd", configurations.check_httpd, _HTTPD),
    )
}
