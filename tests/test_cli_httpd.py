"""An httpd.conf on the command lines of ``panolb`` and of ``twistd panolb``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from twisted.python.usage import UsageError

import panolb.plugins
from panolb.cli import main
from panolb.config import Config, toml
from panolb.config.httpd import loading
from panolb.control.registry import Registry
from panolb.tap import Options
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import TWISTD, Panolb
from tests.harness.waiting import ADDRESS, free_port, until

MODULES = """\
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule headers_module modules/mod_headers.so
LoadModule authz_core_module modules/mod_authz_core.so
"""
RIGHT = """\
ServerRoot "{root}"
{modules}
Listen {listen}
ServerName app.example.org
<Proxy balancer://app>
    BalancerMember http://127.0.0.1:{member} route=1
    ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass /app balancer://app
ProxyPassReverse /app balancer://app
Header add Set-Cookie "ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/" env=BALANCER_ROUTE_CHANGED
"""
GUARD = """\
<Location /app>
    Require ip 10.0.0.0/8
</Location>
"""


def conf(
    directory: Path, more: str = "", *, name: str = "httpd.conf", member: int = 8080, listen: str = "10080"
) -> Path:
    """A configuration that is right, but for what ``more`` says."""
    file = directory / name
    file.write_text(RIGHT.format(root=directory, modules=MODULES, listen=listen, member=member) + more)
    return file


def line_of(file: Path, word: str) -> int:
    """The number of the first line with a word."""
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if word in line)


def run(*words: object) -> Result:
    """What ``panolb`` prints, and its exit code."""
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def read(text: str) -> Config:
    """TOML as panolb reads it."""
    return toml.loads(text, Registry(panolb.plugins).known)


# -- panolb check ---------------------------------------------------------------------------------------------------


def test_check_says_what_becomes_of_each_line(tmp_path: Path) -> None:
    """The report comes first, then what will be done; the file's name says what kind of file it is."""
    file = conf(tmp_path, "ServerAdmin webmaster@example.org\n")
    done = run("check", file)
    assert done.exit_code == 0, done.output
    report, _, behaviour = done.stdout.partition("listener ")
    for word in ("BalancerMember", "ProxyPass /app", "Header"):
        assert f"{file}:{line_of(file, word)}: " in report
    assert f"{file}:{line_of(file, 'ServerAdmin')}: " in report
    assert "balancer app: 1 member" in behaviour
    assert behaviour.endswith(f"{file}: right\n")


def test_check_of_a_file_with_another_name(tmp_path: Path) -> None:
    """By itself an unknown name is TOML; an option says that it is Apache's."""
    file = conf(tmp_path, name="balancer")
    assert run("check", file).exit_code == 1
    assert run("check", "--httpd-conf", file).exit_code == 0


def test_what_keeps_out_visitors_is_not_left_out_unasked(tmp_path: Path) -> None:
    """Access control stops the check, and the start, until it is named; every name has to be."""
    file = conf(tmp_path, GUARD)
    done = run("check", file)
    assert done.exit_code == 1
    assert f"{file}:{line_of(file, 'Require ip')}: Require: is not supported" in done.stderr
    assert "nothing was started" in done.stderr
    for allowed in (["Require"], ["require,AuthType"], ["AuthType", "Require"]):
        words = [f"--allow-unsupported={one}" for one in allowed]
        assert run("check", *words, file).exit_code == 0
    assert run("check", "--allow-unsupported=AuthType", file).exit_code == 1


def test_every_problem_is_told(tmp_path: Path) -> None:
    """One run, all mistakes, each with its line."""
    file = conf(tmp_path, "ProxyPass\nKeepAlive Perhaps\nNoSuchDirective on\n")
    done = run("check", file)
    assert done.exit_code == 1
    for word in ("ProxyPass\n", "KeepAlive", "NoSuchDirective"):
        number = file.read_text().count("\n", 0, file.read_text().index(f"\n{word}")) + 2
        assert f"{file}:{number}: " in done.stderr, (word, done.stderr)


def test_defines_choose(tmp_path: Path) -> None:
    """``--define`` is httpd's -D, and may give a value too."""
    file = conf(tmp_path, "<IfDefine STRICT>\nNoSuchDirective on\n</IfDefine>\n", listen="${PORT}")
    assert run("check", file, "--define", "PORT=10080").exit_code == 0
    assert run("check", file, "--define", "PORT=10080", "--define", "STRICT").exit_code == 1


def test_json_for_programs(tmp_path: Path) -> None:
    """The same as one JSON object, for right and wrong files of both kinds."""
    file = conf(tmp_path)
    done = run("check", "--json", file)
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(said) == ["file", "right", "problems", "warnings", "report", "does"]
    assert (said["file"], said["right"], said["problems"]) == (str(file), True, [])
    entry = next(one for one in said["report"] if one["directive"].startswith("ProxyPass "))
    assert (entry["file"], entry["line"], entry["verdict"]) == (
        str(file),
        line_of(file, "ProxyPass "),
        "run",
    )
    assert entry["words"]
    assert "balancer app: 1 member, new users by byrequests" in said["does"]

    file = conf(tmp_path, "NoSuchDirective on\n")
    done = run("check", "--json", file)
    said = json.loads(done.stdout)
    assert (done.exit_code, said["right"]) == (1, False)
    assert [list(one) for one in said["problems"]] == [["place", "message"]]

    (tmp_path / "panolb.toml").write_text("nonsense = 1\n")
    done = run("check", "--json", tmp_path / "panolb.toml")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["report"] == []


@pytest.mark.parametrize("option", ["--apache-compat", "--allow-unsupported=Require", "--define=X"])
def test_options_of_apache_mean_nothing_for_toml(tmp_path: Path, option: str) -> None:
    """An option without effect is a misspelt command."""
    (tmp_path / "panolb.toml").write_text("")
    assert run("check", option, tmp_path / "panolb.toml").exit_code == 2


# -- panolb import --------------------------------------------------------------------------------------------------


def test_import_writes_toml_that_names_its_lines(tmp_path: Path) -> None:
    """The same configuration as TOML, with its origin above each table and what is lost at the top."""
    file = conf(tmp_path, GUARD)
    done = run("import", "--allow-unsupported=Require", file)
    assert done.exit_code == 0, done.output
    config = read(done.stdout)
    allowed = frozenset({"Require"})
    assert config == loading.load(file, Registry(panolb.plugins).known, allowed=allowed).config
    assert [member.route for member in config.balancer["app"].member] == ["1"]
    head, _, rest = done.stdout.partition("\n\n")
    assert str(file) in head
    lost = f"{file}:{line_of(file, 'Require ip')}: Require"
    assert lost in head.replace("\n# ", " ")
    assert lost in done.stderr
    above = rest.partition("\n[balancer.app]")[0].splitlines()[-1]
    assert above.startswith("# ")
    assert f"{file}:{line_of(file, '<Proxy ')}" in above


def test_import_into_a_new_file(tmp_path: Path) -> None:
    """The file is right for ``check``; one that exists is left as it is."""
    file, made = conf(tmp_path), tmp_path / "panolb.toml"
    done = run("import", file, "-o", made)
    assert (done.exit_code, done.stdout) == (0, "")
    assert made.read_text() == run("import", file).stdout
    assert run("check", made).exit_code == 0
    made.write_text("mine")
    done = run("import", file, "--output", made)
    assert done.exit_code == 1
    assert str(made) in done.stderr
    assert made.read_text() == "mine"


def test_import_of_a_wrong_file_writes_nothing(tmp_path: Path) -> None:
    """Every problem on standard error, and no half of a configuration."""
    file = conf(tmp_path, "NoSuchDirective on\n" + GUARD)
    done = run("import", file, "-o", tmp_path / "panolb.toml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "NoSuchDirective" in done.stderr
    assert "Require" in done.stderr
    assert not (tmp_path / "panolb.toml").exists()


def test_strict_mode_is_written_down(tmp_path: Path) -> None:
    """What ``--apache-compat`` changes stands in the TOML, which needs no such option."""
    file = conf(tmp_path)
    usual, strict = read(run("import", file).stdout), read(run("import", "--apache-compat", file).stdout)
    assert [one.mapping for one in usual.location if one.balancer] == ["verbatim"]
    assert [one.mapping for one in strict.location if one.balancer] == ["canonical"]


# -- twistd panolb --------------------------------------------------------------------------------------------------


class Started(Panolb):
    """``twistd -n panolb`` with any words behind it."""

    def __init__(self, directory: Path, *words: str, ports: Sequence[int] = ()) -> None:
        super().__init__(directory, "", ports)
        self.words = words

    @property
    def command(self) -> list[str]:
        return [*TWISTD, *self.words]


def test_twistd_runs_it(tmp_path: Path) -> None:
    """It serves; what is left out and what goes better is told once each, in one line."""
    port = free_port()
    with Member("one") as member:
        file = conf(tmp_path, GUARD, member=member.port, listen=f"{ADDRESS}:${{PORT}}")
        words = [f"--httpd-conf={file}", f"--define=PORT={port}", "--allow-unsupported=Require"]
        process = Started(tmp_path, *words, ports=[port])
        try:
            process.start()
            with Client(port) as client:
                answer = client.get("/app/x")
            assert answer.body == b"one"
            assert (answer.one("Set-Cookie") or "").startswith("ROUTEID=.1")
            missing = f"not supported: {file}:{line_of(file, 'Require ip')}: Require"
            until(lambda: len(process.lines(missing)) == 1, "the line to be told")
            process.stop()
        finally:
            process.close()


def test_twistd_tells_every_problem_and_ends_with_1(tmp_path: Path) -> None:
    """As for TOML: all of them on standard error, and nothing is started."""
    file = conf(tmp_path, "NoSuchDirective on\n" + GUARD)
    process = Started(tmp_path, f"--httpd-conf={file}")
    try:
        process.launch()
        assert process.wait() == 1
        assert process.lines("NoSuchDirective")
        assert process.lines("Require: is not supported")
        assert not process.lines("Traceback")
    finally:
        process.close()


def test_one_way_to_run(tmp_path: Path) -> None:
    """What cannot be meant is refused before anything is read."""
    for words in (
        [],
        ["--demo", "--httpd-conf=x.conf"],
        ["--config=x.toml", "--httpd-conf=x.conf"],
        ["--config=x.toml", "--apache-compat"],
        ["--config=x.toml", "--allow-unsupported=Require"],
        ["--demo", "--define=X"],
    ):
        with pytest.raises(UsageError, match="--httpd-conf"):
            Options().parseOptions(words)
    process = Started(tmp_path, "--demo", "--define=X")
    try:
        process.launch()
        assert process.wait() == 1
        assert process.lines("Usage: ")
        assert process.lines("are for --httpd-conf")
        assert not process.lines("Traceback")
    finally:
        process.close()
