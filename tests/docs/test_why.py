"""docs/why.rst: its commands, run one after the other against its configuration, say what is shown below them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.harness.client import Client
from tests.harness.control import Control
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until

from .blocks import ROOT, Command, blocks, commands

ID = re.compile(r"\b[0-9a-f]{6}-[0-9a-f]+\b")
SOCKET = "/run/panolb/control.sock"


class Page:
    """The page's panolb, and whoever types the page's commands.

    :ivar request_id: the last one that was shown.
    """

    def __init__(self, port: int, control: str) -> None:
        self.port = port
        self.control = control
        self.request_id = ""

    def type(self, words: str) -> str:
        """What a command shows, as if panolb had the page's port."""
        here = words.replace("http://dash.example/", f"http://dash.example:{self.port}/")
        here = here.replace("ws://dash.example/", f"ws://dash.example:{self.port}/")
        if words.startswith("curl "):
            return self.curl(shlex.split(here))
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from panolb.cli import main; main()",
                *shlex.split(ID.sub(self.request_id, here))[1:],
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PANOLB_CONTROL": self.control, "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.replace(f":{self.port}", "")

    def curl(self, words: list[str]) -> str:
        """The answer's field that is grepped for."""
        field = words[words.index("-H") + 1]
        url = next(word for word in words if word.startswith("http://"))
        with Client(self.port) as client:
            answer = client.get("/" + url.split("/", 3)[3], "Host: dash.example", field)
        shown = f"{words[-1]}: {answer.one(words[-1])}\n"
        self.request_id = ID.findall(shown)[0]
        return shown


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """The page's configuration, running."""
    (text,) = [block.text for block in blocks("toml") if block.name == "why.toml"]
    port = free_port()
    with TemporaryDirectory(prefix="panolb-") as short, Member("one") as one, Member("two") as two:
        for shown, here in (
            ("tcp:80", f"tcp:{port}:interface={ADDRESS}"),
            (SOCKET, f"{short}/control"),
            ("localhost:8081", f"{ADDRESS}:{one.port}"),
            ("localhost:8082", f"{ADDRESS}:{two.port}"),
            ("localhost:8083", f"{ADDRESS}:{free_port()}"),
        ):
            assert shown in text
            text = text.replace(shown, here)
        panolb = Panolb(tmp_path, text, [port])
        try:
            panolb.start()
            control = Control(f"{short}/control")
            until(lambda: control.get("/api/v1/members/vault/2")["state"] == "down", "vault/2 to be down")
            yield Page(port, f"{short}/control")
            panolb.stop()
        finally:
            panolb.close()


def asked() -> list[Command]:
    """The page's commands that are run here."""
    return [
        command
        for command in commands()
        if command.page.name == "why.rst" and command.words.startswith(("panolb ", "curl "))
    ]


def test_the_commands_say_what_is_shown(page: Page) -> None:
    """In the page's order; what ``drain`` and ``enable`` say is not shown there."""
    assert len(asked()) > 15
    for command in asked():
        said = page.type(command.words)
        if not command.words.startswith(("panolb drain", "panolb enable")):
            assert lines(said) == lines(command.output), command.words


def lines(text: str) -> list[str]:
    """Lines for comparison: ids differ from run to run."""
    return [line.rstrip() for line in ID.sub("ID", text).strip().splitlines()]
