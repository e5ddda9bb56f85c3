"""Two workers as users and operators see them: one load balancer."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.client import Client
from tests.harness.waiting import ADDRESS, free_port, until
from tests.workers.lab import Crowd, is_alive, kill, running


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Crowd]:
    """One for each test."""
    with running(tmp_path, more='[shutdown]\ngrace = "5s"') as made:
        yield made


def test_websockets_of_both_are_one_list(lab: Crowd) -> None:
    """Counted, listed, and shown as one user's."""
    pairs = lab.open_until_both_have("1")
    number = len(pairs)
    until(lambda: lab.member("1")["websockets"] == number, "all to be counted")
    member = lab.member("1")
    assert (member["busy"], member["elected"], member["sessions"]) == (number, number, 1)
    shown = lab.control.get("/api/v1/websockets")
    assert shown["total"] == number
    assert len({one["id"] for one in shown["websockets"]}) == number
    page = lab.control.get(f"/api/v1/websockets?offset={number - 1}&limit=5")
    assert (page["total"], len(page["websockets"])) == (number, 1)
    (session,) = lab.control.get("/api/v1/sessions")["sessions"]
    assert session["websockets"] == number
    details = lab.control.get(f"/api/v1/sessions/{session['session']}")
    assert len(details["websocket_records"]) == number
    for pair in pairs:
        told = lab.control.get(f"/api/v1/explain/{shown['websockets'][0]['id']}")
        assert told["member"] == "app/1"
        pair.browser.close_frame(1000)


def test_drain_reaches_the_websockets_of_both(lab: Crowd) -> None:
    """They are closed, and whoever comes back gets the other member, whichever worker serves him."""
    pairs = lab.open_until_both_have("1")
    lab.set("1", "drain", close_websockets=True)
    for pair in pairs:
        assert pair.closed()[0] == 1012
        pair.answer()
    until(lambda: lab.member("1")["websockets"] == 0, "all to be closed")
    for _ in range(6):
        lab.open("1", comes_to="2")


def test_session_is_moved_in_both(lab: Crowd) -> None:
    """All its WebSockets are closed, and its next requests go to the other member."""
    pairs = lab.open_until_both_have("1")
    until(lambda: lab.control.get("/api/v1/sessions")["total"] == 1, "the session")
    (session,) = lab.control.get("/api/v1/sessions")["sessions"]
    status, moved = lab.control.post(f"/api/v1/sessions/{session['session']}/move", {"member": "app/2"})
    assert (status, moved["websockets"]) == (200, len(pairs))
    for pair in pairs:
        assert pair.closed()[0] == 1012
        pair.answer()
    assert lab.control.post("/api/v1/sessions/000000000000/close", {})[0] == 404
    started = len(lab.pids)
    kill(lab.pids[-1])
    lab.all_accept(started + 1)
    lab.open_until_both_have("1", comes_to="2")  # also the one that has just begun


def test_one_worker_dies(lab: Crowd) -> None:
    """Its WebSockets end, those of the other one go on, and another process is there at once."""
    pairs = lab.open_until_both_have("1")
    victim = lab.worker_of(pairs[0])
    kill(victim)
    assert pairs[0].browser.ended()
    survivors = [pair for pair in pairs if lab.holders(pair) - {victim}]
    assert survivors
    lab.all_accept(3)
    line = lab.logged("PLB-1802")
    assert f"it ended by SIGKILL (process {victim})" in line and "its WebSockets connect again" in line
    until(lambda: lab.member("1")["websockets"] == len(survivors), "the dead one's to be forgotten")
    assert lab.member("1")["busy"] == len(survivors)
    assert lab.member("1")["elected"] == len(pairs)
    lab.open_until_both_have("1")


def test_one_that_keeps_dying(lab: Crowd) -> None:
    """The second time there is a pause; it is told why."""
    kill(lab.pids[0])
    lab.all_accept(3)
    kill(lab.pids[2])
    assert "in 1 s" in lab.logged("PLB-1803")
    lab.all_accept(4)
    assert lab.control.get("/api/v1/status")["pid"] == lab.panolb.process.pid


def test_one_that_hangs(lab: Crowd) -> None:
    """Operators are answered all the same, with what it had when it was last heard; it is ended after half a minute."""
    pairs = lab.open_until_both_have("1")
    until(lambda: lab.member("1")["websockets"] == len(pairs), "all to be counted")
    os.kill(lab.pids[0], signal.SIGSTOP)
    assert lab.member("1")["websockets"] == len(pairs)
    lab.set("1", "drain")
    lab.reload("was read again")
    until(lambda: lab.panolb.lines("PLB-1804"), "it to be ended", seconds=90)
    lab.all_accept(3)


def test_stop_while_one_waits_to_be_started(lab: Crowd) -> None:
    """Nobody waits for those that are not there."""
    for _ in range(3):
        started = len(lab.pids)
        kill(lab.pids[-1])
        if lab.panolb.lines("PLB-1803"):
            break
        lab.all_accept(started + 1)
    kill(lab.pids[0])
    lab.panolb.terminate()
    assert lab.panolb.wait() == 0


def test_reload_with_another_listener(lab: Crowd) -> None:
    """Both workers listen there, and at the former one nobody any more."""
    pair = lab.open("1")
    port = free_port()
    lab.edit(f"tcp:{lab.port}:", f"tcp:{port}:")
    lab.reload()
    former, lab.port = lab.port, port
    lab.open_until_both_have("2")

    def refuses() -> bool:
        try:
            socket.create_connection((ADDRESS, former), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    until(refuses, "the former port to be closed in all processes")
    pair.browser.send(1, b"still here")
    lab.control.ask("POST", "/api/v1/reload")


def test_a_removed_member_is_shown_until_its_users_have_left(lab: Crowd) -> None:
    """With what is under way in all workers, also beside the one that takes its place."""
    pairs = lab.open_until_both_have("1")
    text = lab.panolb.file.read_text()
    url = f"http://{ADDRESS}:{lab.members['1'].port}"
    lab.edit(f'url = "{url}"', 'url = "http://127.0.0.9:9"')
    lab.reload()
    lab.panolb.file.write_text(text)
    lab.reload()

    def shown() -> dict[bool, tuple[int, int]]:
        """Busy and WebSockets of the members with that URL, by whether they are leaving."""
        members = lab.control.get("/api/v1/members")["members"]
        return {one["leaving"]: (one["busy"], one["websockets"]) for one in members if one["url"] == url}

    number = len(pairs)
    until(lambda: shown() == {True: (number, number), False: (0, 0)}, "both to be shown")
    for pair in pairs:
        assert pair.closed()[0] == 1012
        pair.answer()
    until(lambda: shown() == {False: (0, 0)}, "the one that has left to be forgotten")


def test_reload_that_closes_a_listener_in_vain(tmp_path: Path) -> None:
    """One has to go first for its successor at the same port; then another one's port is taken, and it comes back."""
    other = free_port()
    more = f'[listener.other]\nendpoint = "tcp:{other}:interface={ADDRESS}"'
    with running(tmp_path, more=more) as lab, socket.create_server((ADDRESS, 0)) as taken:
        pair = lab.open("1")
        lab.edit(f"tcp:{lab.port}:interface={ADDRESS}", f"tcp:{lab.port}")
        lab.edit(f"tcp:{other}:", f"tcp:{taken.getsockname()[1]}:")
        lab.reload("was not reloaded")
        lab.open_until_both_have("1")
        lab.edit(f"tcp:{taken.getsockname()[1]}:", f"tcp:{other}:")
        lab.reload()
        lab.open_until_both_have("2")
        pair.browser.send(1, b"still here")
        assert not lab.panolb.lines("PLB-1802")


def test_reload_of_what_is_wrong(lab: Crowd) -> None:
    """Nothing changes in any process."""
    lab.edit('stickysession = "ROUTEID"', 'stickysession = "ROUTEID"\nlbmethod = "nonsense"')
    lab.reload("was not reloaded")
    lab.open_until_both_have("1")


def test_members_that_live_traffic_finds_out(lab: Crowd) -> None:
    """One worker meets a member that is gone; the other one need not."""
    lab.members["1"].vanish()
    with Client(lab.port) as client:
        client.ask("GET", "/", "Cookie: ROUTEID=.1")
        lab.members["2"].visit()  # it came after the first one had failed
    assert "app/1" in lab.logged("PLB-1103")
    assert len(lab.panolb.lines("PLB-1103")) == 1
    until(lambda: lab.member("1")["state"] == "error", "the supervisor to know")
    lab.open_until_both_have("2")
    assert len(lab.panolb.lines("PLB-1103")) == 1


def test_stop(lab: Crowd) -> None:
    """WebSockets of both are told 1012, and no process is left."""
    pairs = lab.open_until_both_have("1")
    pids = lab.pids
    lab.panolb.terminate()
    for pair in pairs:
        assert pair.closed()[0] == 1012
        pair.answer()
    assert lab.panolb.wait() == 0
    assert not any(map(is_alive, pids))
    assert "Traceback" not in lab.panolb.log


def test_supervisor_is_killed(lab: Crowd) -> None:
    """Workers that nobody watches finish what they have, and end; the address is free for another panolb at once."""
    pairs = lab.open_until_both_have("1")
    pids = lab.pids
    lab.panolb.process.kill()
    lab.panolb.process.wait()
    with until(lambda: socket.create_server((ADDRESS, lab.port)), "the address to be free"):
        assert any(map(is_alive, pids))
    for pair in pairs:
        assert pair.closed()[0] == 1012
        pair.answer()
    until(lambda: not any(map(is_alive, pids)), "the workers to end")


def test_a_worker_is_ended_in_peace(lab: Crowd) -> None:
    """SIGTERM to a worker: it says goodbye, and another one takes its place."""
    pairs = lab.open_until_both_have("1")
    victim = lab.worker_of(pairs[0])
    os.kill(victim, signal.SIGTERM)
    assert pairs[0].closed()[0] == 1012
    pairs[0].answer()
    lab.all_accept(3)


def test_logs_are_reopened_in_all(lab: Crowd, tmp_path: Path) -> None:
    """No line goes to the file that was moved away."""
    moved = tmp_path / "access.log.1"
    (tmp_path / "access.log").rename(moved)
    lab.panolb.process.send_signal(signal.SIGUSR1)
    until((tmp_path / "access.log").exists, "a new file")
    before = moved.stat().st_size
    pairs = lab.open_until_both_have("1")
    until(lambda: len((tmp_path / "access.log").read_text().splitlines()) >= len(pairs), "the lines")
    assert moved.stat().st_size == before
