"""The commands that the documentation shows exist, and those that are cheap print what is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from panolb.cli import main

from .blocks import EXAMPLES, ROOT, Command, blocks, commands

ELSEWHERE = (
    "pip ",
    "podman ",
    "curl ",
    "ss ",
    "nstat ",
    "for machine in ",
    "make ",
    "systemctl ",
    "journalctl ",
    "export ",
    "set -a; ",
    "python3 -m venv ",
    "twistd -n ",
    "grep ",
    "python docs/",
)
"""Commands that install, that serve, that need somebody to serve, or that another test runs."""


def bare(words: str) -> str:
    """A command without variables before it and the directory of its program."""
    return re.sub(r"^(?:[A-Z_]+=\S+ )*(?:/opt/panolb/bin/)?", "", words)


CHECKS = [one for one in commands() if "panolb check" in one.words]
SHOWN = [one for one in CHECKS if not one.words.endswith(".conf")]
APACHES = [one for one in CHECKS if one.words.endswith(".conf")]
TALKS = [one for one in commands() if re.match(r"panolb (?!check |import )", bare(one.words))]
"""Commands for a running panolb; ``tests/cli`` runs all of its verbs, and here are only the words."""
IMPORTED = [one for one in commands() if bare(one.words).startswith("panolb import ")]
PROGRAMS = {
    "panolb": "from panolb.cli import main; main()",
    "twistd": "from twisted.scripts.twistd import run; run()",
}


def run(words: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run one of our own commands with this interpreter."""
    program, *arguments = bare(words).split()
    path = [
        str(ROOT),
        str(EXAMPLES / "plugins") if "PYTHONPATH=" in words else "",
        os.environ.get("PYTHONPATH", ""),
    ]
    return subprocess.run(
        [sys.executable, "-c", PROGRAMS[program], *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_command_is_known() -> None:
    """A new kind of command needs a decision: run it here, or name it among those that are not."""
    unknown = [str(one) for one in commands() if not bare(one.words).startswith((*ELSEWHERE, "panolb "))]
    assert not unknown
    assert len(SHOWN) >= 5


@pytest.mark.parametrize("command", SHOWN, ids=str)
def test_check_prints_what_is_shown(command: Command, tmp_path: Path) -> None:
    """``panolb check`` on the page's own configuration, or the quickstart's, prints the lines below it, if there are any."""
    words = command.words.partition(" && ")[0]
    name = Path(words.split()[-1]).name
    toml = blocks("toml")
    mine = [
        one
        for one in toml
        if one.page == command.page and "[listener." in one.text and "[[location]]" in one.text
    ]
    others = [one for one in toml if one.page.name == "quickstart.rst"]
    (tmp_path / name).write_text(
        next(one.text for one in mine + others if one.name in ("", name) or "PYTHONPATH" in words)
    )
    if name == "wrong.toml":
        (tmp_path / name).write_text(next(one.text for one in mine if one.name == name))
    done = run(re.sub(r"\S+$", name, words), tmp_path)
    assert done.returncode == (1 if name == "wrong.toml" else 0), done.stderr
    if command.output:
        assert (done.stdout + done.stderr).strip() == command.output.strip()


def write_conf(command: Command, name: str, directory: Path) -> Path:
    """Write the httpd.conf of that name that stands on the command's own page, or else the guide's."""
    mine = (one.text for one in blocks("apache") if one.page == command.page and one.name == name)
    (directory / name).write_text(next(mine, (EXAMPLES / "httpd" / "guide.conf").read_text()))
    return directory / name


@pytest.mark.parametrize("command", APACHES, ids=str)
def test_check_of_an_httpd_conf(command: Command, tmp_path: Path) -> None:
    """The same for Apache's files."""
    file = write_conf(command, Path(command.words.split()[-1]).name, tmp_path)
    done = run(re.sub(r"\S+$", file.name, command.words), tmp_path)
    assert done.returncode == 0, done.stderr
    if command.output:
        assert (done.stdout + done.stderr).strip() == command.output.strip()


@pytest.mark.parametrize("command", TALKS, ids=str)
def test_words_for_a_running_panolb(command: Command) -> None:
    """Each verb and option that is shown exists, and takes what is shown with it; files of certificates are made up."""
    verb: click.Command = main
    words = shlex.split(bare(command.words).partition(" >> ")[0])[1:]
    while isinstance(verb, click.Group):
        verb = verb.commands[words.pop(0)]
    verb.make_context(verb.name, words)


def test_every_verb_is_shown() -> None:
    """Whoever reads the pages meets all of them."""
    shown = "\n".join(bare(one.words) for one in commands())
    missing = [name for name in main.commands if f"panolb {name}" not in shown and name != "version"]
    assert not missing


@pytest.mark.parametrize("command", IMPORTED, ids=str)
def test_import_writes_what_is_shown(command: Command, tmp_path: Path) -> None:
    """``panolb import`` on the page's own httpd.conf writes the lines below it; what it writes is right."""
    _, _, name, *rest = command.words.partition(" > ")[0].split()
    file = write_conf(command, Path(name).name, tmp_path)
    done = run(" ".join(["panolb", "import", file.name, *rest]), tmp_path)
    assert done.returncode == 0, done.stderr
    if command.output:
        assert (done.stdout + done.stderr).strip() == command.output.strip()
    written = tmp_path / rest[rest.index("-o") + 1] if "-o" in rest else tmp_path / "written.toml"
    if "-o" not in rest:
        written.write_text(done.stdout)
    assert run(f"panolb check {written.name}", tmp_path).returncode == 0


def test_exit_codes(tmp_path: Path) -> None:
    """The codes in operate.rst: 1 for a wrong configuration and for twistd's command line, 2 for panolb's."""
    (tmp_path / "wrong.toml").write_text("listener = 1\n")
    assert run("panolb check wrong.toml", tmp_path).returncode == 1
    assert run("panolb chek wrong.toml", tmp_path).returncode == 2
    assert run("twistd -n --pidfile= panolb", tmp_path).returncode == 1
    wrong = run("twistd -n --pidfile= panolb --config wrong.toml", tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "wrong.toml" in wrong.stderr


def test_options_of_twistd(tmp_path: Path) -> None:
    """``twistd panolb`` has the ways to run, and the options, that the pages name."""
    shown = run("twistd panolb --help", tmp_path).stdout
    for option in (
        "config",
        "demo",
        "httpd-conf",
        "apache-compat",
        "allow-unsupported",
        "define",
        "admin",
        "control",
        "state",
    ):
        assert f"--{option}" in shown


def test_make_targets() -> None:
    """Every ``make`` target that a page names exists."""
    makefile = (ROOT / "Makefile").read_text()
    texts = "\n".join(page.read_text() for page in (ROOT / "README.rst", *ROOT.glob("docs/*.rst")))
    named = set(re.findall(r"(?:``|\$ )make ([a-z]+)", texts))
    assert {"demo", "test"} <= named
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_files_that_are_named() -> None:
    """Every file of the project that a page names in its text exists."""
    missing = set()
    for page in (ROOT / "README.rst", *ROOT.glob("docs/*.rst")):
        named = re.findall(r"``((?:docs|ops|bench|panolb|tests|twisted)/[\w./]+\w)``", page.read_text())
        missing |= {f"{page.name}: {name}" for name in named if not (ROOT / name).exists()}
    assert missing - {"embedding.rst: docs/_build/html", "README.rst: docs/_build/html"} == set()
