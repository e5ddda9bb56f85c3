"""What was changed at run time, written into the file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.files import WEIGHTS, Place, placed
from tests.cli.schemas import check


@pytest.fixture(params=["toml", "httpd"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A process of its own."""
    with placed(tmp_path, request.param) as place:
        yield place


def test_save(place: Place) -> None:
    """The diff names one line; written, it is what a reload finds, and the override is gone."""
    shell = place.shell
    before, after = WEIGHTS[place.kind]
    assert shell.run("save").code == 1  # there is nothing to save
    shell.run("weight", "app/1", "5")
    expected = place.edited(before, after)
    done = shell.run("save")
    assert done.code == 0, done
    changed = [line[1:] for line in done.out.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert len(changed) == 1
    assert after in changed[0]
    assert "panolb save --write" in done.err
    check(place.control, shell.json("save"), "/save")

    place.file.chmod(0o640)
    done = shell.run("save", "--write")
    assert done.code == 0, done
    assert place.file.read_text() == expected
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o640
    assert not [one for one in place.directory.iterdir() if one.name.startswith(".")]
    assert "panolb reload" in done.out
    assert shell.run("reload").code == 0
    assert shell.json("overrides")["overrides"] == []
    assert shell.json("members", "app/1")["weight"] == 5


def test_save_over_another_file(place: Place) -> None:
    """What somebody else has written meanwhile is not overwritten."""
    shell = place.shell
    shell.run("weight", "app/1", "5")
    place.file.write_text(place.file.read_text() + "# mine\n")
    done = shell.run("save", "--write")
    assert done.code in (0, 1)
    assert place.file.read_text().endswith("# mine\n")
