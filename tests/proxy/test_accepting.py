"""How many clients are accepted: in all, of one address, and with few file descriptors; and who sends too many requests."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.certificate import certify
from tests.harness.client import Client
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.proxy.lab import Lab, running

LISTENER = """\
max_connections = 6
max_connections_per_client = 3
request_rate = 0.1
request_burst = 4
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Room for six connections, for three of one address."""
    with running(tmp_path_factory.mktemp("few"), listener=LISTENER) as lab:
        yield lab


class From(Client):
    """A client with an address of its own."""

    def __init__(self, lab: Lab, address: str) -> None:
        super().__init__(lab.port)
        self.socket.close()
        self.socket = socket.create_connection((ADDRESS, lab.port), PATIENCE, (address, 0))

    def __enter__(self) -> From:
        return self

    def is_served(self, seconds: float = PATIENCE) -> bool:
        """Whether it gets an answer within so many seconds."""
        self.ask("GET", "/app/")
        self.socket.settimeout(seconds)
        try:
            return self.answer().status == 200
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE)


def was_closed(client: Client) -> bool:
    """Whether it was closed without a word."""
    try:
        return client.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def is_turned_away(lab: Lab, address: str) -> bool:
    """Whether one more client of an address is closed without a word, be it before it knows that it is connected."""
    try:
        with From(lab, address) as client:
            return was_closed(client)
    except ConnectionResetError:
        return True


def clients(lab: Lab) -> int:
    """How many connections the listener has."""
    return int(lab.status()["resources"]["clients"]["public"])


def test_max_connections(lab: Lab) -> None:
    """Who is one too many waits to be accepted, and is served when another one leaves; the log has a line of it."""
    with ExitStack() as stack:
        here = [stack.enter_context(From(lab, f"127.0.1.{number}")) for number in range(6)]
        until(lambda: clients(lab) == 6, "six clients")
        late = stack.enter_context(From(lab, "127.0.1.9"))
        later = stack.enter_context(From(lab, "127.0.1.10"))
        assert not late.is_served(0.5)
        assert clients(lab) == 6
        here[0].close()
        assert late.answer().status == 200
        assert here[1].is_served()
        here[2].close()
        assert later.is_served()
        assert len(lab.panolb.lines("listener public: its 6 connections (max_connections) are taken")) == 1
    until(lambda: clients(lab) == 0, "all to be gone")


def test_max_connections_per_client(lab: Lab) -> None:
    """One address has three and no more, whatever it tries; others are not touched; the log names it once."""
    with ExitStack() as stack:
        mine = [stack.enter_context(From(lab, "127.0.2.1")) for _ in range(3)]
        until(lambda: clients(lab) == 3, "three clients")
        for _ in range(20):
            assert is_turned_away(lab, "127.0.2.1")
        assert stack.enter_context(From(lab, "127.0.2.2")).is_served()
        assert mine[0].is_served()
        mine[1].close()
        until(lambda: clients(lab) == 3, "one to be gone")
        assert stack.enter_context(From(lab, "127.0.2.1")).is_served()
    assert len(lab.panolb.lines("client 127.0.2.1: has as many connections")) == 1


def test_request_rate(lab: Lab) -> None:
    """A burst is served; then come 429s that say when to try again, on the same connection, and reach no member."""
    with From(lab, "127.0.3.1") as client:
        for _ in range(4):
            assert client.get("/app/").status == 200
        for _ in range(2):
            got = client.get("/app/", "Accept: application/json")
            assert (got.status, got.reason, got.closes) == (429, "Too Many Requests", False)
            assert 1 <= int(got.one("Retry-After") or "") <= 10
            assert b'"status": 429' in got.body
        client.ask("HEAD", "/app/")
        assert client.answer("HEAD").body == b""
        got = client.post("/app/", b"abc")
        assert (got.status, got.closes) == (429, True)
        assert client.ended()
    assert len(lab.member.requests) == 4
    with From(lab, "127.0.3.2") as other:
        assert other.is_served()
    assert len(lab.panolb.lines("client 127.0.3.1: sends more requests")) == 1


def test_a_pipeline_beyond_the_rate(lab: Lab) -> None:
    """Refused requests in between take nothing from those around them."""
    with From(lab, "127.0.3.3") as client:
        for number in range(6):
            client.ask("GET", f"/app/{number}")
        assert [client.answer().status for _ in range(6)] == [200] * 4 + [429] * 2


def few_descriptors(lab: Lab, number: int) -> int:
    """Let the process have no more than so many; returns how many it might have before."""
    pid = lab.panolb.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, hard))
    return soft


def test_few_descriptors(tmp_path: Path) -> None:
    """The last descriptors are not for clients: who is there is served, who comes waits, and nothing is dropped."""
    with running(tmp_path) as lab, ExitStack() as stack:
        soft, hard = resource.prlimit(lab.panolb.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard
        few_descriptors(lab, 48)
        here = [stack.enter_context(lab.client()) for _ in range(60)]
        until(lambda: "no listener accepts until some are free" in lab.panolb.log, "accepting to pause")
        accepted = until(lambda: clients(lab), "clients")
        assert accepted < 32
        assert len(os.listdir(f"/proc/{lab.panolb.process.pid}/fd")) <= 34
        here[0].ask("GET", "/app/")  # with a connection to the member that has to be made
        assert here[0].answer().status == 200
        assert lab.status()["resources"]["clients"]["public"] == accepted
        late = here[-1]
        late.ask("GET", "/app/")
        for client in here[:-1]:
            client.close()
        assert late.answer().status == 200
        until(lambda: "file descriptors: some are free again" in lab.panolb.log, "the end of it to be told")
        assert len(lab.panolb.lines("no listener accepts until")) == 1
        assert "EMFILE" not in lab.panolb.log
        assert lab.states()["1"]["state"] == "up"


def test_few_descriptors_and_everybody_asks(tmp_path: Path) -> None:
    """Whoever is accepted can be served: there is a descriptor left for a connection to the member."""
    with running(tmp_path) as lab, ExitStack() as stack:
        few_descriptors(lab, 64)
        here = [stack.enter_context(lab.client()) for _ in range(60)]
        until(lambda: "no listener accepts until some are free" in lab.panolb.log, "accepting to pause")
        for client in here:
            client.ask("GET", "/app/", "Connection: close")
        assert [client.answer().status for client in here] == [200] * len(here)
        assert "no connection to" not in lab.panolb.log


def test_no_descriptor_at_all(tmp_path: Path) -> None:
    """Accepting pauses without a busy loop or a line per attempt, and goes on when there are some."""
    with running(tmp_path) as lab:
        soft = few_descriptors(lab, 8)
        with lab.client() as client:
            client.ask("GET", "/app/")
            until(lambda: "no listener accepts until some are free" in lab.panolb.log, "accepting to pause")
            before = processor_time(lab.panolb.process.pid)
            time.sleep(1)
            assert processor_time(lab.panolb.process.pid) - before < 0.5
            few_descriptors(lab, soft)
            assert client.answer().status == 200
        assert "EMFILE" not in lab.panolb.log
        assert len(lab.panolb.lines("file descriptors: of")) == 1


def processor_time(pid: int) -> float:
    """The seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_tls_timeout(tmp_path: Path) -> None:
    """Whoever does not finish a TLS handshake in time is cut, silent or dripping; header_timeout comes after it."""
    port = free_port()
    key, certificate = certify(tmp_path)
    endpoint = f"ssl:{port}:privateKey={key}:certKey={certificate}:interface={ADDRESS}"
    secure = f'[listener.secure]\nendpoint = "{endpoint}"\ntls_timeout = "1s"\nheader_timeout = "20s"\n'
    with running(tmp_path, more=secure) as lab:
        with Client(port) as silent, Client(port) as dripping:
            until(lambda: lab.status()["resources"]["clients"]["secure"] == 2, "both to be accepted")
            dripping.send(b"\x16\x03\x01\x02\x00\x01")
            dripping.socket.settimeout(0.2)
            start = time.monotonic()
            while time.monotonic() < start + PATIENCE:
                try:
                    dripping.send(b"\x00")
                    if dripping.socket.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            assert 0.7 < time.monotonic() - start < 15
            assert was_closed(silent)
        context = ssl_context()
        with Client(port) as honest:
            honest.socket = context.wrap_socket(honest.socket)
            time.sleep(1.5)  # longer than tls_timeout
            assert honest.get("/app/").status == 200


def ssl_context() -> ssl.SSLContext:
    """What a client needs that trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
