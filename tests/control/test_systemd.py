"""What systemd is told: ready, how it goes, that the loop turns, reloads, and the end."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.internet.testing import MemoryReactorClock

import panolb.plugins
from panolb.config import toml
from panolb.control.configuration import fixed
from panolb.control.registry import Registry
from panolb.control.reporting import Reporting
from panolb.control.service import Panolb
from panolb.control.systemd import Notifier, take_notifier, take_watchdog
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.plugin import plugin
from tests.harness.scripts import Stall, answer
from tests.harness.supervisor import Supervised, Supervisor
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import Browser, RawMember

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
{balancer}
[[balancer.app.member]]
url = "http://{address}:{member}"
route = "1"

[[location]]
path = "/"
balancer = "app"
"""

HEALTH = '\n[balancer.app.health]\ncheck = "http"\ninterval = "200ms"\ntimeout = "20s"\nfails = 1\n'


def config(port: int, member: int, balancer: str = "") -> str:
    """One listener and one member."""
    return CONFIG.format(port=port, address=ADDRESS, member=member, balancer=balancer)


def is_open(port: int) -> bool:
    """Whether somebody listens there; raises OSError when not."""
    with Client(port):
        return True


@pytest.fixture(params=["pathname", "abstract"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both kinds of addresses that systemd may use."""
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        yield f"{short}/notify" if request.param == "pathname" else f"@panolb-test-{os.getpid()}-{short}"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """One at a path."""
    with TemporaryDirectory(prefix="panolb-") as short:
        made = Supervisor(f"{short}/notify")
        yield made
        made.close()


@pytest.fixture
def member() -> Iterator[Member]:
    """One that answers at once."""
    with Member("m") as made:
        made.script = answer(b"m")
        yield made


def test_ready_after_the_first_checks(address: str, tmp_path: Path, member: Member) -> None:
    """Listeners are open, and yet it is not ready before every member's first check has an answer."""
    supervisor, port = Supervisor(address), free_port()
    stall = member.script = Stall()
    process = Supervised(tmp_path, config(port, member.port) + HEALTH, NOTIFY_SOCKET=address)
    try:
        process.launch()
        until(lambda: is_open(port), "the listener")
        until(
            lambda: "Starting: waiting for the first checks of app/1" in supervisor.statuses(), "the status"
        )
        assert supervisor.silent("READY", 0.5)
        stall.release()
        member.script = answer(b"m")
        assert supervisor.next("READY", 0) == {"READY": "1"}
        until(lambda: "1 of 1 member up" in supervisor.statuses()[-1], "the status")
        process.stop()
        assert supervisor.next("STOPPING", 0) == {"STOPPING": "1"}
        assert supervisor.statuses()[-1].startswith("Stopping: ")
        assert len(supervisor.of("READY")) == 1
        assert supervisor.of("WATCHDOG") == []
    finally:
        process.close()
        supervisor.close()


def test_ready_with_a_member_that_is_down(supervisor: Supervisor, tmp_path: Path) -> None:
    """A first check that fails is an answer too."""
    process = Supervised(
        tmp_path, config(free_port(), free_port()) + HEALTH, NOTIFY_SOCKET=supervisor.address
    )
    try:
        process.launch()
        supervisor.next("READY", 0)
        until(lambda: supervisor.statuses()[-1].startswith("0 of 1 member up"), "the status")
        process.stop()
    finally:
        process.close()


def test_ready_without_an_answer(supervisor: Supervisor) -> None:
    """A check that takes its time does not keep panolb from being ready for ever."""
    reactor, registry = MemoryReactorClock(), Registry(panolb.plugins)
    text = config(80, 8080) + HEALTH.replace("20s", "2m")
    parsed = toml.loads(text, registry.known, "test")
    wanted = fixed(parsed, registry.known, reactor.seconds)
    house = Panolb(reactor, wanted, registry, reactor.seconds, str, reactor.seconds)
    Reporting(reactor, house, Notifier(supervisor.address), None).setServiceParent(house)
    house.privilegedStartService()
    house.startService()
    reactor.run()
    reactor.advance(29)
    until(lambda: "Starting: waiting for the first checks of app/1" in supervisor.statuses(), "the status")
    assert supervisor.of("READY") == []
    reactor.advance(2)
    supervisor.next("READY", 0)


BLOCKS = """\
import os, time

from twisted.plugin import IPlugin
from zope.interface import implementer

from panolb.interfaces import IBalancingMethod


@implementer(IPlugin, IBalancingMethod)
class Blocks:
    name = "blocks"

    def policy(self):
        return self

    def stuck(self, member, usable):
        pass

    def pick(self, candidates):
        open("blocking", "w").close()
        while not os.path.exists("go-on"):
            time.sleep(0.01)
        return candidates[0]


blocks = Blocks()
"""


def test_watchdog(supervisor: Supervisor, tmp_path: Path, member: Member) -> None:
    """The signs of life come from the loop: none while a plugin blocks it, and again when it turns."""
    port = free_port()
    with plugin(tmp_path, BLOCKS):
        text = config(port, member.port, 'lbmethod = "blocks"')
        process = Supervised(tmp_path, text, NOTIFY_SOCKET=supervisor.address, WATCHDOG_USEC="200000")
        try:
            process.launch()
            supervisor.next("READY", 0)
            supervisor.next("WATCHDOG", 3)
            with Client(port) as client:
                client.ask("GET", "/")
                until((tmp_path / "blocking").exists, "the loop to be blocked")
                assert supervisor.silent("WATCHDOG", 1.0)
                (tmp_path / "go-on").touch()
                assert client.answer().body == b"m"
            supervisor.next("WATCHDOG", len(supervisor.of("WATCHDOG")) + 2)
            process.stop()
        finally:
            process.close()


def test_reload(supervisor: Supervisor, tmp_path: Path, member: Member) -> None:
    """A reload is told with the time at which it begins, and so is its end, also when the file is wrong."""
    port = free_port()
    process = Supervised(tmp_path, config(port, member.port), NOTIFY_SOCKET=supervisor.address)
    try:
        process.launch()
        supervisor.next("READY", 0)
        for count, more in enumerate(("", "[shutdown]\ngrace = '3s'\n", "nonsense")):
            with process.file.open("a") as file:
                file.write(more)
            before = time.monotonic_ns() // 1000
            process.process.send_signal(signal.SIGHUP)
            supervisor.next("READY", count + 1)
            told = supervisor.of("RELOADING")[count]
            assert told["RELOADING"] == "1"
            assert before <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        kinds = [next(iter(message)) for message in supervisor.messages if "STATUS" not in message]
        assert kinds == ["READY", *["RELOADING", "READY"] * 3]
        process.stop()
    finally:
        process.close()


def test_status_and_time_to_stop(supervisor: Supervisor, tmp_path: Path) -> None:
    """The status follows what is open; at the end systemd is asked to wait as long as users have."""
    port, member = free_port(), RawMember()
    process = Supervised(tmp_path, config(port, member.port), NOTIFY_SOCKET=supervisor.address)
    browser: Browser | None = None
    try:
        process.launch()
        supervisor.next("READY", 0)
        browser = Browser(port)
        browser.upgrade("/live")
        visit = member.visit().switch()
        peer = browser.switched()
        words = "1 of 1 member up; 1 user with 1 WebSocket, 1 connection"
        until(lambda: words in supervisor.statuses(), "the status")
        process.terminate()
        assert supervisor.next("EXTEND_TIMEOUT_USEC", 0)["EXTEND_TIMEOUT_USEC"] == "10000000"
        assert "Stopping: 1 user with 1 WebSocket, 1 connection" in supervisor.statuses()
        assert peer.closed() == visit.closed()
        for one in (peer, visit):
            one.close_frame(1012)
        visit.socket.close()
        assert process.wait() == 0
    finally:
        process.close()
        member.close()
        if browser is not None:
            browser.client.close()


def test_nobody_reads(tmp_path: Path, member: Member) -> None:
    """A socket that is not there is a line in the log, once, and nothing else."""
    port = free_port()
    variables = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"}
    process = Supervised(tmp_path, config(port, member.port), **variables)
    process.ports = (port,)
    try:
        process.start()
        until(lambda: process.lines("systemd cannot be told"), "the log line")
        with Client(port) as client:
            assert client.get("/").body == b"m"
        time.sleep(0.3)
        process.stop()
        assert len(process.lines("systemd cannot be told")) == 1
    finally:
        process.close()


def test_a_full_socket_is_tried_again(tmp_path: Path) -> None:
    """Nothing waits for a supervisor that does not read, and the sender knows what was not sent."""
    with TemporaryDirectory(prefix="panolb-") as short:
        path = f"{short}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(path)
            notifier = Notifier(path)
            count = 0
            while notifier.send(STATUS=count):
                count += 1
            assert receiver.recv(100) == b"STATUS=0"
            until(lambda: notifier.send(READY=1), "room for another message")
            notifier.close()


def test_environment() -> None:
    """What is not there, or not for this process, is not used; what is used is taken out."""
    assert take_notifier({}) is None
    assert take_notifier({"NOTIFY_SOCKET": "vsock:2:1234"}) is None
    assert take_watchdog({}, 7) is None
    assert take_watchdog({"WATCHDOG_USEC": "0"}, 7) is None
    assert take_watchdog({"WATCHDOG_USEC": "soon"}, 7) is None
    assert take_watchdog({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, 7) is None
    environ = {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7", "NOTIFY_SOCKET": "@x"}
    assert take_watchdog(environ, 7) == 3.0
    notifier = take_notifier(environ)
    assert notifier is not None
    notifier.close()
    assert environ == {}
