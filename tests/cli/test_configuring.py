"""The running configuration on the command line: planned, reloaded, changed at run time, and saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panolb.cli.checking import to_plan
from panolb.reading import HttpdOptions
from tests.cli.files import WEIGHTS, Place, placed
from tests.cli.schemas import check
from tests.harness.waiting import ADDRESS, free_port

KINDS = ("toml", "httpd")


@pytest.fixture(params=KINDS)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A process of its own, since every test changes the file."""
    with placed(tmp_path, request.param) as place:
        yield place


def test_reload(place: Place) -> None:
    """Nothing has changed; then a weight; then the file is wrong, and all goes on as before."""
    shell = place.shell
    done = shell.run("reload")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "Nothing has changed."

    right = place.file.read_text()
    place.file.write_text(place.edited(*WEIGHTS[place.kind]))
    done = shell.run("reload")
    assert done.code == 0, done
    assert "app/1" in done.out
    assert "Reloaded: configuration generation " in done.out
    assert shell.json("members", "app/1")["weight"] == 5

    place.file.write_text(right.replace("ROUTEID", "ROUTEID\nNonsense"))
    done = shell.run("reload")
    assert (done.code, done.out) == (1, "")
    assert f"{place.file}:" in done.err
    said = shell.json("reload", code=1)
    check(place.control, said, "/reload", "post", 422)
    assert said["problems"]
    assert shell.json("members", "app/1")["weight"] == 5

    place.file.write_text(right)
    check(place.control, shell.json("reload"), "/reload", "post")
    assert shell.json("members", "app/1")["weight"] == 2


def test_plan(place: Place) -> None:
    """0 for no changes, 2 for some, 1 for a file that is wrong; nothing is changed by it."""
    shell = place.shell
    done = shell.run("plan", place.file)
    assert (done.code, done.out) == (0, "Nothing would change.\n"), done

    changed = place.other(place.edited(*WEIGHTS[place.kind]))
    done = shell.run("plan", changed)
    assert done.code == 2, done
    assert "app/1" in done.out
    assert "panolb reload" in done.out
    said = shell.json("plan", changed, code=2)
    check(place.control, said, "/plan", "post")
    (member,) = said["members"]["changed"]
    assert (member["name"], [change["key"] for change in member["keys"]]) == ("app/1", ["loadfactor"])
    assert shell.json("members", "app/1")["weight"] == 2

    done = shell.run("plan", place.other(place.edited("ROUTEID", "ROUTEID\nNonsense")))
    assert (done.code, done.out) == (1, "")
    assert "other" in done.err
    assert "nothing was compared" in done.err


def test_plan_of_an_httpd_conf_leaves_workers_to_the_command_line(tmp_path: Path) -> None:
    """A reload does too: ``twistd panolb --workers 2`` holds on."""
    file = tmp_path / "httpd.conf"
    file.write_text("Listen 8000\nProxyPass / http://127.0.0.1:8080/\n")
    running = (
        'workers = 2\n[listener.public]\nendpoint = "tcp:8000"\n[[location]]\npath = "/"\nstatus = 404\n'
    )
    assert "workers = 2\n" in to_plan(file, HttpdOptions(), running)


def test_weight(place: Place) -> None:
    """A weight is an override: shown, kept over a restart, and dropped again."""
    shell = place.shell
    done = shell.run("weight", "app/1", "7")
    assert (done.code, done.out, done.err) == (0, "app/1 has the weight 7; its users stay.\n", "")
    said = shell.json("weight", "app/2", 3)
    check(place.control, said, "/members/{name}", "post")
    assert said["weight"] == 3
    assert "weight by override, 2 in the file" in shell.run("members").out

    place.stop()
    place.begin()
    assert [one["weight"] for one in shell.json("members")["members"]] == [7, 3]
    shown = shell.run("overrides")
    assert shown.code == 0
    assert [line.split()[:4] for line in shown.out.splitlines()[1:3]] == [
        ["app/1", "weight", "2", "7"],
        ["app/2", "weight", "1", "3"],
    ]
    assert f"Kept in {place.state}" in shown.out
    check(place.control, shell.json("overrides"), "/overrides")

    assert "app/1: weight is 2 again" in shell.run("overrides", "--drop", "app/1").out
    check(place.control, shell.json("overrides", "--all"), "/overrides", "delete")
    assert [one["weight"] for one in shell.json("members")["members"]] == [2, 1]
    assert "There are no overrides" in shell.run("overrides").out
    assert shell.run("overrides", "--drop", "app/1").code == 1


def test_add_and_remove(place: Place) -> None:
    """A member comes, and goes; the last of a balancer stays."""
    shell, url = place.shell, f"http://{ADDRESS}:{free_port()}"
    done = shell.run("add", "app", url, "--route", "3", "--weight", "2")
    assert done.code == 0, done
    assert f"app/3 is added, at {url}" in done.out
    assert "panolb remove app/3" in done.out
    assert shell.json("members", "app/3")["weight"] == 2

    done = shell.run("add", "app", url, "--route", "3")
    assert done.code == 1
    assert "app/3" in done.err
    assert shell.run("add", "nobody", url, "--route", "3").code == 1
    assert shell.run("add", "app", "nonsense", "--route", "4").code == 1

    done = shell.run("remove", "app/3", "--wait", "--deadline", "1m")
    assert done.code == 0, done
    assert "app/3 is removed: nobody comes to it" in done.out
    assert "app/3 is gone" in done.out
    assert shell.run("members", "app/3").code == 1

    check(place.control, shell.json("remove", "app/2"), "/members/{name}", "delete")
    assert [one["name"] for one in shell.json("members")["members"]] == ["app/1"]
    done = shell.run("remove", "app/1")
    assert done.code == 1
    assert "last member" in done.err
    assert shell.run("overrides", "--drop", "app/2").code == 0
    assert [one["name"] for one in shell.json("members")["members"]] == ["app/1", "app/2"]


def test_status_and_events(place: Place) -> None:
    """The whole at a glance, and what has happened."""
    shell = place.shell
    check(place.control, shell.json("status"), "/status")
    done = shell.run("status")
    assert done.code == 0, done
    assert "balancer app: 2 of 2 members up" in done.out
    assert "app/2" in done.out
    assert str(place.port) in done.out
    assert shell.run("status", "--check").code == 0
    for member in ("app/1", "app/2"):
        shell.run("stop", member)
    done = shell.run("status", "--check")
    assert done.code == 1
    assert "no member is up in: app" in done.err

    done = shell.run("events")
    assert done.code == 0, done
    assert "member.stopped" in done.out
    for event in shell.run("events", "--json").out.splitlines():
        assert '"event":' in event
