"""The container file: what it says is there, and what it starts runs, answers its own health check, and ends in peace."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import answer
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.ops.programs import OPS

ROOT = OPS.parent
PROGRAMS = {
    "/opt/panolb/bin/twistd": "from twisted.scripts.twistd import run; run()",
    "/opt/panolb/bin/panolb": "from panolb.cli import main; main()",
}


class Instruction(NamedTuple):
    """A line of the container file, with those that continue it."""

    name: str
    words: str

    @property
    def command(self) -> list[str]:
        """The words of its JSON form."""
        words: list[str] = json.loads(self.words[self.words.index("[") :])
        return words


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, FROM first."""
    text = re.sub(r"^#.*\n", "", (OPS / "container" / "Containerfile").read_text(), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, words = line.partition(" ")
            if name == "FROM":
                found.append([])
            found[-1].append(Instruction(name, words.strip()))
    return found


def one(name: str) -> Instruction:
    """The only instruction of this name in the last stage."""
    (found,) = [line for line in stages()[-1] if line.name == name]
    return found


def test_what_is_copied_exists() -> None:
    """From the checkout into the first stage; and all that a wheel is built from, or pip could not build it there."""
    build, final = stages()
    copied = {source for line in build if line.name == "COPY" for source in line.words.split()[:-1]}
    assert copied >= {"pyproject.toml", "setup.cfg", "panolb", "twisted"}
    for source in copied:
        assert (ROOT / source).exists(), source
    named = re.findall(r"(?:file:|license_files =) *(.*)", (ROOT / "setup.cfg").read_text())
    assert {name for names in named for name in names.split(", ")} <= copied
    assert [line.words for line in final if line.name == "COPY"] == ["--from=build /opt/panolb /opt/panolb"]


def test_what_the_image_is() -> None:
    """The same system in both stages, nothing to build with in the last one, no root, and the port that the example has."""
    build, final = stages()
    assert build[0].words == f"{final[0].words} AS build"
    assert "build-essential" in " ".join(line.words for line in build)
    said = " ".join(line.words for line in final)
    for tool in ("build-essential", "-dev", "pip", "gcc", "venv"):
        assert tool not in said
    user = one("USER").words
    assert user.isdecimal()
    assert int(user) > 0
    assert f"--uid {user} " in said
    assert one("STOPSIGNAL").words == "SIGTERM"
    example = (OPS / "container" / "panolb.toml").read_text()
    assert set(one("EXPOSE").words.split()) == set(re.findall(r'"tcp:(\d+)"', example))
    for directory in re.findall(r'"(/(?:var|run)/\S+)/[^/]*"', example):
        assert f" {directory}" in said


def here(command: Sequence[str]) -> list[str]:
    """A command of the container, with the programs of this checkout."""
    program, *words = command
    return [sys.executable, "-c", PROGRAMS[program], *words]


class Container(Panolb):
    """What the container runs."""

    @property
    def command(self) -> list[str]:
        words = [*one("ENTRYPOINT").command, *one("CMD").command]
        return [word.replace("/etc/panolb", str(self.directory)) for word in here(words)]


class Lab(NamedTuple):
    """A container that is not started yet, its port, its member and its control socket."""

    container: Container
    port: int
    member: Member
    control: str

    def health(self) -> int:
        """The exit code of its health check."""
        command = here(one("HEALTHCHECK").command)
        environment = {**self.container.environment, "PANOLB_CONTROL": self.control}
        return subprocess.run(command, env=environment, timeout=PATIENCE, check=False).returncode

    def requests(self) -> list[dict[str, Any]]:
        """The lines of its output that are JSON."""
        return [json.loads(line) for line in self.container.log.splitlines() if line.startswith("{")]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """The example that stands beside the container file, with a member and ports of this machine."""
    with TemporaryDirectory(prefix="panolb-") as short, Member("1") as member:
        member.script = answer(b"1")
        public, admin = free_port(), free_port()
        text = (OPS / "container" / "panolb.toml").read_text()
        for old, new in (
            ('"tcp:8080"', f'"tcp:{public}:interface={ADDRESS}"'),
            ('"tcp:10088"', f'"tcp:{admin}:interface={ADDRESS}"'),
            ("tomcat-1:8080", f"{ADDRESS}:{member.port}"),
            ("tomcat-2:8080", f"{ADDRESS}:{free_port()}"),
            ("/run/panolb", short),
            ("/var/lib/panolb", str(tmp_path)),
        ):
            assert old in text
            text = text.replace(old, new)
        container = Container(tmp_path, text, (public, admin))
        try:
            yield Lab(container, public, member, f"{short}/control.sock")
        finally:
            container.close()


def test_it_runs(lab: Lab) -> None:
    """It gets healthy, stays so when its members are not, tells requests as JSON, and ends with 0."""
    assert lab.health() != 0
    lab.container.start()
    assert lab.health() == 0
    with Client(lab.port) as client:
        client.ask("GET", "/panopticon/")
        assert client.answer().body == b"1"
    lab.member.refuse()
    assert lab.health() == 0
    until(lambda: any(line.get("status") == 200 for line in lab.requests()), "the request to be told")
    lab.container.stop()
    assert lab.health() != 0


def test_check_as_shown(lab: Lab) -> None:
    """The command that the example shows for looking whether it is right does look."""
    (shown,) = re.findall(r"podman run --rm .*$", lab.container.file.read_text(), re.MULTILINE)
    words = shlex.split(shown)
    assert words[-3:-1] == ["panolb", "check"]
    done = subprocess.run(
        [*here(["/opt/panolb/bin/panolb"]), "check", str(lab.container.file)],
        env=lab.container.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
