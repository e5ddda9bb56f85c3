"""The quickstart's configuration and the example plugin, run as the pages say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.harness.waiting import free_port, until

from .blocks import EXAMPLES, ROOT, blocks
from .serving import ask, members, process, wait_until_served, who

TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "panolb"]


@contextmanager
def balanced(text: str, directory: Path, more: str = "", *path: Path) -> Iterator[tuple[int, int]]:
    """A page's configuration on free ports in front of two demo members; its port and the status page's."""
    public, admin = free_port(), free_port()
    with members() as ports:
        for old, new in (("tcp:10080", f"tcp:{public}"), ("tcp:10088", f"tcp:{admin}")):
            text = text.replace(old, new)
        for old_port, new_port in zip((8080, 8081), ports, strict=True):
            text = text.replace(f"http://localhost:{old_port}", f"http://127.0.0.1:{new_port}")
        (directory / "panolb.toml").write_text(text + more)
        with process([*TWISTD, "--config", "panolb.toml"], directory / "log", *path):
            wait_until_served(public, "/panopticon/whoami")
            yield public, admin


def page(name: str, caption: str = "") -> str:
    """The whole configuration that a page shows."""
    return next(
        block.text
        for block in blocks("toml")
        if block.page.name == name and block.name == caption and "[[location]]" in block.text
    )


def fields(heading: str, page: str = "operate.rst") -> list[str]:
    """The first column of the table below a sentence of a page."""
    text = (ROOT / "docs" / page).read_text()
    table = text[text.index(heading) :].split("\n\n")[1].split("\n")
    return [row.split("``")[1] for row in table if row.startswith("``")]


def test_quickstart_and_operate(tmp_path: Path) -> None:
    """Users stick, the status page has the fields that operate.rst lists, and a line of the access log those of logs.rst."""
    log = '\n[access_log]\npath = "access.log"\n'
    with balanced(page("quickstart.rst"), tmp_path, log) as (public, admin):
        assert {who(public, Cookie="ROUTEID=.2") for _ in range(5)} == {"Member 2"}
        answer, _ = ask(public, "GET", "/panopticon/whoami")
        assert re.fullmatch(
            r"ROUTEID=\.[12]; Path=/; HttpOnly; SameSite=Lax", answer.getheader("Set-Cookie") or ""
        )
        status = json.loads(ask(admin, "GET", "/status.json")[1])
    (balancer,) = status["balancers"]
    assert list(balancer) == ["name", "members"]
    for member in balancer["members"]:
        assert list(member) == fields("its ``members``, which are a list of")
    line = (tmp_path / "access.log").read_text().splitlines()[-1]
    parts = re.findall(r'"[^"]*"|\[[^]]*\]|\S+', line)
    assert len(parts) == len(fields("A line for every field", "logs.rst")), line
    assert parts[9] in ("panopticoncluster/1", "panopticoncluster/2")
    assert parts[10:13] == ["new", "-", "-"]


def test_balancing_method(tmp_path: Path) -> None:
    """While one member is busy, every new user goes to the other; the built-in method would take turns."""
    path = EXAMPLES / "plugins"
    admin = '\n[admin]\nendpoint = "tcp:10088:interface=127.0.0.1"\n'
    with balanced(page("plugins.rst", "fewest-busy.toml") + admin, tmp_path, "", path) as (public, status):

        def busy() -> list[int]:
            told = json.loads(ask(status, "GET", "/status.json")[1])
            return [member["busy"] for member in told["balancers"][0]["members"]]

        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(ask, public, "GET", "/panopticon/slow?seconds=5", None, Cookie="ROUTEID=.1")
            until(lambda: busy() == [1, 0], "member 1 to be busy")
            seen = [who(public) for _ in range(4)]
            assert busy() == [1, 0], "the machine was too slow for this test"
            assert seen == ["Member 2"] * 4
            assert slow.result()[0].status == 200
        assert who(public) == "Member 1"  # of equals the first
