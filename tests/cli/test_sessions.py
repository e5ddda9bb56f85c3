"""Users' sessions on the command line."""

from __future__ import annotations

from tests.cli.schemas import check
from tests.cli.shell import Shell
from tests.control.operating import Lab
from tests.harness.waiting import until


def test_list_and_show(lab: Lab, shell: Shell) -> None:
    """Who is where, and with what."""
    lab.open("1", "", "Cookie: JSESSIONID=ann")
    lab.open("1", "", "Cookie: JSESSIONID=ann")
    lab.open("2", "", "Cookie: JSESSIONID=bob")
    said = shell.json("sessions", "list")
    check(lab.control, said, "/sessions")
    assert said["total"] == 2
    (ann,) = shell.json("sessions", "list", "--member", "app/1")["sessions"]
    assert (ann["members"], ann["websockets"]) == (["app/1"], 2)
    done = shell.run("sessions", "list")
    assert done.code == 0, done
    assert len(done.out.splitlines()) == 4
    assert done.out.splitlines()[-1] == "2 sessions"
    assert "1 more: --offset 1" in shell.run("sessions", "list", "--limit", "1").out
    done = shell.run("sessions", "show", ann["session"])
    assert f"session {ann['session']} of 127.0.0.1: 2 WebSockets on app/1" in done.out
    assert done.out.count("/live") == 2
    check(lab.control, shell.json("sessions", "show", ann["session"]), "/sessions/{id}")


def test_nobody(shell: Shell) -> None:
    """No sessions are no error; one that is not known is."""
    done = shell.run("sessions", "list")
    assert (done.code, done.out, done.err) == (0, "", "0 sessions\n")
    assert shell.run("sessions", "show", "0123456789ab").code == 1
    assert shell.run("sessions", "move", "0123456789ab", "--to", "app/2").code == 1
    assert shell.run("sessions", "close", "0123456789ab").code == 1


def test_move(lab: Lab, shell: Shell) -> None:
    """Its WebSockets are closed, and the page comes back to the other member."""
    pair = lab.open("1", "", "Cookie: JSESSIONID=ann")
    (ann,) = shell.json("sessions", "list")["sessions"]
    done = shell.run("sessions", "move", ann["session"], "--to", "app/2")
    assert done.code == 0, done
    assert f"session {ann['session']} moves to app/2: 1 WebSocket being closed." in done.out
    assert pair.closed()[0] == 1012
    pair.answer()
    assert "moving to app/2" in shell.run("sessions", "list").out
    lab.open("1", "2", "Cookie: JSESSIONID=ann")
    until(
        lambda: shell.json("sessions", "show", ann["session"])["members"] == ["app/2"], "the page to be back"
    )
    assert shell.run("sessions", "move", ann["session"], "--to", "nobody").code == 1


def test_close(lab: Lab, shell: Shell) -> None:
    """Its WebSockets are closed, and that is all."""
    pair = lab.open("2", "", "Cookie: JSESSIONID=ann")
    (ann,) = shell.json("sessions", "list")["sessions"]
    said = shell.json("sessions", "close", ann["session"])
    check(lab.control, said, "/sessions/{id}/close", "post")
    assert said["websockets"] == 1
    assert pair.closed()[0] == 1012
    pair.answer()
