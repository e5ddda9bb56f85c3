"""Facts as a test gives them, and texts that look like the languages."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from panolb.language.logformat import Logged


class Given(Logged):
    """What a test says of a request."""

    def __init__(
        self,
        env: Mapping[bytes, bytes] | None = None,
        request: Mapping[bytes, bytes] | None = None,
        response: Mapping[bytes, bytes] | None = None,
        body: bytes = b"",
        **variables: bytes,
    ) -> None:
        self._env = env or {}
        self._request = request or {}
        self._response = response or {}
        self._body = body
        self._variables = variables

    def env(self, name: bytes) -> bytes | None:
        return self._env.get(name)

    def request_header(self, name: bytes) -> bytes | None:
        return self._request.get(name)

    def response_header(self, name: bytes) -> bytes | None:
        return self._response.get(name)

    def variable(self, name: str) -> bytes:
        return self._variables.get(name, b"")

    def body(self) -> bytes:
        return self._body

    def elapsed(self) -> float:
        return 1.2345678

    def wall(self) -> float:
        return 1_700_000_000.123456

    def status(self) -> int:
        return int(self._variables.get("REQUEST_STATUS", b"200"))

    def sent(self) -> int:
        return 512

    def received(self) -> int:
        return 7

    def when(self, form: str, at_end: bool) -> bytes:
        return b"end" if at_end else b"begin:" + form.encode()

    def local_port(self) -> int:
        return 10080

    def kept(self) -> int:
        return 3

    def ending(self) -> bytes:
        return b"+"

    def process(self) -> int:
        return 42


NASTY = Given(
    env=dict.fromkeys((b"A", b"BALANCER_WORKER_ROUTE"), b"1\r\nEvil: 1\0"),
    request=dict.fromkeys((b"host", b"user-agent", b"x", b"cookie"), b"a\r\nb\x00\x1f"),
    response=dict.fromkeys((b"x", b"set-cookie"), b"\nc\r"),
    body=b"\n",
    REQUEST_URI=b"/\r\n\0",
    REMOTE_ADDR=b"10.1.2.3",
    THE_REQUEST=b'GET /"\r\n HTTP/1.1',
)
"""A request all of whose values would break a line."""


def looking_like(*fragments: str) -> st.SearchStrategy[str]:
    """Texts of these fragments, and of anything else."""
    piece = st.one_of(st.sampled_from(fragments), st.text(max_size=3))
    return st.lists(piece, max_size=12).map("".join)
