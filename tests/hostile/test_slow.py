"""slowhttptest with a thousand connections, beside fifty honest users whose requests all succeed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.harness.client import Client, Cut
from tests.harness.scripts import answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.hostile.hordes import room_for
from tests.proxy.lab import Lab, running

pytestmark = [pytest.mark.real, pytest.mark.slow]

PROGRAM = shutil.which("slowhttptest")
SLOW = 1000  # connections of the attack
HONEST = 50  # users
THINKING = 0.6  # seconds between two requests of an honest user, at most
MOST = 0.8 * SLOW  # of them at a time: on a busy machine the first are cut before the last have come
LIMITS = 'header_timeout = "6s"\nbody_timeout = "6s"'
LONG = b"x" * (10 << 20)  # a body that no buffers on the way swallow

# A byte or two every second is far below body_rate, and never a whole head.
ATTACKS = {
    "slow headers": ("-H", "-i", "1", "-x", "8", "-u", "/app/"),
    "slow body": ("-B", "-i", "1", "-x", "8", "-s", "8192", "-u", "/app/"),
    "slow read": ("-X", "-n", "1", "-z", "16", "-w", "256", "-y", "512", "-u", "/app/long"),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A member that has a short and a long answer."""
    if PROGRAM is None:
        if os.environ.get("PANOLB_REQUIRE_REAL"):
            pytest.fail("slowhttptest is not installed; as root: sh ops/install-test-servers")
        pytest.skip("slowhttptest is not installed")
    # The members' connections are ours.
    with room_for(SLOW + 2 * HONEST), running(tmp_path_factory.mktemp("slow"), listener=LIMITS) as lab:
        lab.member.script = serve
        yield lab


def serve(talk: Talk, request: Request) -> None:
    """Answer with the target; with a long body where that is asked for."""
    if request.target == "/app/long":
        talk.read_body(request)
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)  # what waits is to be panolb's
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LONG))
        talk.send(LONG)
    else:
        answer(request.target.encode())(talk, request)


class Honest(threading.Thread):
    """A user who sends one request after the other on a connection of his own.

    :ivar times: seconds that each took.
    :ivar failed: what went wrong.
    """

    def __init__(self, port: int, number: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.failed: list[str] = []
        self._port = port
        self._number = number
        self._over = over

    def run(self) -> None:
        chance = Random(self._number)
        with Client(self._port) as client:
            while not self._over.wait(chance.random() * THINKING):
                target = f"/app/{self._number}/{len(self.times)}"
                began = time.monotonic()
                try:
                    got = client.get(target) if chance.random() < 0.7 else client.post(target, b"y" * 20_000)
                except (Cut, OSError) as error:
                    self.failed.append(repr(error))
                    client.reconnect()
                    continue
                self.times.append(time.monotonic() - began)
                if (got.status, got.body) != (200, target.encode()):
                    self.failed.append(f"{got.status}: {got.body[:100]!r}")


@contextmanager
def honest_users(port: int) -> Iterator[list[Honest]]:
    """Fifty of them, who go on until the end."""
    over = threading.Event()
    users = [Honest(port, number, over) for number in range(HONEST)]
    for user in users:
        user.start()
    try:
        yield users
    finally:
        over.set()
        for user in users:
            user.join(60)


@contextmanager
def attack(lab: Lab, kind: str, directory: Path) -> Iterator[None]:
    """slowhttptest, for as long as it has any connections."""
    *options, path = ATTACKS[kind]
    url = f"http://127.0.0.1:{lab.port}{path}"
    command = [str(PROGRAM), "-c", str(SLOW), "-r", "500", "-l", "120", "-p", "10", *options, url]
    with (directory / "slowhttptest.log").open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=directory
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def clients(lab: Lab) -> int:
    """How many connections of clients panolb holds."""
    number: int = lab.status()["resources"]["clients"]["public"]
    return number


@pytest.mark.parametrize("kind", list(ATTACKS))
def test_slow_clients(lab: Lab, kind: str, tmp_path: Path) -> None:
    """panolb holds all of the attack's connections, ends them when their time is up, and meanwhile serves everybody else."""
    most = 0

    def all_there() -> bool:
        nonlocal most
        most = max(most, clients(lab))
        return most > MOST + HONEST

    with honest_users(lab.port) as users:
        with attack(lab, kind, tmp_path):
            until(all_there, "the slow clients", seconds=60, every=0.1)
            until(lambda: clients(lab) <= HONEST + 2, "the slow ones to be cut", seconds=120, every=0.1)
        time.sleep(0.5)
    failed = [failure for user in users for failure in user.failed]
    times = sorted(taken for user in users for taken in user.times)
    print(
        f"{kind}: up to {most} connections; {len(times)} honest requests, of which the middle one took "
        f"{1000 * times[len(times) // 2]:.0f} ms and the slowest {1000 * times[-1]:.0f} ms"
    )
    assert not failed, failed[:10]
    assert len(times) > HONEST
    assert lab.states()["1"]["state"] == "up"
    assert not re.search(r"#(error|critical)\]", lab.panolb.log), lab.panolb.tail()
