"""The files under ops/ for systemd and logrotate, read by the programs that they are for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from panolb.tap import Options
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import answer
from tests.harness.supervisor import Supervisor
from tests.harness.waiting import ADDRESS, free_port
from tests.ops.programs import OPS, run

MOST_EXPOSED = 3.0
PROGRAMS = {
    "twistd": "from twisted.scripts.twistd import run; run()",
    "panolb": "import sys; sys.argv[0] = 'panolb'; from panolb.cli import main; main()",
}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of units as installed, but that the programs are those of this checkout."""
    place = tmp_path_factory.mktemp("units")
    (place / "bin").mkdir()
    for name, source in PROGRAMS.items():
        program = place / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{source}" "$@"\n')
        program.chmod(0o755)
    shutil.copytree(OPS / "systemd", place / "system")
    service = place / "system" / "panolb.service"
    text = service.read_text()
    assert set(re.findall(r"/opt/panolb/bin/(\w+)", text)) == set(PROGRAMS)
    service.write_text(text.replace("/opt/panolb/bin", str(place / "bin")))
    return place / "system"


@pytest.mark.parametrize("with_drop_in", [False, True])
def test_verify(units: Path, tmp_path: Path, with_drop_in: bool) -> None:
    """systemd finds nothing to say about the units, with and without the drop-in for sockets."""
    here = shutil.copytree(units, tmp_path / "system")
    if not with_drop_in:
        shutil.rmtree(here / "panolb.service.d")
    assert run("systemd-analyze", "verify", here / "panolb.service", here / "panolb.socket") == ""


def test_security(units: Path) -> None:
    """The service may not do more than it must."""
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager", units / "panolb.service")
    level = re.search(r"Overall exposure level for panolb.service: ([0-9.]+)", told)
    assert level is not None, told
    assert float(level[1]) < MOST_EXPOSED, told


def test_user_and_directories(tmp_path: Path) -> None:
    """The user is made, and so is the configuration's directory, for that user to read and for nobody else."""
    etc = tmp_path / "etc"
    etc.mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", OPS / "sysusers.d" / "panolb.conf")
    (user,) = [
        line.split(":") for line in (etc / "passwd").read_text().splitlines() if line.startswith("panolb:")
    ]
    assert user[5] == "/var/lib/panolb"
    (group,) = [
        line.split(":") for line in (etc / "group").read_text().splitlines() if line.startswith("panolb:")
    ]
    (etc / "panolb").mkdir()
    file = etc / "panolb" / "panolb.toml"
    file.touch()
    file.chmod(0o666)
    if os.getuid() != 0:
        pytest.skip("only root may give files away")
    run("systemd-tmpfiles", f"--root={tmp_path}", "--create", OPS / "tmpfiles.d" / "panolb.conf")
    for path, mode in ((etc / "panolb", 0o750), (file, 0o640)):
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (0, int(group[2]), mode)


def test_logrotate(tmp_path: Path) -> None:
    """logrotate understands its file, and would rotate the access log of ops/panolb.toml."""
    logs = tmp_path / "log"
    logs.mkdir(mode=0o750)
    (logs / "access.log").write_text("a line\n")
    text = (OPS / "logrotate" / "panolb").read_text()
    assert "/var/log/panolb/access.log" in (OPS / "panolb.toml").read_text()
    text = text.replace("/var/log/panolb/", f"{logs}/").replace("    su panolb panolb\n", "")
    file = tmp_path / "panolb"
    file.write_text(text)
    file.chmod(0o644)
    told = run("logrotate", "--debug", "--force", "--state", tmp_path / "state", file)
    assert "error" not in told
    assert f"renaming {logs}/access.log to {logs}/access.log.1" in told
    assert "--signal=USR1 panolb.service" in told


def settings(text: str) -> dict[str, str]:
    """The assignments of an environment file."""
    words = [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]
    return dict(word[0].split("=", 1) for word in words)


def test_environment_file() -> None:
    """What stands in it, in comments too, are options that there are, and the unit uses each variable."""
    text = (OPS / "default" / "panolb").read_text()
    unit = (OPS / "systemd" / "panolb.service").read_text()
    variables = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    assert {"PANOLB_OPTIONS", "TWISTD_OPTIONS"} <= set(variables)
    for name in set(variables) - {"PANOLB_CONTROL"}:  # that one is for the panolb command
        assert f"${name} " in unit + " " or f"${name}\n" in unit
    for written in re.findall(r'^#?PANOLB_OPTIONS="(.*)"$', text, re.MULTILINE):
        Options().parseOptions(shlex.split(written))
    assert f'Environment="PANOLB_OPTIONS={settings(text)["PANOLB_OPTIONS"]}"' in unit


class Unit(Panolb):
    """What the unit runs, with the variables as systemd puts them in."""

    def __init__(self, directory: Path, config: str, unit: Path, variables: dict[str, str]) -> None:
        super().__init__(directory, config, ())
        self._unit = unit.read_text()
        self._variables = variables

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self._variables}

    @property
    def command(self) -> list[str]:
        (line,) = re.findall(r"^ExecStart=(.*)$", self._unit, re.MULTILINE)
        words: list[str] = []
        for word in line.split():
            words += self._variables.get(word[1:], "").split() if word.startswith("$") else [word]
        return words


def test_it_runs(units: Path, tmp_path: Path) -> None:
    """The unit's command line, with the environment file's variables, becomes ready and ends with 0."""
    with TemporaryDirectory(prefix="panolb-") as short, Member("m") as member:
        member.script = answer(b"m")
        supervisor = Supervisor(f"{short}/notify")
        variables = settings((OPS / "default" / "panolb").read_text())
        options = variables["PANOLB_OPTIONS"].replace("/etc/panolb", str(tmp_path))
        variables |= {"PANOLB_OPTIONS": options, "NOTIFY_SOCKET": supervisor.address}
        config = (
            f'[listener.public]\nendpoint = "tcp:{free_port()}:interface={ADDRESS}"\n'
            f'[balancer.app]\nmember = [{{ url = "http://{ADDRESS}:{member.port}", route = "1" }}]\n'
            '[[location]]\npath = "/"\nbalancer = "app"\n'
        )
        panolb = Unit(tmp_path, config, units / "panolb.service", variables)
        try:
            panolb.launch()
            supervisor.next("READY", 0)
            panolb.stop()
        finally:
            panolb.close()
            supervisor.close()
