"""Socket activation: panolb listens on sockets that somebody else opened before, and will keep open after it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from panolb.control import inherited
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import answer
from tests.harness.supervisor import Activated
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until

CONFIG = """\
[listener.public]
endpoint = "{endpoint}"
{listener}
[balancer.app]
[[balancer.app.member]]
url = "http://{address}:{member}"
route = "1"

[[location]]
path = "/"
balancer = "app"
"""


@pytest.fixture(scope="module")
def member() -> Iterator[Member]:
    """One that answers."""
    with Member("m") as made:
        made.script = answer(b"served")
        yield made


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket as systemd makes it."""
    with socket.create_server((ADDRESS, 0), backlog=1000) as made:
        yield made


def port_of(listening: socket.socket) -> int:
    """Where it listens."""
    return int(listening.getsockname()[1])


def config(member: Member, endpoint: str, listener: str = "") -> str:
    """One listener with that endpoint."""
    return CONFIG.format(endpoint=endpoint, listener=listener, address=ADDRESS, member=member.port)


class Served:
    """One process with sockets of others, started.

    :param ports: what has to be open; all of the sockets' if not given.
    """

    def __init__(self, panolb: Panolb, *ports: int) -> None:
        self.panolb = panolb
        panolb.ports = ports

    def __enter__(self) -> Panolb:
        self.panolb.start()
        return self.panolb

    def __exit__(self, *_: object) -> None:
        self.panolb.close()


def body(port: int) -> bytes:
    """What is answered there."""
    with Client(port) as client:
        return client.get("/").body


@pytest.mark.parametrize("choice", ["name=http", "index=1"])
def test_by_name_and_by_number(tmp_path: Path, member: Member, listening: socket.socket, choice: str) -> None:
    """Either names one of several; the other one is named in the log, since nobody would answer there."""
    with socket.create_server((ADDRESS, 0)) as other:
        sockets = {"other": other, "http": listening}
        with Served(
            Activated(tmp_path, config(member, f"systemd:domain=INET:{choice}"), sockets), port_of(listening)
        ) as panolb:
            assert body(port_of(listening)) == b"served"
            (line,) = panolb.lines("systemd has passed a socket that no listener uses")
            assert f"({ADDRESS}, port {port_of(other)})" in line
            panolb.stop()


def test_over_reloads(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """A listener stays what it is; taken out and put back, it listens again."""
    port = port_of(listening)
    text = config(member, "systemd:domain=INET:name=http")
    elsewhere = free_port()
    with Served(Activated(tmp_path, text, {"http": listening}), port) as panolb:

        def reload(new: str, count: int) -> None:
            panolb.file.write_text(new)
            panolb.process.send_signal(1)
            until(lambda: len(panolb.lines("is in effect")) == count, "the reload")

        with Client(port) as kept:
            assert kept.get("/").body == b"served"
            reload(text + '[shutdown]\ngrace = "3s"\n', 1)
            assert kept.get("/").body == b"served"
            reload(config(member, f"tcp:{elsewhere}:interface={ADDRESS}"), 2)
            assert body(elsewhere) == b"served"
            waiting = Client(port)  # in the queue of the socket, which is still there
            reload(text, 3)
            assert waiting.get("/").body == b"served"
            waiting.close()
        assert body(port) == b"served"
        panolb.stop()


def test_full(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """max_connections holds as for any other listener: who is one too many waits."""
    text = config(member, "systemd:domain=INET:name=http", "max_connections = 1\n")
    port = port_of(listening)
    with Served(Activated(tmp_path, text, {"http": listening}), port) as panolb:
        with Client(port) as first, Client(port) as second:
            assert first.get("/").body == b"served"
            second.ask("GET", "/")
            second.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                second.socket.recv(1, socket.MSG_PEEK)
            second.socket.settimeout(PATIENCE)
            first.close()
            assert second.answer().body == b"served"
        panolb.stop()


def test_announced_clients_over_reloads(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """The PROXY protocol works on it, and a reload that begins or ends it does not open it anew."""
    port = port_of(listening)
    plain = config(member, "systemd:domain=INET:name=http")
    announced = config(
        member,
        "systemd:domain=INET:name=http",
        'proxy_protocol = true\ntrusted_proxies = ["127.0.0.1"]\nheader_timeout = "1s"\n',
    )
    header = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"
    with Served(Activated(tmp_path, plain, {"http": listening}), port) as panolb:

        def reload(new: str, count: int) -> None:
            panolb.file.write_text(new)
            panolb.process.send_signal(1)
            until(lambda: len(panolb.lines("is in effect")) == count, "the reload")

        def seen_as(said: str) -> str | None:
            with Client(port) as client:
                client.send(said)
                assert client.get("/").body == b"served"
            return member.requests[-1].one("X-Forwarded-For")

        reload(announced, 1)
        assert seen_as(header) == "203.0.113.7"
        with Client(port) as kept, Client(port) as waiting:
            kept.send(header)
            kept.get("/")
            waiting.send(header[:10])
            reload(plain, 2)
            assert seen_as("") == "127.0.0.1"
            kept.get("/")
            assert member.requests[-1].one("X-Forwarded-For") == "203.0.113.7"
            waiting.send(header[10:])
            waiting.get("/")
            assert member.requests[-1].one("X-Forwarded-For") == "203.0.113.7"
        reload(announced, 3)
        assert seen_as(header) == "203.0.113.7"
        waiting = Client(port)
        panolb.stop()  # a connection that has not been announced keeps nobody waiting
        waiting.close()


def test_the_same_address(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """A tcp: endpoint takes over the socket that is there already, so that a socket unit needs no other configuration."""
    port = port_of(listening)
    text = config(member, f"tcp:{port}:interface={ADDRESS}")
    with Served(Activated(tmp_path, text, {"panolb.socket": listening}), port) as panolb:
        assert body(port) == b"served"
        assert panolb.lines("no listener uses") == []
        panolb.stop()
    with Client(port):  # it is ours, and still open
        pass


HTTPD_CONF = """\
Listen {address}:{port}
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
ProxyPass / http://{address}:{member}/
"""


class FromApache(Activated):
    """The same with an httpd.conf."""

    @property
    def command(self) -> list[str]:
        return [*super().command[:-2], "--httpd-conf", str(self.file)]


def test_httpd_conf(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """So does a Listen."""
    port = port_of(listening)
    text = HTTPD_CONF.format(address=ADDRESS, port=port, member=member.port)
    with Served(FromApache(tmp_path, text, {"x": listening}), port) as panolb:
        assert body(port) == b"served"
        panolb.stop()


def test_unix_socket(tmp_path: Path, member: Member) -> None:
    """ListenStream may be a path, which is not panolb's to remove."""
    path = Path("/tmp") / f"panolb-{free_port()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        text = config(member, "systemd:domain=UNIX:name=http")
        try:
            with Served(Activated(tmp_path, text, {"http": listening})) as panolb:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(PATIENCE)
                    client.connect(str(path))
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    got = b"".join(iter(lambda: client.recv(4096), b""))
                assert got.endswith(b"served")
                panolb.stop()
        finally:
            path.unlink()


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("systemd:domain=INET:name=https", "systemd has passed no such socket"),
        ("systemd:domain=INET:index=1", "systemd has passed no such socket"),
        ("systemd:domain=INET6:name=http", "the socket is one of INET; write domain=INET instead of INET6"),
        ("systemd:domain=INET:name=datagrams", "does not listen"),
    ],
)
def test_refused_at_the_start(
    tmp_path: Path, member: Member, listening: socket.socket, endpoint: str, words: str
) -> None:
    """What systemd does not pass, or passes otherwise, ends the start with words that say what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        sockets = (
            {"datagrams": datagrams, "http": listening} if "datagrams" in endpoint else {"http": listening}
        )
        panolb = Activated(tmp_path, config(member, endpoint), sockets)
        try:
            panolb.launch()
            assert panolb.wait() == 1
            assert words in panolb.log
            assert "panolb.toml:2" in panolb.log
        finally:
            panolb.close()


def check(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What `panolb check` says of a configuration; systemd passes it nothing."""
    file = directory / "panolb.toml"
    file.write_text(text)
    command = [sys.executable, "-c", "from panolb.cli import main; main()", "check", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_check(tmp_path: Path, member: Member) -> None:
    """What will be passed is not there when a file is checked, and no problem; what is written wrongly is."""
    right = check(tmp_path, config(member, "systemd:domain=INET6:name=http"))
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = check(tmp_path, config(member, "systemd:domain=IPV6:name=http"))
    assert wrong.returncode == 1
    assert 'write for example "systemd:domain=INET6:name=http"' in wrong.stdout + wrong.stderr


@pytest.mark.parametrize(
    "description", ["systemd:domain=INET", "systemd:name=http", "systemd:domain=INET:index=one"]
)
def test_mistakes(description: str) -> None:
    """Whatever is missing or superfluous."""
    assert "write for example" in (inherited.mistake(description) or "")


class Users:
    """Clients that connect and ask all the time, each time on a connection of its own."""

    def __init__(self, port: int, count: int = 4) -> None:
        self.seen: Counter[str] = Counter()
        self._port = port
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _go_on(self) -> None:
        while not self._end.is_set():
            outcome = self._once()
            with self._lock:
                self.seen[outcome] += 1

    def _once(self) -> str:
        try:
            with Client(self._port) as client:
                got = client.get("/", "Connection: close")
                return f"{got.status} {got.body!r}"
        except (OSError, ValueError, AssertionError) as error:
            return repr(error)

    def more(self, count: int) -> None:
        """Wait until so many more were served."""
        before = self.seen.total()
        until(lambda: self.seen.total() >= before + count, "more users")

    def stop(self) -> Counter[str]:
        self._end.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        return self.seen


def test_restarts_under_load(tmp_path: Path, member: Member, listening: socket.socket) -> None:
    """Three processes, one after the other: nobody is refused, and everybody is served."""
    port = port_of(listening)
    text = config(member, "systemd:domain=INET:name=http")
    with Served(Activated(tmp_path, text, {"http": listening}), port) as panolb:
        users = Users(port)
        for _ in range(3):
            users.more(50)
            panolb.stop()
            panolb.start()
        users.more(50)
        seen = users.stop()
        panolb.stop()
    assert set(seen) == {"200 b'served'"}, seen
