"""Clients that speak TLS, over real sockets: what they send and get, how they end, and what hostile ones achieve."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.certificate import certify
from tests.harness.client import RESET, Client, Cut
from tests.harness.scripts import Stall, answer, echo, raw
from tests.harness.talk import Request, Talk
from tests.harness.tlsclient import TlsClient, client_context
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, steady, until
from tests.proxy.lab import Lab, running

MIB = 1 << 20
MUCH = os.urandom(20 * 1000 * 1000)
TLS_TIMEOUT = 2.0

VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"]
)

LISTENER = """
[listener.secure]
endpoint = "tcp:{port}:interface={address}"
tls_timeout = "{tls_timeout}s"
body_timeout = "5s"
[[listener.secure.certificate]]
file = "{certificate}"
key = "{key}"

[[location]]
path = "/files"
files = "{files}"
"""


class Secure(Lab):
    """A lab whose port speaks TLS."""

    secure = 0

    def tls(self, context: ssl.SSLContext | None = None, **options: object) -> TlsClient:
        """A connection whose handshake is over."""
        return TlsClient(self.secure, context, **options)  # type: ignore[arg-type]

    def plain(self) -> socket.socket:
        """A connection on which nothing has been said."""
        return socket.create_connection((ADDRESS, self.secure), timeout=PATIENCE)

    def curl(self, *arguments: str, path: str = "/app/x") -> bytes:
        """What curl prints; it must succeed."""
        command = ["curl", "-sk", "--fail", "--max-time", "60", *arguments]
        return subprocess.run(
            [*command, f"https://{ADDRESS}:{self.secure}{path}"], check=True, capture_output=True
        ).stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """One member behind a listener that speaks TLS."""
    directory = tmp_path_factory.mktemp("secure")
    key, certificate = certify(directory)
    port = free_port()
    listener = LISTENER.format(
        port=port, address=ADDRESS, certificate=certificate, key=key, tls_timeout=TLS_TIMEOUT, files=directory
    )
    (directory / "below").mkdir()
    (directory / "below" / "a.txt").write_text("a file")
    with running(directory, balancer='retry = "0s"', more=listener) as lab:
        lab.__class__ = Secure
        assert isinstance(lab, Secure)
        lab.secure = port
        yield lab


def lives(lab: Secure) -> bool:
    """Whether the next client is served, and the member blamed for nothing."""
    with lab.tls() as client:
        served = client.get("/app/after").status == 200
    return served and lab.states()["1"]["state"] == "up"


# -- requests and answers -----------------------------------------------------------------------------------------------


@VERSIONS
def test_requests_on_a_kept_connection(lab: Secure, version: ssl.TLSVersion) -> None:
    """The member hears that they came over TLS."""
    with lab.tls(client_context(version)) as client:
        for number in range(3):
            assert client.get(f"/app/{number}").body == b"member 1"
    assert [request.one("X-Forwarded-Proto") for request in lab.member.requests] == ["https"] * 3
    assert len({request.connection for request in lab.member.requests}) == 1


def test_alpn(lab: Secure) -> None:
    """HTTP/1.1 is chosen; a client that offers only what we do not have is served all the same."""
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        context = client_context()
        context.set_alpn_protocols(offered)
        with lab.tls(context) as client:
            assert client.tls.selected_alpn_protocol() == chosen
            assert client.get("/app/x").status == 200


def test_pipelined_requests_in_one_record(lab: Secure) -> None:
    """All are answered, in order."""
    lab.member.script = lambda talk, request: answer(request.target.encode())(talk, request)
    with lab.tls() as client:
        client.send("".join(f"GET /app/{number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(50)))
        assert [client.answer().body for _ in range(50)] == [b"/app/%d" % number for number in range(50)]


def test_a_record_for_each_byte(lab: Secure) -> None:
    """As small as TLS allows."""
    with lab.tls() as client:
        for byte in b"GET /app/x HTTP/1.1\r\nHost: x\r\n\r\n":
            client.send(bytes([byte]))
        assert client.answer().status == 200


@VERSIONS
def test_much_in_both_directions(lab: Secure, version: ssl.TLSVersion) -> None:
    """20 MB up and 20 MB down at the same time, on one connection each, to the last byte."""
    heard: dict[str, str] = {}

    def script(talk: Talk, request: Request) -> None:
        if request.method == "PUT":
            heard["up"] = hashlib.sha256(talk.read_body(request)).hexdigest()
        answer(MUCH if request.method == "GET" else b"")(talk, request)

    lab.member.script = script
    context = client_context(version)

    def upload() -> None:
        with lab.tls(context) as client:
            client.ask("PUT", "/app/up", body=MUCH)
            assert client.answer("PUT").status == 200

    uploading = threading.Thread(target=upload)
    uploading.start()
    with lab.tls(context) as client:
        heard["down"] = hashlib.sha256(client.get("/app/down").body).hexdigest()
    uploading.join(PATIENCE)
    assert heard == dict.fromkeys(("up", "down"), hashlib.sha256(MUCH).hexdigest())


def test_curl_in_both_directions(lab: Secure, tmp_path: Path) -> None:
    """A real client, with its own sizes of records; 20 MB there and back."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    lab.member.script = echo
    file = tmp_path / "much"
    file.write_bytes(MUCH)
    for version in ("--tlsv1.2", "--tlsv1.3"):
        for how in (("-T", str(file)), ("-T", str(file), "-H", "Transfer-Encoding: chunked")):
            back = lab.curl(version, "--tls-max", version[-3:], *how)
            assert hashlib.sha256(back).digest() == hashlib.sha256(MUCH).digest()


@VERSIONS
def test_slow_reader_stops_the_member(lab: Secure, version: ssl.TLSVersion) -> None:
    """What a client does not take piles up neither here nor in the kernel."""
    sent = 0

    def script(talk: Talk, request: Request) -> None:
        nonlocal sent
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (5 * len(MUCH)))
        for at in range(0, 5 * len(MUCH), 100_000):
            talk.send(MUCH[at % len(MUCH) :][:100_000])
            sent = at
        request.whole = True

    lab.member.script = script
    before = lab.panolb.rss()
    with lab.tls(client_context(version), receive_buffer=64 << 10) as client:
        client.ask("GET", "/app/x")
        assert steady(lambda: sent, "the member to come to a halt") < 4 * len(MUCH)
        assert lab.panolb.rss() - before < 8 * MIB


def test_slow_member_stops_the_uploader(lab: Secure) -> None:
    """What the member does not take, either."""
    go = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        go.wait(PATIENCE)
        answer(b"at last")(talk, request)

    lab.member.script = script
    before = lab.panolb.rss()
    sent = 0
    with lab.tls() as client:

        def upload() -> None:
            nonlocal sent
            client.send(f"PUT /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * len(MUCH)}\r\n\r\n")
            for at in range(0, 5 * len(MUCH), 100_000):
                client.send(MUCH[at % len(MUCH) :][:100_000])
                sent = at

        uploading = threading.Thread(target=upload)
        uploading.start()
        assert steady(lambda: sent, "the client to come to a halt") < 4 * len(MUCH)
        assert lab.panolb.rss() - before < 8 * MIB
        go.set()
        uploading.join(PATIENCE)
        assert client.answer("PUT").body == b"at last"


def test_files(lab: Secure) -> None:
    """twisted.web gets the connection as it is."""
    with lab.tls() as client:
        assert client.get("/app/x").status == 200
        assert client.get("/files/below/a.txt").body == b"a file"
        assert client.get("/app/x").status == 200


# -- the handshake ------------------------------------------------------------------------------------------------------


@VERSIONS
def test_resumption(lab: Secure, version: ssl.TLSVersion) -> None:
    """A client that comes back needs no second handshake with the key."""
    context = client_context(version)
    with lab.tls(context) as first:
        first.get("/app/x")  # the ticket of TLS 1.3 comes behind the handshake
        session = first.tls.session
    with lab.tls(context, session=session) as second:
        assert second.tls.session_reused
        assert second.get("/app/x").status == 200


def test_slow_handshake(lab: Secure) -> None:
    """One that comes byte by byte is one all the same."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing, server_hostname="panolb.test")
    with lab.plain() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shaking = True
        while shaking:
            try:
                tls.do_handshake()
                tls.write(b"GET /app/x HTTP/1.1\r\nHost: x\r\n\r\n")
                shaking = False
            except ssl.SSLWantReadError:
                pass
            for byte in outgoing.read():
                connection.send(bytes([byte]))
            if shaking:
                incoming.write(connection.recv(1 << 16))
        answered = b""
        while not answered.endswith(b"member 1"):
            incoming.write(connection.recv(1 << 16))
            try:
                answered += tls.read(1 << 16)
            except ssl.SSLWantReadError:
                continue
    assert answered.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00"], ids=["nothing", "half a hello"])
def test_handshake_that_does_not_come(lab: Secure, said: bytes) -> None:
    """It is cut when its time is up."""
    with lab.plain() as connection:
        connection.send(said)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    assert lives(lab)


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n" * 100,
        b"\x00" * 5000,
        os.urandom(5000),
        b"\x16\x03\x01\xff\xff" + b"\x01" * 70000,
        b"\x80\x2e\x01\x03\x01" + bytes(60),
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x17\x03\x03\x00\x20" + bytes(32),
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    ],
    ids=["lines", "zeroes", "noise", "huge", "SSLv2", "long", "data", "alert", "SSH", "PROXY"],
)
def test_garbage_instead_of_a_handshake(lab: Secure, said: bytes) -> None:
    """It costs its sender the connection, and nobody else anything."""
    with lab.plain() as connection:
        try:
            connection.sendall(said)
            while connection.recv(1 << 16):
                pass
        except OSError:
            pass
    assert lives(lab)


def test_plain_http(lab: Secure) -> None:
    """As Apache does, it is told in its own words what is wrong; a body that it still sends does not destroy that."""
    with Client(lab.secure) as client:
        client.ask("POST", "/app/x", body=bytes(100_000))
        refused = client.answer("POST")
        assert refused.status == 400
        assert b"HTTPS" in refused.body
        assert refused.closes
        assert client.ended()
    assert lab.member.requests == []
    assert lives(lab)


def test_old_versions_are_refused(lab: Secure) -> None:
    """With an alert that says so."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    tried = subprocess.run(
        ["openssl", "s_client", "-connect", f"{ADDRESS}:{lab.secure}", "-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert b"alert protocol version" in tried.stderr
    assert lives(lab)


# -- after it -----------------------------------------------------------------------------------------------------------


class SClient:
    """``openssl s_client``, told what to do line by line."""

    def __init__(self, lab: Secure, *options: str, reads: bool = True) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.program = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{ADDRESS}:{lab.secure}", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = b""
        self._reading = threading.Thread(target=self._read, daemon=True)
        if reads:
            self.read()

    def read(self) -> None:
        """Begin to take what it prints."""
        self._reading.start()

    def _read(self) -> None:
        assert self.program.stdout is not None
        while data := self.program.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            self.said += data

    def say(self, line: bytes) -> None:
        """Say something."""
        assert self.program.stdin is not None
        self.program.stdin.write(line)
        self.program.stdin.flush()

    def tell(self, line: bytes, until_it_says: bytes) -> None:
        """Say something, and wait for what comes of it."""
        seen = len(self.said)
        self.say(line)
        until(lambda: until_it_says in self.said[seen:], f"openssl to say {until_it_says!r}")

    def close(self) -> None:
        """End it."""
        self.program.kill()
        self.program.wait()
        if self._reading.ident is not None:
            self._reading.join(PATIENCE)
        assert self.program.stdin is not None
        self.program.stdin.close()


@pytest.fixture
def s_client(lab: Secure) -> Iterator[Callable[..., SClient]]:
    """Makes some, and ends them."""
    made: list[SClient] = []

    def make(*options: str, reads: bool = True) -> SClient:
        made.append(SClient(lab, *options, reads=reads))
        return made[-1]

    yield make
    for one in made:
        one.close()


GET = b"GET /app/x HTTP/1.1\r\nHost: x\r\n\r\n"


def test_key_updates(lab: Secure, s_client: Callable[..., SClient]) -> None:
    """New keys in both directions, as often as the client likes (RFC 8446 section 4.6.3)."""
    client = s_client("-tls1_3")
    client.tell(GET, b"member 1")
    for _ in range(3):
        client.tell(b"K\n", b"KEYUPDATE")
        client.tell(GET, b"member 1")
    assert lives(lab)


def test_key_update_of_a_client_that_reads_nothing(lab: Secure, s_client: Callable[..., SClient]) -> None:
    """The answer to it cannot be sent: that is waited for, in no busy loop, and nothing is lost."""
    lab.member.script = lambda talk, request: answer(MUCH if request.target == "/app/much" else b"the end")(
        talk, request
    )
    client = s_client("-tls1_3", reads=False)
    client.say(GET.replace(b"/x", b"/much"))
    until(lambda: len(lab.member.requests) == 1, "the request")
    time.sleep(1)  # what it takes to fill all buffers is not what this is about
    before = cpu(lab)
    client.say(b"K\n")
    time.sleep(2)
    assert cpu(lab) - before < 1
    client.read()
    until(lambda: len(client.said) > len(MUCH) and b"KEYUPDATE" in client.said, "the first answer")
    client.tell(GET, b"the end")
    assert MUCH in client.said.replace(b"KEYUPDATE\n", b"")


def cpu(lab: Secure) -> float:
    """Seconds that the process has used."""
    fields = Path(f"/proc/{lab.panolb.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_renegotiation_is_refused(lab: Secure, s_client: Callable[..., SClient]) -> None:
    """It would have us make new keys as often as a client likes."""
    client = s_client("-tls1_2")
    client.tell(GET, b"member 1")
    client.tell(b"R\n", b"RENEGOTIATING")
    until(lambda: b"no renegotiation" in client.said, "the refusal")
    assert lives(lab)


# -- ends ---------------------------------------------------------------------------------------------------------------


@VERSIONS
def test_connection_that_is_closed_is_ended(lab: Secure, version: ssl.TLSVersion) -> None:
    """With close_notify: the client can tell that nothing was cut off."""
    with lab.tls(client_context(version)) as client:
        assert client.get("/app/x", "Connection: close").closes
        assert client.ended()


@VERSIONS
def test_refused_upload_hears_why(lab: Secure, version: ssl.TLSVersion) -> None:
    """The rest of it is read, so that the answer is not destroyed; then the connection ends."""
    with lab.tls(client_context(version)) as client:
        client.send("POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nContent-Length: 2\r\n\r\n")
        client.send(bytes(1_000_000))
        assert client.answer("POST").status == 400
        assert client.ended()


def test_answer_that_is_cut_off_looks_so(lab: Secure) -> None:
    """A body that ends with its connection, and whose member was lost."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(50_000))
        talk.reset()

    lab.member.script = script
    with lab.tls() as client:
        client.send("GET /app/x HTTP/1.0\r\nHost: x\r\n\r\n")
        with pytest.raises((Cut, OSError)):
            client.end()
            raise AssertionError("it looked complete")
    lab.member.script = answer(b"member 1")


@pytest.mark.parametrize("word", [True, False], ids=["close_notify", "TCP only"])
def test_client_that_leaves(lab: Secure, word: bool) -> None:
    """Its request is given up at the member, whichever way it ends; after close_notify it need not close TCP."""
    stall = Stall()
    lab.member.script = stall
    with lab.tls() as client:
        client.ask("GET", "/app/x")
        stall.wait()
        if word:
            client.socket.settimeout(PATIENCE)
            client.tls.unwrap()
        else:
            socket.socket.shutdown(client.socket, socket.SHUT_WR)
        assert stall.ended.wait(PATIENCE)


def test_upload_that_is_cut_off(lab: Secure) -> None:
    """The member gets no complete request."""
    reached = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        reached.set()
        talk.read_body(request)

    lab.member.script = script
    with lab.tls() as client:
        client.send("PUT /app/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert reached.wait(PATIENCE)
        socket.socket.shutdown(client.socket, socket.SHUT_WR)
        lab.member.hang_up()
    assert not lab.member.one().whole


PHASES = ["accepted", "half a hello", "hello", "handshake", "half a request", "request", "answer", "upload"]


@pytest.mark.parametrize("phase", PHASES)
def test_reset_in_each_phase(lab: Secure, phase: str) -> None:
    """Nothing is left of it, nothing is logged, and the member is not blamed."""
    lab.member.script = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n", MUCH)
    for _ in range(5):
        if phase in PHASES[:3]:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = client_context().wrap_bio(incoming, outgoing)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = outgoing.read()
            connection = lab.plain()
            if phase == "half a hello":
                connection.send(hello[:50])
            elif phase == "hello":
                connection.send(hello)
                connection.recv(1)
        else:
            client = lab.tls()
            connection = client.socket
            if phase == "half a request":
                client.send("GET /app/x HT")
            elif phase == "request":
                client.ask("GET", "/app/x")
            elif phase == "answer":
                client.ask("GET", "/app/x")
                client.head()
            elif phase == "upload":
                client.send("PUT /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + "x" * 1000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
    lab.member.script = answer(b"member 1")
    assert lives(lab)


def test_damaged_record(lab: Secure) -> None:
    """It ends the connection with an alert, and the request before it has been served."""
    with lab.tls() as client:
        assert client.get("/app/x").status == 200
        socket.socket.send(client.socket, struct.pack("!BHH", 0x17, 0x0303, 64) + bytes(64))
        with pytest.raises((Cut, ssl.SSLError)):
            client.end()
            raise AssertionError("it was taken")
    assert lives(lab)
