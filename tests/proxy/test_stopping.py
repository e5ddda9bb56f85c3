"""Starting and stopping: the signals, and what keeps panolb from starting at all."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.client import Client, Cut
from tests.harness.member import Member
from tests.harness.process import TWISTD, Panolb
from tests.harness.scripts import Stall
from tests.harness.talk import Request, Talk
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.proxy.lab import CONFIG, Lab, running

FILES = """
[[location]]
path = "/files"
files = "{directory}"
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, which ends it itself; with files, so that twisted.web can be given a connection."""
    (tmp_path / "a.txt").write_text("a file")
    with running(tmp_path, more=FILES.format(directory=tmp_path), healthy=False) as lab:
        yield lab


def refuses(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection((ADDRESS, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def ended_well(lab: Lab) -> None:
    """Insist on exit code 0 and a clean log."""
    assert lab.panolb.wait() == 0
    assert "Traceback" not in lab.panolb.log
    assert "Unhandled" not in lab.panolb.log


def test_a_request_that_is_cut_is_in_the_access_log(tmp_path: Path) -> None:
    """Also without a status page, whose closing would give the log a moment more."""
    port = free_port()
    with Member("slow") as member:
        member.script = Stall()
        config = (
            CONFIG.partition("[admin]")[0]
            + '[access_log]\npath = "access.log"\n[shutdown]\ngrace = "300ms"\n'
        )
        table = f'[[balancer.app.member]]\nurl = "http://{ADDRESS}:{member.port}/app"\nroute = "1"\n'
        text = config.format(
            address=ADDRESS, port=port, listener="", balancer="", location="", more="", members=table
        )
        panolb = Panolb(tmp_path, text, (port,))
        try:
            panolb.start()
            with Client(port) as client:
                client.send(b"GET /app/cut HTTP/1.1\r\nHost: a\r\n\r\n")
                until(lambda: bool(member.requests), "the request to be with the member")
                panolb.terminate()
                assert panolb.wait() == 0
        finally:
            panolb.close()
    (line,) = [line for line in (tmp_path / "access.log").read_text().splitlines() if "/app/cut" in line]
    assert " 499 " in line


def test_sigterm_while_idle(own: Lab) -> None:
    """With nothing under way it ends at once, and kept connections are closed in good order."""
    with own.client() as kept, own.client() as fresh, own.client() as files:
        assert kept.get("/app/").status == 200
        assert files.get("/files/a.txt").status == 200
        own.panolb.terminate()
        assert kept.ended()
        assert fresh.ended()
        assert files.ended()
        ended_well(own)
    until(lambda: all(not talk.open for talk in own.member.talks), "the members' connections to end")


def test_sigint_is_as_good(own: Lab) -> None:
    """Ctrl-C ends it in peace as well."""
    own.panolb.process.send_signal(signal.SIGINT)
    ended_well(own)


@pytest.mark.parametrize("handed_over", [False, True], ids=["ours", "after twisted.web"])
def test_sigterm_during_a_request(own: Lab, handed_over: bool) -> None:
    """New connections are refused; a request under way is answered, with Connection: close; then it ends with 0."""
    stall = own.member.script = Stall()
    with own.client() as client:
        if handed_over:
            assert client.get("/files/a.txt").status == 200
        client.ask("GET", "/app/")
        stall.wait()
        own.panolb.terminate()
        until(lambda: refuses(own.port), "the port to be closed")
        assert own.panolb.process.poll() is None
        stall.release()
        got = client.answer()
        assert (got.status, got.body) == (200, b"late")
        assert got.closes
        assert client.ended()
    ended_well(own)


def test_sigterm_within_an_answer_and_an_upload(own: Lab) -> None:
    """Bodies that are under way, in both directions, go on to their ends."""
    begun, go = threading.Event(), threading.Event()

    def script(talk: Talk, request: Request) -> None:
        if request.method == "GET":
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin")
            begun.set()
            assert go.wait(PATIENCE)
            talk.send(b"-end")
            talk.read_body(request)
        else:
            talk.read_body(request)
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)

    own.member.script = script
    with own.client() as reader, own.client() as writer:
        reader.ask("GET", "/app/")
        writer.ask("POST", "/app/", "Content-Length: 8")
        writer.send("half")
        assert begun.wait(PATIENCE)
        assert reader.head().status == 200
        until(lambda: len(own.member.requests) == 2, "both requests")
        own.panolb.terminate()
        until(lambda: refuses(own.port), "the port to be closed")
        go.set()
        body = b""
        while (piece := reader.piece()) is not None:
            body += piece
        assert body == b"begin-end"
        writer.send("half")
        assert writer.answer("POST").body == b"halfhalf"
        assert reader.ended()
        assert writer.ended()
    ended_well(own)


def test_sigterm_with_pipelined_requests(own: Lab) -> None:
    """The answer under way says close, so that the client knows that what it had pipelined was not served."""
    stall = own.member.script = Stall()
    with own.client() as client:
        for _ in range(3):
            client.ask("GET", "/app/")
        stall.wait()
        own.panolb.terminate()
        until(lambda: refuses(own.port), "the port to be closed")
        stall.release()
        assert client.answer().closes
        assert client.ended()
    assert len(own.member.requests) == 1
    ended_well(own)


def test_the_grace_period_has_an_end(tmp_path: Path) -> None:
    """What does not end within grace is cut, and the exit code is 0 all the same."""
    with running(tmp_path, healthy=False) as lab:
        lab.panolb.stop()
        lab.panolb.close()
        lab.panolb.file.write_text(lab.panolb.file.read_text().replace('grace = "10s"', 'grace = "500ms"'))
        lab.panolb.start()
        stall = lab.member.script = Stall()
        with lab.client() as client:
            client.ask("GET", "/app/")
            stall.wait()
            lab.panolb.terminate()
            with pytest.raises(Cut):
                client.answer()
        ended_well(lab)
        assert lab.panolb.lines("did not end within")


def test_a_second_sigterm(own: Lab) -> None:
    """A second signal ends it at once, whatever is under way."""
    stall = own.member.script = Stall()
    with own.client() as client:
        client.ask("GET", "/app/")
        stall.wait()
        own.panolb.terminate()
        until(lambda: refuses(own.port), "the port to be closed")
        assert own.panolb.process.poll() is None
        own.panolb.terminate()
        assert own.panolb.wait() == -signal.SIGTERM
        with pytest.raises(Cut):
            client.answer()


# -- what keeps it from starting ------------------------------------------------------------------------------------


def start(directory: Path, config: str) -> tuple[int, str]:
    """Run panolb with a configuration that it cannot use: exit code and what it says."""
    panolb = Panolb(directory, config, ())
    try:
        panolb.launch()
        return panolb.wait(), panolb.log
    finally:
        panolb.close()


WRONG = """\
[listener.public]
endpoint = "tcp:{port}"
idle_timeout = "fast"
colour = "red"

[balancer.app]
lbmethod = "byhunch"

[[balancer.app.member]]
url = "ftp://127.0.0.1/"

[[location]]
path = "app"
balancer = "nobody"

[access_log]
path = "access.log"
"""


def test_all_problems_of_a_configuration(tmp_path: Path) -> None:
    """A wrong configuration is refused with all its problems, each with its place, and nothing was touched."""
    code, said = start(tmp_path, WRONG.format(port=free_port()))
    assert code == 1
    for word in ("idle_timeout", "colour", "byhunch", "member[0].url", "nobody", '"/"'):
        assert word in said, word
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) >= 6
    assert all("panolb.toml:" in line for line in lines), said
    assert not (tmp_path / "access.log").exists()


def test_no_configuration(tmp_path: Path) -> None:
    """A file that is not there, or is not TOML, is one clear line."""
    code, said = start(tmp_path, "[listener\n")
    assert code == 1
    assert "panolb.toml" in said
    panolb = Panolb(tmp_path, "", ())
    panolb.file.unlink()
    panolb.output.unlink()
    try:
        panolb.launch()
        assert panolb.wait() == 1
    finally:
        panolb.close()
    assert "panolb.toml" in panolb.log
    assert "Traceback" not in panolb.log


@contextmanager
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    port = free_port()
    with socket.socket() as other:
        other.bind((ADDRESS, port))
        other.listen()
        yield port


@pytest.mark.parametrize("which", ["listener", "admin"])
def test_a_port_in_use(tmp_path: Path, which: str) -> None:
    """A port that somebody else has ends it with 1 and a line that names it."""
    with taken() as port:
        other = free_port()
        config = CONFIG.format(
            address=ADDRESS,
            port=port if which == "listener" else other,
            admin=other if which == "listener" else port,
            listener="",
            balancer="",
            location="",
            more="",
            members='[[balancer.app.member]]\nurl = "http://127.0.0.1:9/app"\nroute = "1"\n',
        )
        code, said = start(tmp_path, config)
    assert code == 1
    assert any("cannot listen" in line and str(port) in line for line in said.splitlines()), said
    assert "Traceback" not in said


def test_a_port_in_use_for_a_daemon(tmp_path: Path) -> None:
    """The command that makes a daemon of it does not wait for ever: it ends with 1 and the words, too, and leaves no pidfile."""
    pidfile = tmp_path / "twistd.pid"
    with taken() as port:
        listener = f'[listener.public]\nendpoint = "tcp:{port}:interface={ADDRESS}"\n'
        panolb = Panolb(tmp_path, f'{listener}[[location]]\npath = "/"\nstatus = 404\n', ())
        done = subprocess.run(
            [*TWISTD[:3], f"--pidfile={pidfile}", "--logfile=twistd.log", "panolb", *panolb.command[-2:]],
            cwd=tmp_path,
            env=panolb.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on tcp:{port}" in done.stderr
    assert not pidfile.exists()


def test_wrong_arguments(tmp_path: Path) -> None:
    """Neither --config nor --demo: a usage line, and not 0."""
    panolb = Panolb(tmp_path, "", ())
    done = subprocess.run(
        panolb.command[:-2],
        cwd=tmp_path,
        env=panolb.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert "--config" in done.stdout + done.stderr


def test_the_access_log(tmp_path: Path) -> None:
    """Every request that was under way is in the log when the process has ended."""
    with running(tmp_path, more='[access_log]\npath = "access.log"', healthy=False) as lab:
        for number in range(5):
            assert lab.get(f"/app/{number}").status == 200
        status = json.dumps(lab.states())
        lab.panolb.stop()
        assert "app/1" in status
        lines = [line for line in (tmp_path / "access.log").read_text().splitlines() if "/app/" in line]
        assert [f'"GET /app/{number} HTTP/1.1" 200 8' in line for number, line in enumerate(lines)] == [
            True
        ] * 5
