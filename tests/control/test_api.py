"""The control API of a running panolb, over its UNIX socket."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.control.operating import Lab, Pair, running
from tests.harness.control import Control
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The process of the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("api")) as lab:
        yield lab
        lab.panolb.stop()


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    """The shared process, which serves nobody after each test, with both members active."""
    yield shared
    shared.settle()


# -- seeing ---------------------------------------------------------------------------------------------------------


def test_members(lab: Lab) -> None:
    """Every member, with its state, its wish and its WebSockets."""
    pair = lab.open("2", "", "X-Nothing: 1")
    first, second = lab.control.get("/api/v1/members")["members"]
    assert first == {
        "name": "app/1",
        "url": f"http://{ADDRESS}:{lab.members['1'].port}",
        "route": "1",
        "state": "up",
        "reason": "",
        "admin": "active",
        "moving": False,
        "busy": 0,
        "unkept": "",
        "elected": first["elected"],
        "websockets": 0,
        "sessions": 0,
        "closing": 0,
        "weight": 1.0,
        "leaving": False,
        "overrides": {},
    }
    assert (second["name"], second["busy"], second["websockets"], second["sessions"]) == ("app/2", 1, 1, 1)
    assert lab.member("2") == second
    assert lab.control.get(f"/api/v1/members/app/{ADDRESS}:{lab.members['2'].port}") == second
    pair.browser.socket.close()


def test_websockets(lab: Lab) -> None:
    """All that are open, those of a member, those of a user's session, and a page of them at a time."""
    ann = lab.open("1", "", "Cookie: JSESSIONID=secret-of-ann.1")
    lab.open("1", "", "Cookie: JSESSIONID=secret-of-bob.1")
    lab.open("2", "", "Cookie: JSESSIONID=secret-of-cid.2")
    shown = lab.control.get("/api/v1/websockets")
    assert shown["total"] == len(shown["websockets"]) == 3
    assert "secret" not in json.dumps(shown)
    of_one = lab.control.get("/api/v1/websockets?member=app/1")["websockets"]
    assert [one["member"] for one in of_one] == ["app/1", "app/1"]
    session = of_one[0]["session"]
    (found,) = lab.control.get(f"/api/v1/websockets?session={session}")["websockets"]
    assert (found["path"], found["client"], found["lane"]) == ("/live", ADDRESS, "splice")
    ann.browser.send(1, b"hello")
    assert ann.member.frame().payload == b"hello"
    counted = lab.control.get(f"/api/v1/websockets?session={session}")["websockets"][0]
    assert counted["messages_in"] == 1
    pages = [lab.control.get(f"/api/v1/websockets?limit=1&offset={offset}") for offset in range(4)]
    assert [len(page["websockets"]) for page in pages] == [1, 1, 1, 0]
    assert len({page["websockets"][0]["id"] for page in pages[:3]}) == 3
    assert {page["total"] for page in pages} == {3}


def test_head(lab: Lab) -> None:
    """A monitor may ask with HEAD; nothing may be stored."""
    status, headers, body = lab.control.ask("HEAD", "/api/v1/members")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"


# -- what is refused ------------------------------------------------------------------------------------------------

ONE = "/api/v1/members/app/1"
REFUSED = [
    ("GET", "/", None, 404, "/api/v1/openapi.json says what there is"),
    ("GET", "/api/v1/members/app/9", None, 404, "no member app/9; there are: app/1, app/2"),
    ("GET", "/api/v1/members/", None, 404, "there"),
    ("POST", "/api/v1/members/app/9", {"state": "drain"}, 404, "there are: app/1, app/2"),
    ("GET", "/api/v1/websockets?member=nobody", None, 404, "there are: app/1, app/2"),
    ("POST", "/api/v1/members", {"state": "drain"}, 405, "GET"),
    ("POST", "/api/v1/websockets", {}, 405, "GET"),
    ("PUT", ONE, None, 405, "POST"),
    ("POST", ONE, {}, 400, "say what to change: state, close_websockets and weight"),
    ("POST", ONE, {"state": "dead"}, 400, "active, drain, disabled, stopped"),
    ("POST", ONE, {"state": ["drain"]}, 400, "active, drain, disabled, stopped"),
    ("POST", ONE, {"state": "drain", "close_websockets": 1}, 400, "true or false"),
    (
        "POST",
        ONE,
        {"state": "drain", "close": True},
        400,
        "unknown: close; known are state, close_websockets and weight",
    ),
    ("POST", ONE, {"state": "active", "close_websockets": True}, 422, "drain closes them"),
    ("POST", ONE, {"close_websockets": True}, 422, "goes with a state"),
    ("POST", ONE, {"weight": 0.5}, 400, "weight must be from 1 to 100"),
    ("POST", ONE, {"weight": True}, 400, "weight must be a number"),
    ("POST", ONE, b'{"weight": NaN}', 400, "NaN is none of its numbers"),
    ("POST", ONE, b'{"weight": 1e999}', 400, "weight must be a number"),
    ("POST", ONE, b'{"state": "drain", "state": "active"}', 400, "twice"),
    ("POST", ONE, ["drain"], 400, "no JSON object"),
    ("POST", ONE, b"", 400, "no JSON"),
    ("POST", ONE, b"state=drain", 400, "no JSON"),
    ("POST", ONE, b"\xff\xfe\xfd", 400, "no JSON"),
    ("POST", ONE, b"[" * 60_000, 400, "no JSON"),
    ("POST", ONE + "?state=drain", {"state": "drain"}, 400, "state was given"),
    (
        "GET",
        "/api/v1/websockets?idle=5",
        None,
        400,
        "there is no parameter idle; there are: member, session, state, offset, limit",
    ),
    ("GET", "/api/v1/websockets?limit=-1", None, 400, "limit must be a number"),
    ("GET", "/api/v1/websockets?limit=1&limit=2", None, 400, "2 times"),
]


@pytest.mark.parametrize(("method", "target", "body", "status", "words"), REFUSED)
def test_refused(lab: Lab, method: str, target: str, body: object, status: int, words: str) -> None:
    """As JSON, with words that help; and nothing is done."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    got, headers, said = lab.control.ask(method, target, data)
    assert got == status
    assert headers["Content-Type"] == "application/json"
    (error,) = json.loads(said).values()
    assert words in error
    if status == 405:
        assert words in headers["Allow"]
    assert [member["admin"] for member in lab.control.get("/api/v1/members")["members"]] == ["active"] * 2
    assert "Traceback" not in lab.panolb.log


def test_media_types(lab: Lab) -> None:
    """JSON, also when curl calls it a form; nothing else."""
    wish = b'{"state": "drain"}'
    for said in ("application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"):
        assert lab.control.ask("POST", ONE, wish, Content_Type=said)[0] == 200
    for said in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        status, _, body = lab.control.ask("POST", ONE, wish, Content_Type=said)
        assert status == 415
        assert "application/json" in json.loads(body)["error"]


@pytest.mark.parametrize("host", ["", "Host: \r\n", "Host: a..b\r\n", "Host: .\r\n", "Host: \xff\r\n"])
def test_any_host_will_do(lab: Lab, host: str) -> None:
    """Nobody is called by a name on a UNIX socket; HTTP/1.0 has none at all."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(lab.control.path)
        connection.sendall(f"GET /api/v1/members HTTP/1.0\r\n{host}\r\n".encode("latin-1"))
        head, _, body = b"".join(iter(lambda: connection.recv(1 << 16), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 "), head
    assert len(json.loads(body)["members"]) == 2


def test_a_name_that_is_not_utf8(lab: Lab) -> None:
    """It is one of a member that there is not."""
    status, _, body = lab.control.ask("GET", "/api/v1/members/app/%ff")
    assert (status, json.loads(body)) == (
        404,
        {"error": "there is no member app/\ufffd; there are: app/1, app/2"},
    )


def test_a_long_body_is_not_read(lab: Lab) -> None:
    """Who announces a gigabyte is answered at once, and who sends without an end is cut off."""
    with socket.socket(socket.AF_UNIX) as endless:
        endless.settimeout(20)
        endless.connect(lab.control.path)
        endless.sendall(f"POST {ONE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError, match=r"[Bb]roken pipe|[Cc]onnection reset"):
            for _ in range(1000):
                endless.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    announced = http.client.HTTPConnection("x")
    announced.sock = socket.socket(socket.AF_UNIX)
    announced.sock.settimeout(20)
    announced.sock.connect(lab.control.path)
    announced.putrequest("POST", ONE)
    announced.putheader("Content-Length", str(1 << 30))
    announced.endheaders()
    answer = announced.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/json")
    assert json.loads(answer.read()) == {"error": "the body is larger than 262144 bytes"}
    announced.close()
    assert lab.member("1")["admin"] == "active"


# -- changing -------------------------------------------------------------------------------------------------------


def test_drain_keeps_and_active_brings_back(lab: Lab) -> None:
    """A drain keeps users and WebSockets; new users go elsewhere."""
    pair = lab.open("1")
    drained = lab.set("1", "drain")
    assert (drained["state"], drained["admin"], drained["moving"]) == ("drain", "drain", False)
    assert (drained["websockets"], drained["closing"]) == (1, 0)
    again = lab.open("1")
    pair.browser.send(1, b"still here")
    assert pair.member.frame().payload == b"still here"
    assert again.route == "1"
    assert lab.set("1", "active")["state"] == "up"


def test_drain_that_moves(lab: Lab) -> None:
    """With close_websockets both sides get 1012 and why, and who comes back with the old cookie gets the other member."""
    pairs = [lab.open("1") for _ in range(3)]
    other = lab.open("2")
    drained = lab.set("1", "drain", close_websockets=True)
    assert (drained["state"], drained["moving"], drained["closing"]) == ("drain", True, 3)
    for pair in pairs:
        assert pair.closed() == (1012, "The server restarts; please reconnect.")
    for pair in pairs:
        pair.answer()
    lab.logged("member app/1: it was set to drain; closing its 3 WebSockets, 100 a second")
    lab.logged("member app/1: its WebSockets are closed: 3 answered; nothing is under way with it")
    until(lambda: lab.terms().count("drained") == 3, "the access log")
    assert lab.member("1")["closing"] == 0
    moved = lab.open("1", "2")
    other.browser.send(1, b"untouched")
    assert other.member.frame().payload == b"untouched"
    lab.set("1", "active")
    assert lab.open("1").route == "1"
    moved.browser.socket.close()


@pytest.mark.parametrize("state", ["disabled", "stopped"])
def test_a_stop_closes_always(lab: Lab, state: str) -> None:
    """Those that are open, and one whose handshake the member answers only afterwards."""
    pair = lab.open("1")
    browser = lab.ask("1")
    visit = lab.members["1"].visit()
    assert lab.set("1", state)["closing"] == 1
    assert pair.closed()[0] == 1012
    pair.answer()
    member = visit.switch()
    late = Pair("1", browser.switched(), member)
    assert late.closed()[0] == 1012
    late.answer()
    until(lambda: lab.terms().count(state) == 2, "the access log")


def test_curl(lab: Lab) -> None:
    """The line that the documentation shows."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    body = '{"state":"drain","close_websockets":true}'
    command = [
        curl,
        "-sS",
        "--unix-socket",
        lab.control.path,
        "-X",
        "POST",
        "-d",
        body,
        f"http://panolb{ONE}",
    ]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)["admin"] == "drain"


# -- the socket -----------------------------------------------------------------------------------------------------


def test_rights(lab: Lab) -> None:
    """The owner and the group may, nobody else."""
    mode = os.stat(lab.control.path).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def minimal(directory: Path, path: str) -> Panolb:
    """A panolb whose control socket is there."""
    config = f"""
        [listener.public]
        endpoint = "tcp:{free_port()}:interface={ADDRESS}"
        [[location]]
        path = "/"
        status = 404
        [control]
        socket = "{path}"
    """
    directory.mkdir()
    return Panolb(directory, config, ())


def test_files_in_the_way(tmp_path: Path) -> None:
    """A dead process's socket is replaced; that of a living one, and what is no socket, are left alone, and said."""
    with TemporaryDirectory(prefix="panolb-") as short:
        path = Path(short) / "control"
        first, second, third = (minimal(tmp_path / name, str(path)) for name in ("first", "second", "third"))
        try:
            first.launch()
            until(lambda: first.lines("control API: listening on"), "the first to listen")
            second.launch()
            assert second.wait() == 1
            assert second.lines(
                f"panolb: cannot listen on unix:{path}: another process listens on {path}; stop it"
            )
            first.process.kill()
            first.process.wait()
            assert path.is_socket()
            third.launch()
            until(lambda: Control(str(path)).get("/api/v1/members"), "the third to answer")
            third.stop()
            assert not path.exists()
            path.write_text("precious")
            fourth = minimal(tmp_path / "fourth", str(path))
            fourth.launch()
            assert fourth.wait() == 1
            assert fourth.lines(f"{path} exists and is no socket; remove it, or choose another path")
            assert path.read_text() == "precious"
            fourth.close()
        finally:
            for one in (first, second, third):
                one.close()


def test_the_file_is_gone_at_the_end(tmp_path: Path) -> None:
    """Who removed it, or put another in its place, keeps nobody from stopping."""
    with TemporaryDirectory(prefix="panolb-") as short:
        path = Path(short) / "control"
        panolb = minimal(tmp_path / "one", str(path))
        try:
            panolb.launch()
            until(
                lambda: Control(str(path)).get("/api/v1/members"), "it to answer"
            )  # then it hears signals, too
            path.unlink()
            path.write_text("somebody else's")
            panolb.stop()
            assert path.read_text() == "somebody else's"
        finally:
            panolb.close()


def test_where_there_can_be_none(tmp_path: Path) -> None:
    """A directory that does not exist is an error that names the socket."""
    panolb = minimal(tmp_path / "one", "/nonexistent/control")
    try:
        panolb.launch()
        assert panolb.wait() == 1
        assert panolb.lines("cannot listen on unix:/nonexistent/control: there is no directory /nonexistent;")
        assert "Traceback" not in panolb.log
    finally:
        panolb.close()
