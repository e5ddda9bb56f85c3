"""Members on the command line: seen, drained, taken out and brought back."""

from __future__ import annotations

from tests.cli.shell import Shell, end, interrupt
from tests.control.operating import Lab
from tests.harness.waiting import until

# -- seeing ---------------------------------------------------------------------------------------------------------


def test_members(lab: Lab, shell: Shell) -> None:
    """A line for each member, aligned, without colour where there is no terminal."""
    lab.open("2", "", "Cookie: JSESSIONID=ann")
    lab.open("2", "", "Cookie: JSESSIONID=ann")
    done = shell.run("members")
    assert (done.code, done.err) == (0, "")
    heads, first, second = done.out.splitlines()
    assert heads.split()[:3] == ["MEMBER", "STATE", "WEIGHT"] or heads.split()[:2] == ["MEMBER", "STATE"]
    assert (first.split()[:2], second.split()[:2]) == (["app/1", "up"], ["app/2", "up"])
    columns = [heads.index("USERS") + 5, heads.index("WEBSOCKETS") + 10, heads.index("REQUESTS") + 8]
    assert [second[column - 1] for column in columns] == ["1", "2", "0"]
    assert "\x1b" not in done.out


def test_members_for_programs(lab: Lab, shell: Shell) -> None:
    """What the API says, unchanged; of one member too."""
    assert shell.json("members") == lab.control.get("/api/v1/members")
    assert shell.json("members", "app/1") == lab.member("1")
    assert "app/1" in shell.run("members", "app/1").out


def test_colour_on_a_terminal(shell: Shell) -> None:
    """A state has a colour, which a script never gets to see."""
    with shell.terminal("members") as terminal:
        assert terminal.ended() == 0
    assert "\x1b[32mup" in terminal.seen


def test_unknown_member(shell: Shell) -> None:
    """What there is instead is told; with --json as JSON too."""
    done = shell.run("drain", "app/9")
    assert (done.code, done.out) == (1, "")
    assert "there is no member app/9; there are: app/1, app/2" in done.err
    assert "app/1" in shell.json("drain", "app/9", code=1)["error"]


# -- draining -------------------------------------------------------------------------------------------------------


def test_drain(lab: Lab, shell: Shell) -> None:
    """Users stay; what is said names the member, its users, and what can be done next."""
    lab.open("1")
    done = shell.run("drain", "app/1")
    assert done.code == 0
    assert "app/1 drains: no new users; its 1 user with 1 WebSocket stay until they leave" in done.out
    for next_step in ("panolb drain app/1 --wait", "panolb drain app/1 --move", "panolb enable app/1"):
        assert next_step in done.out
    assert "panolb forgets this when it stops: there is no state file" in done.err
    assert lab.member("1")["admin"] == "drain"
    assert shell.json("drain", "app/1") == lab.member("1")
    assert shell.run("enable", "app/1").out.startswith("app/1 is up, and gets users again.")
    assert lab.member("1")["admin"] == "active"


def test_drain_waits(lab: Lab, shell: Shell) -> None:
    """Until the last WebSocket has ended, and no longer."""
    first, second = lab.open("1"), lab.open("1")
    with shell.running("drain", "app/1", "--wait", "--deadline", "5m") as process:
        until(lambda: lab.member("1")["admin"] == "drain", "the drain")
        for pair in (first, second):
            assert process.poll() is None
            pair.browser.close_frame(1000)
            pair.member.close_frame(1000)
        done = end(process)
    assert done.code == 0, done
    assert "app/1 is empty" in done.out
    assert "panolb enable app/1" in done.out


def test_drain_moves(lab: Lab, shell: Shell) -> None:
    """With --move the WebSockets get their close frames; at the end the member is told to programs."""
    pairs = [lab.open("1"), lab.open("1")]
    with shell.running("drain", "app/1", "--move", "--wait", "--json") as process:
        for pair in pairs:
            assert pair.closed()[0] == 1012
            pair.answer()
        done = end(process)
    assert done.code == 0, done
    assert {name: done.said[name] for name in ("name", "moving", "websockets", "busy")} == {
        "name": "app/1",
        "moving": True,
        "websockets": 0,
        "busy": 0,
    }


def test_deadline(lab: Lab, shell: Shell) -> None:
    """Exit status 4, with what is left and what can be done; the member goes on draining."""
    lab.open("1")
    done = shell.run("drain", "app/1", "--deadline", "200ms")
    assert done.code == 4
    assert "app/1: after 0 s there is still this left: 1 WebSocket of 1 user and 0 requests" in done.err
    assert "panolb drain app/1 --move" in done.err
    assert lab.member("1")["admin"] == "drain"
    said = shell.json("drain", "app/1", "--deadline", "0.1", code=4)
    assert "deadline" in said["error"]
    assert said["member"]["websockets"] == 1


def test_enabled_meanwhile(lab: Lab, shell: Shell) -> None:
    """Somebody else wants the member back: the first one is told, and stops waiting."""
    lab.open("1")
    with shell.running("drain", "app/1", "--wait") as process:
        until(lambda: lab.member("1")["admin"] == "drain", "the drain")
        assert process.stderr is not None
        while "1 WebSocket of 1 user" not in process.stderr.readline():
            pass
        lab.set("1", "active")
        done = end(process)
    assert done.code == 1
    assert "app/1 was enabled meanwhile, by somebody else" in done.err


def test_interrupted(lab: Lab, shell: Shell) -> None:
    """Ctrl-C ends the waiting, and says that it ends nothing else."""
    lab.open("1")
    with shell.running("drain", "app/1", "--wait") as process:
        assert process.stderr is not None
        while "1 WebSocket" not in process.stderr.readline():
            pass
        done = interrupt(process)
    assert done.code == 130
    assert "app/1 stays as it is now: drain" in done.err
    assert lab.member("1")["admin"] == "drain"


def test_progress_on_a_terminal(lab: Lab, shell: Shell) -> None:
    """A bar for users and one for WebSockets, each with how many are left."""
    pair = lab.open("1")
    with shell.terminal("drain", "app/1", "--wait") as terminal:
        terminal.shows("WebSockets")
        terminal.shows("1 left")
        pair.browser.close_frame(1000)
        pair.member.close_frame(1000)
        assert terminal.ended() == 0
    assert "app/1 is empty" in terminal.seen


def test_nobody_is_left(lab: Lab, shell: Shell) -> None:
    """Draining the last member that is up is done, and said."""
    assert "No other member" not in shell.run("drain", "app/1").err
    done = shell.run("drain", "app/2")
    assert done.code == 0, done
    assert "No other member of app is up: nobody serves new users." in done.err


def test_remove_waits(lab: Lab, shell: Shell) -> None:
    """A member that is removed is listed as long as it has something under way; the last WebSocket ends the waiting."""
    pair = lab.open("1")
    try:
        with shell.running("remove", "app/1", "--wait") as process:
            assert pair.closed()[0] == 1012
            (left,) = [one for one in shell.json("members")["members"] if one["name"] == "app/1"]
            assert left["leaving"]
            assert "removed" in shell.run("members").out
            pair.answer()
            done = end(process)
        assert done.code == 0, done
        assert "app/1 is gone: no WebSockets, nothing under way." in done.out
    finally:
        assert shell.run("overrides", "--drop", "app/1").out == "app/1: there again, as in the file\n"


# -- out of service, and back ---------------------------------------------------------------------------------------


def test_disable_and_stop(lab: Lab, shell: Shell) -> None:
    """Both close the WebSockets; the words say which state it is."""
    for verb, admin in (("disable", "disabled"), ("stop", "stopped")):
        pair = lab.open("1")
        with shell.running(verb, "app/1", "--wait") as process:
            pair.closed()
            pair.answer()
            done = end(process)
        assert done.code == 0, done
        assert f"app/1 is {admin}: nobody comes to it" in done.out
        assert "app/1 is empty" in done.out
        assert lab.member("1")["admin"] == admin
        assert shell.run("enable", "app/1", "--wait").code == 0


def test_deadline_of_enable(lab: Lab, shell: Shell) -> None:
    """A member that does not come up in time: what keeps it is told."""
    lab.set("1", "stopped")
    with shell.running("enable", "app/1", "--wait") as process:
        assert end(process).code == 0
    assert lab.member("1")["state"] == "up"
