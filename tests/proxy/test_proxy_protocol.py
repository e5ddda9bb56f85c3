"""Listeners to which proxies announce their clients, over real sockets and behind a real HAProxy."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from panolb.core.announced import SIGNATURE
from tests.harness.certificate import certify
from tests.harness.client import RESET, Client
from tests.harness.scripts import echo
from tests.harness.tlsclient import TlsClient, client_context
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.proxy.lab import Lab, running

LINE = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"
LINE6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n"
GET = b"GET /app/x HTTP/1.1\r\nHost: panolb.test\r\n\r\n"


def block(command: int = 0x21, family: int = 0x11, content: bytes | None = None, more: bytes = b"") -> bytes:
    """A header of version 2, by default of 203.0.113.7."""
    if content is None:
        content = bytes([203, 0, 113, 7, 192, 0, 2, 1]) + struct.pack("!HH", 56324, 443)
    content += more
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


BLOCK = block()
TLVS = block(more=b"\x02\x00\x0bpanolb.test" + b"\x04\x01\x00" + bytes(256) + b"\x20\x00\x05\x01" + bytes(4))
BLOCK6 = block(
    family=0x21,
    content=socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + struct.pack("!HH", 1, 2),
)

LISTENERS = """
[listener.announced]
endpoint = "tcp:{announced}:interface={address}"
trusted_proxies = ["127.0.0.1", "127.0.0.3"]
proxy_protocol = true
proxy_protocol_exceptions = ["127.0.0.3"]
header_timeout = "1s"
max_connections_per_client = 3

[listener.secure]
endpoint = "tcp:{secure}:interface={address}"
trusted_proxies = ["127.0.0.1"]
proxy_protocol = true
[[listener.secure.certificate]]
file = "{certificate}"
key = "{key}"

[listener.unix]
endpoint = "unix:{unix}"
proxy_protocol = true

[access_log]
path = "access.log"
format = "common"
"""


class Behind(Lab):
    """A lab with listeners that are announced clients."""

    announced = 0
    secure = 0
    unix = ""

    def connect(self, source: str = ADDRESS) -> Client:
        """A connection of a proxy, or of somebody else."""
        return Client(self.announced, source=source)

    def seen_as(self) -> str | None:
        """What the member was told of the last client."""
        return self.member.requests[-1].one("X-Forwarded-For")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One member, and a listener of each kind."""
    directory = tmp_path_factory.mktemp("behind")
    key, certificate = certify(directory)
    announced, secure, unix = free_port(), free_port(), str(directory / "s")
    more = LISTENERS.format(
        announced=announced, secure=secure, unix=unix, address=ADDRESS, certificate=certificate, key=key
    )
    with running(directory, more=more) as lab:
        lab.__class__ = Behind
        assert isinstance(lab, Behind)
        lab.announced, lab.secure, lab.unix = announced, secure, unix
        yield lab


def is_closed(connection: socket.socket) -> bool:
    """Wait until the other side has ended a connection, without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


HEADERS = pytest.mark.parametrize(
    ("header", "client"),
    [
        (LINE, "203.0.113.7"),
        (LINE6, "2001:db8::7"),
        (BLOCK, "203.0.113.7"),
        (TLVS, "203.0.113.7"),
        (BLOCK6, "2001:db8::7"),
        (block(more=bytes(65000)), "203.0.113.7"),
        (b"PROXY UNKNOWN\r\n", ADDRESS),
        (block(command=0x20), ADDRESS),
        (block(family=0, content=b""), ADDRESS),
    ],
    ids=["line", "line 6", "block", "TLVs", "block 6", "long", "unknown", "local", "unspecified"],
)


@HEADERS
def test_client_is_who_was_announced(lab: Behind, header: bytes, client: str) -> None:
    """To the member and in the log; what is behind the header is the first request, in whatever pieces it comes."""
    with lab.connect() as proxy:
        proxy.send(header + GET)
        assert proxy.answer().status == 200
        proxy.send(GET)
        assert proxy.answer().status == 200
    assert lab.seen_as() == client
    logged = lab.panolb.directory / "access.log"
    until(
        lambda: logged.read_text().rpartition("\n")[0].rpartition("\n")[2].startswith(client + " "),
        "the line",
    )


@pytest.mark.parametrize("header", [LINE, BLOCK, TLVS], ids=["line", "block", "TLVs"])
def test_header_in_pieces(lab: Behind, header: bytes) -> None:
    """Byte by byte; no CPU is spent on waiting for the rest."""
    with lab.connect() as proxy:
        proxy.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = cpu(lab)
        for byte in header:
            proxy.send(bytes([byte]))
        proxy.send(GET)
        assert proxy.answer().status == 200
    assert lab.seen_as() == "203.0.113.7"
    assert cpu(lab) - before < 0.5


def cpu(lab: Behind) -> float:
    """Seconds that the process has used."""
    fields = Path(f"/proc/{lab.panolb.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_half_a_header_costs_nothing(lab: Behind) -> None:
    """It waits for its time limit, and not in a busy loop."""
    with lab.connect() as proxy:
        before = cpu(lab)
        proxy.send(LINE[:20])
        assert is_closed(proxy.socket)
        assert cpu(lab) - before < 0.3
    until(lambda: "no whole PROXY header in time" in lab.panolb.log, "the line")


def test_announced_clients_do_not_lie(lab: Behind) -> None:
    """Who was announced is a client like any other: its own X-Forwarded-For is replaced."""
    with lab.connect() as proxy:
        proxy.send(LINE)
        proxy.get("/app/x", "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https")
    assert lab.seen_as() == "203.0.113.7"
    assert lab.member.requests[-1].one("X-Forwarded-Proto") == "http"


def test_limit_of_a_client(lab: Behind) -> None:
    """It counts the announced ones, not the proxy."""
    kept = []
    for number in range(3):
        kept.append(lab.connect())
        kept[-1].send(LINE)
        assert kept[-1].get(f"/app/{number}").status == 200
    with lab.connect() as fourth, lab.connect() as another:
        fourth.send(LINE + GET)
        assert is_closed(fourth.socket)
        another.send(LINE6)
        assert another.get("/app/x").status == 200
    for one in kept:
        one.close()


def test_strangers_are_refused(lab: Behind) -> None:
    """Whatever they send: else everybody could be anybody."""
    for said in (LINE + GET, BLOCK + GET, GET):
        with lab.connect("127.0.0.2") as stranger:
            try:
                stranger.send(said)
            except OSError:
                continue
            assert is_closed(stranger.socket)
    assert lab.member.requests == []
    lines = lab.panolb.lines("client 127.0.0.2")
    assert len(lines) == 1
    assert "PLB-1522" in lines[0]
    assert "trusted_proxies" in lines[0]


def test_exceptions_announce_nobody(lab: Behind) -> None:
    """They speak HTTP at once; and nobody is believed who announces somebody all the same."""
    with lab.connect("127.0.0.3") as direct:
        assert direct.get("/app/x").status == 200
    assert lab.seen_as() == "127.0.0.3"
    with lab.connect("127.0.0.3") as direct:
        direct.send(LINE + GET)
        assert direct.answer().status == 400


@pytest.mark.parametrize(
    "said",
    [
        GET,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 99999\r\n" + GET,
        b"PROXY TCP4 " + b"1" * 200,
        block(command=0x11),
        block(family=0x12),
        block(content=b"short"),
        SIGNATURE[:-1] + b"x",
    ],
    ids=["no header", "TLS", "port", "endless", "version", "datagrams", "short", "signature"],
)
def test_no_header_no_request(lab: Behind, said: bytes) -> None:
    """A proxy that sends none, or a wrong one, is cut off: a receiver must not guess."""
    with lab.connect() as proxy:
        try:
            proxy.send(said)
        except OSError:
            pass
        assert is_closed(proxy.socket)
    assert lab.member.requests == []


def test_connections_without_a_word(lab: Behind) -> None:
    """Who looks whether somebody listens, or leaves in the midst of a header, is not worth a line."""
    before = lab.panolb.log
    for said in (b"", LINE[:10]):
        for reset in (False, True):
            connection = socket.create_connection((ADDRESS, lab.announced))
            connection.send(said)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
    with lab.connect() as proxy:
        proxy.send(LINE + GET)
        assert proxy.answer().status == 200
    assert lab.panolb.log == before


@HEADERS
def test_before_tls(lab: Behind, header: bytes, client: str) -> None:
    """The header comes first, in plain text, and the handshake finds its first byte where it belongs."""
    connection = socket.create_connection((ADDRESS, lab.secure), timeout=PATIENCE)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    connection.sendall(header + outgoing.read())
    while True:
        incoming.write(connection.recv(1 << 16))
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            continue
    tls.write(GET)
    connection.sendall(outgoing.read())
    until(lambda: lab.member.requests, "the request")
    assert lab.seen_as() == client
    assert lab.member.one().one("X-Forwarded-Proto") == "https"
    connection.close()


def test_unix_socket(lab: Behind) -> None:
    """Only those get there whom the system lets: they are believed."""
    for header, client in ((LINE, "203.0.113.7"), (BLOCK6, "2001:db8::7")):
        with socket.socket(socket.AF_UNIX) as proxy:
            proxy.settimeout(PATIENCE)
            proxy.connect(lab.unix)
            proxy.sendall(header + GET)
            assert proxy.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert lab.seen_as() == client


# -- a real proxy -------------------------------------------------------------------------------------------------------

HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout client 30s
    timeout server 30s
    timeout connect 5s
listen plain1
    bind 127.0.0.1:{plain1}
    server panolb 127.0.0.1:{announced} send-proxy
listen plain2
    bind 127.0.0.1:{plain2}
    server panolb 127.0.0.1:{announced} send-proxy-v2 check inter 100ms
listen secure1
    bind 127.0.0.1:{secure1}
    server panolb 127.0.0.1:{secure} send-proxy
listen secure2
    bind 127.0.0.1:{secure2}
    server panolb 127.0.0.1:{secure} send-proxy-v2 proxy-v2-options unique-id,ssl,authority
listen unix2
    bind 127.0.0.1:{unix2}
    server panolb unix@{unix} send-proxy-v2
"""
PORTS = ("plain1", "plain2", "secure1", "secure2", "unix2")


def listens(port: int) -> bool:
    """Whether a connection to it can be made."""
    socket.create_connection((ADDRESS, port)).close()
    return True


@contextmanager
def haproxy(lab: Behind, directory: Path) -> Iterator[dict[str, int]]:
    """HAProxy in front of panolb; gives its ports."""
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    ports = {name: free_port() for name in PORTS}
    file = directory / "haproxy.cfg"
    file.write_text(HAPROXY.format(**ports, announced=lab.announced, secure=lab.secure, unix=lab.unix))
    program = subprocess.Popen(
        ["haproxy", "-f", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for port in ports.values():
            until(lambda port=port: listens(port), "HAProxy to listen")  # type: ignore[misc]
        yield ports
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(PATIENCE)


def test_behind_haproxy(lab: Behind, tmp_path: Path) -> None:
    """Both versions, before TLS and without, over TCP and a UNIX socket; the clients are known by their address."""
    lab.member.script = echo
    body = os.urandom(1 << 20)
    with haproxy(lab, tmp_path) as ports:
        for name, port in ports.items():
            client = (TlsClient if name.startswith("secure") else Client)(port, source="127.0.0.9")
            with client:
                for _ in range(2):
                    assert client.post("/app/x", body).body == body
            assert lab.seen_as() == "127.0.0.9", name
    assert "Traceback" not in lab.panolb.log
