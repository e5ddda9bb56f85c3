"""Where a request goes, or went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.files import Place, placed
from tests.cli.schemas import check


@pytest.fixture(params=["toml", "httpd"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A process of its own."""
    with placed(tmp_path, request.param) as place:
        yield place


def test_explain(place: Place) -> None:
    """Where a request would go: by its cookie, and for a new user; told to people and to programs."""
    shell = place.shell
    done = shell.run("explain", "/x", "--cookie", "ROUTEID=.2")
    assert done.code == 0, done
    assert "app/2" in done.out
    said = shell.json("explain", "/x", "--cookie", "ROUTEID=.2")
    check(place.control, said, "/explain", "post")
    assert (said["member"], said["reason"]) == ("app/2", "sticky")
    said = shell.json(
        "explain", f"http://any.example:{place.port}/x", "--header", "X-A: b", "--client", "192.0.2.1"
    )
    assert said["reason"] == "new"
    assert shell.json("explain", "/x", "--websocket", "--listener", "nobody", code=1)["error"]
    assert shell.run("explain", "--id", "none-1").code == 1
