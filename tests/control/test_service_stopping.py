"""What becomes of WebSockets when panolb stops, or a check takes their member away: real processes, real sockets."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.control.operating import Pair, answer_all, running
from tests.docs.blocks import EXAMPLES
from tests.docs.serving import members, process, wait_until_served
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.websocket.peer import Browser, Peer, RawMember


def switch(browser: Browser, member: RawMember) -> tuple[Peer, Peer]:
    """Both ends of a WebSocket with a member to which checks connect as well, and say nothing."""
    while True:
        try:
            visit = member.visit()
        except AssertionError:
            continue
        answered = visit.switch()
        return browser.switched(), answered


STOPPING = """\
[websockets]
close_rate = 12
[shutdown]
grace = "30s"
"""


def told(pairs: Sequence[Pair]) -> list[float]:
    """When each client is told goodbye, by the monotonic clock; each answers at once, and so does its member."""
    at: list[float] = []

    def wait(pair: Pair) -> None:
        code, reason = pair.browser.closed()
        at.append(time.monotonic())
        assert (code, reason) == (1012, "The server restarts; please reconnect.")
        assert pair.member.closed() == (code, reason)
        pair.answer()

    waiting = [threading.Thread(target=wait, args=(pair,)) for pair in pairs]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENCE)
    assert len(at) == len(pairs)
    return sorted(at)


def test_sigterm_tells_all_in_turn(tmp_path: Path) -> None:
    """Not all at once, and the process ends as soon as all have answered."""
    with running(tmp_path, more=STOPPING) as lab:
        pairs = [lab.open("12"[number % 2]) for number in range(40)]
        lab.panolb.terminate()
        at = told(pairs)
        assert lab.panolb.wait() == 0
        # 39 pauses of 83 ms on average; a busy machine makes up for at most a second of them.
        assert at[-1] - at[0] > 0.6
        assert lab.panolb.lines("stopping: closing 40 WebSockets, 12 a second")
        assert lab.panolb.lines("stopping: the WebSockets are closed: 40 answered")
        assert lab.terms().count("stopping") == 40
        assert "Traceback" not in lab.panolb.log


def test_sigterm_during_a_drain(tmp_path: Path) -> None:
    """What a slow drain has not told yet is told in time; nobody is told twice."""
    more = '[websockets]\nclose_rate = 1\n[shutdown]\ngrace = "8s"\n'
    with running(tmp_path, more=more) as lab:
        pairs = [lab.open("1") for _ in range(10)]
        lab.set("1", "drain", close_websockets=True)
        lab.panolb.terminate()
        told(pairs)
        assert lab.panolb.wait() == 0
        assert sorted(set(lab.terms())) == ["drained", "opened", "stopping"]
        assert len(lab.terms()) == 20
        assert "Traceback" not in lab.panolb.log


def test_members_are_waited_for_as_well(tmp_path: Path) -> None:
    """A member that takes its time over the answer is not cut as soon as the last client is gone."""
    with running(tmp_path) as lab:
        pair = lab.open("1")
        lab.panolb.terminate()
        assert pair.closed()[0] == 1012
        pair.browser.close_frame(1012)
        assert pair.browser.ended()
        time.sleep(0.5)
        pair.member.send(1, b"some last words")
        pair.member.close_frame(1012)
        pair.member.socket.close()
        assert lab.panolb.wait() == 0
        assert lab.panolb.lines("stopping: the WebSockets are closed: 1 answered")


def test_the_end_of_grace(tmp_path: Path) -> None:
    """Who does not answer is cut when the grace period ends, and counted; the exit code is 0 all the same."""
    more = '[websockets]\nclose_timeout = "1m"\n[shutdown]\ngrace = "3s"\n'
    with running(tmp_path, more=more) as lab:
        pairs = [lab.open("1") for _ in range(3)]
        lab.panolb.terminate()
        for pair in pairs:
            assert pair.closed()[0] == 1012
        pairs[0].answer()
        assert lab.panolb.wait() == 0
        assert all(pair.browser.ended() and pair.member.ended() for pair in pairs[1:])
        assert lab.panolb.lines("stopping: the WebSockets are closed: 1 answered, 2 were cut")
        assert lab.panolb.lines("connections that did not end within 3 s, and were cut: 2")
        assert lab.terms().count("stopping") == 3
        assert "Traceback" not in lab.panolb.log


def test_a_member_that_checks_take_down(tmp_path: Path) -> None:
    """With close_on_failure its WebSockets are closed, though they still worked, and their users come to the other one."""
    checked = 'close_on_failure = true\n[balancer.app.health]\ncheck = "tcp"\ninterval = "200ms"\nfails = 2\npasses = 1'
    with running(tmp_path, balancer=checked) as lab:
        pairs: list[Pair] = []
        while len(pairs) < 3:
            pairs.append(Pair("1", *switch(lab.ask("1"), lab.members["1"])))
        lab.members["1"].vanish()
        for pair in pairs:
            assert pair.closed() == (1012, "The server restarts; please reconnect.")
        answer_all(pairs)
        lab.logged(
            "member app/1: its checks fail, and its balancer has close_on_failure; closing its 3 WebSockets"
        )
        lab.logged("member app/1: its WebSockets are closed: 3 answered")
        until(lambda: lab.terms().count("member-down") == 3, "the access log")
        assert lab.member("1")["state"] == "down"
        lab.panolb.stop()


def test_mounted_in_another_application(tmp_path: Path) -> None:
    """The resource in somebody else's site: its WebSockets are told goodbye too when the service stops."""
    port = free_port()
    with members() as ports:
        urls = [f"http://{ADDRESS}:{one}/panopticon" for one in ports]
        command = [sys.executable, str(EXAMPLES / "embed.py"), str(port), *urls]
        with process(command, tmp_path / "log") as running:
            wait_until_served(port, "/panopticon/whoami")
            address = f"ws://{ADDRESS}:{port}/panopticon/ws"
            with connect(address, open_timeout=PATIENCE, proxy=None) as live:
                live.recv(PATIENCE)
                running.terminate()
                try:
                    while True:
                        live.recv(PATIENCE)
                except ConnectionClosed as closed:
                    assert closed.rcvd is not None
                    assert (closed.rcvd.code, closed.rcvd.reason) == (
                        1012,
                        "The server restarts; please reconnect.",
                    )
            assert running.wait(PATIENCE) == 0
    assert "stopping: the WebSockets are closed: 1 answered" in (tmp_path / "log").read_text()
