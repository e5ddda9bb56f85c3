"""A panolb that cannot be reached: exit status 3, why, and what to do."""

from __future__ import annotations

import grp
import os
import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.cli.shell import PANOLB, Shell, end
from tests.control.operating import Lab, running
from tests.harness.waiting import ADDRESS, PATIENCE, free_port

BECOME_NOBODY = "import grp, os, pwd, panolb.cli; os.setgroups([]); os.setgid(65534); os.setuid(65534)"
MEMBERS = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"members": []}'
VERBS = [
    ["status"],
    ["members"],
    ["drain", "app/1"],
    ["sessions", "list"],
    ["events"],
    ["reload"],
    ["save"],
    ["overrides"],
    ["explain", "/"],
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_socket(tmp_path: Path, verb: list[str]) -> None:
    """Nothing is there: the path that was tried, and how to see whether panolb runs."""
    done = Shell(f"{tmp_path}/none").run(*verb)
    assert (done.code, done.out) == (3, "")
    assert f"there is no socket {tmp_path}/none" in done.err
    assert "systemctl status panolb" in done.err
    assert "--control" in done.err


def test_for_programs(tmp_path: Path) -> None:
    """The same as JSON on standard output."""
    assert f"{tmp_path}/none" in Shell(f"{tmp_path}/none").json("members", code=3)["error"]


def test_dead_socket() -> None:
    """A file that a killed process has left."""
    with TemporaryDirectory(prefix="panolb-") as directory:
        path = f"{directory}/control"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
        done = Shell(path).run("members")
    assert done.code == 3
    assert "nobody listens" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_no_permission() -> None:
    """Who may is told, and how to become one of them."""
    with TemporaryDirectory(prefix="panolb-") as directory, socket.socket(socket.AF_UNIX) as listening:
        path = f"{directory}/control"
        listening.bind(path)
        listening.listen()
        os.chmod(directory, 0o755)
        os.chmod(path, 0o660)
        done = subprocess.run(
            [PANOLB[0], "-c", f"{BECOME_NOBODY}; {PANOLB[2]}", "members"],
            env=Shell(path).environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 3, done
    assert f"you may not use {path}" in done.stderr
    assert f"its group {grp.getgrgid(os.getegid()).gr_name}" in done.stderr
    assert "usermod -aG" in done.stderr


def test_silence() -> None:
    """Somebody listens and says nothing: --timeout ends the waiting."""
    with TemporaryDirectory(prefix="panolb-") as directory, socket.socket(socket.AF_UNIX) as listening:
        path = f"{directory}/control"
        listening.bind(path)
        listening.listen()
        done = Shell(path).run("members", "--timeout", "0.2")
    assert done.code == 3
    assert "has not answered within 0.2 s" in done.err


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"])
def test_somebody_else(answer: bytes) -> None:
    """What listens there is no control API."""
    with TemporaryDirectory(prefix="panolb-") as directory, socket.socket(socket.AF_UNIX) as listening:
        path = f"{directory}/control"
        listening.bind(path)
        listening.listen()
        with Shell(path).running("members") as process:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
            done = end(process)
    assert done.code == 3
    assert path in done.err


def test_nobody_at_a_url() -> None:
    """Over TCP too."""
    done = Shell(f"http://{ADDRESS}:{free_port()}").run("members")
    assert done.code == 3
    assert "Connection refused" in done.err


def test_ends_meanwhile(tmp_path: Path) -> None:
    """panolb dies while a drain waits."""
    with running(tmp_path) as lab:
        lab.open("1")
        with Shell(lab.control.path).running("drain", "app/1", "--wait") as process:
            assert process.stderr is not None
            while "1 WebSocket" not in process.stderr.readline():
                pass
            lab.panolb.process.kill()
            done = end(process)
    assert done.code == 3
    assert "cannot be reached" in done.err or "gone away" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["members", "--control", "ftp://host"],
        ["members", "--control", "http://host:port"],
        ["members", "--ca", "/dev/null"],
        ["members", "--control", "https://localhost", "--ca", "/does/not/exist"],
        ["members", "--control", "https://localhost", "--key", "/dev/null"],
        ["members", "--token-file", "/does/not/exist"],
        ["members", "--token-file", "/dev/null"],
        ["members", "--control", "http://192.0.2.1:80", "--token-file", __file__],
        ["drain"],
        ["drain", "app/1", "--deadline", "soon"],
        ["drain", "app/1", "--deadline", "-5m"],
        ["weight", "app/1", "0"],
        ["weight", "app/1", "much"],
        ["explain"],
        ["explain", "/", "--id", "1-1"],
        ["explain", "/", "--cookie", "nothing"],
        ["overrides", "--all", "--drop", "app/1"],
        ["status", "--watch", "--check"],
        ["sessions", "move", "0123"],
        ["dance"],
    ],
    ids=" ".join,
)
def test_misspelt(tmp_path: Path, words: list[str]) -> None:
    """Exit status 2, before anybody is asked."""
    assert Shell(f"{tmp_path}/none").run(*words).code == 2


def printing_into(output: int, lab: Lab, *words: str) -> tuple[int, str]:
    """The exit status and the errors of a command that prints into this descriptor."""
    shell = Shell(lab.control.path, lab.panolb.directory)
    done = subprocess.run(
        [*PANOLB, *words],
        cwd=shell.directory,
        env=shell.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stderr


PRINTING = [["members"], ["events"], ["check", "panolb.toml"], ["version"], ["--help"], ["drain", "-h"]]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_nobody_reads(lab: Lab, words: list[str]) -> None:
    """A reader that has seen enough is no failure: not a word, and the exit status that shells know it by."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as output:
        assert printing_into(output.fileno(), lab, *words) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_disk_full(lab: Lab, words: list[str]) -> None:
    """What cannot be printed is told in a line."""
    with open("/dev/full", "wb") as output:
        done = printing_into(output.fileno(), lab, *words)
    assert done == (1, "what it has to say cannot be printed: No space left on device\n")


def test_many_ask_at_once() -> None:
    """Where the queue of the socket is full, the command waits until its turn comes, as long as for an answer."""
    with TemporaryDirectory(prefix="panolb-") as directory, socket.socket(socket.AF_UNIX) as listening:
        path = f"{directory}/control"
        listening.bind(path)
        listening.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(path)
            done = Shell(path).run("members", "--timeout", "0.2")
            assert done.code == 3
            assert "has not answered within 0.2 s" in done.err
            with Shell(path).running("members") as process:
                listening.accept()[0].close()
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(MEMBERS)
                done = end(process)
    assert done.code == 0, done


def test_names_complete(lab: Lab) -> None:
    """A shell asks for the names of members; without a panolb there are none, and no error."""
    lab.set("2", "drain")

    def completions(control: str, *words: str) -> list[str]:
        asked: dict[str, Any] = {
            "_PANOLB_COMPLETE": "zsh_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = Shell(control, **asked).run()
        assert done.code == 0, done
        return done.out.split()

    found = completions(lab.control.path, "panolb", "drain", "app/")
    assert found == ["plain", "app/1", "up", "plain", "app/2", "drain"]
    assert completions(lab.control.path + "-none", "panolb", "drain", "app/") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(tmp_path: Path, shell: str) -> None:
    """The lines that a shell needs name the command and its variable."""
    done = Shell(f"{tmp_path}/none").run("completion", shell)
    assert done.code == 0, done
    assert f"_PANOLB_COMPLETE={shell}_complete" in done.out


def test_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    """Neither Twisted nor the reader of files is imported by a verb that only asks."""
    code = "import sys, panolb.cli; print([name for name in sys.modules if name.startswith(('twisted', 'attr', 'rich', 'panolb.config'))])"
    done = subprocess.run(
        [PANOLB[0], "-c", code], env=Shell("x").environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_help_tells_the_exit_status(tmp_path: Path) -> None:
    """Of the whole, and of each verb."""
    shell = Shell(f"{tmp_path}/none")
    helps = shell.run("--help")
    assert "Exit status:" in helps.out
    assert "cannot be reached" in shell.run("drain", "-h").out
    assert shell.run("version").out.startswith("panolb ")
