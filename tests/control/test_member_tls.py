"""Members over TLS while panolb runs: checks, reloads, members that come, and warnings."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificate import Authority
from tests.harness.member import Member, Request, Stall, Talk
from tests.harness.waiting import ADDRESS, free_port, until
from tests.proxy.securelab import Scene, url_of
from tests.websocket.peer import PONG, Peer, accept_for

HEALTH = """\
[balancer.{name}.health]
check = "{check}"
interval = "200ms"
interval_changing = "200ms"
fails = 1
timeout = "1s"
"""


def _health(name: str, check: str) -> str:
    return HEALTH.format(name=name, check=check)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A process that is yet to be configured and started; in the end it must have been healthy."""
    scene = Scene(tmp_path)
    with scene.stack:
        yield scene
        scene.lab.panolb.stop()


def _state(scene: Scene, name: str) -> str:
    members = {
        one["name"]: one for balancer in scene.lab.status()["balancers"] for one in balancer["members"]
    }
    return str(members[name]["state"])


def _wait_for(scene: Scene, name: str, state: str) -> None:
    until(lambda: _state(scene, name) == state, f"{name} to be {state}")


# -- checks -------------------------------------------------------------------------------------------------------------


def _websocket(talk: Talk, request: Request) -> None:
    """Answer a WebSocket's handshake and its ping."""
    accept = accept_for(request.one("Sec-WebSocket-Key") or "")
    talk.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    peer = Peer(talk.socket, client=False)
    peer.send(PONG, peer.frame().payload)
    peer.close_frame(1000)
    peer.closed()
    talk.socket.unwrap()  # type: ignore[attr-defined]


@pytest.mark.parametrize("check", ["http", "tcp", "websocket"])
def test_checks_speak_tls(scene: Scene, check: str) -> None:
    """Each kind passes with the right certificate, and says what is wrong with another one."""
    bad = scene.member("bad", scene.authority.issue("bad", days=(-5, -2)))
    if check == "websocket":
        scene.good.script = _websocket
    scene.balancer(
        "good", [url_of(scene.good)], last=_health("good", check).replace("fails", 'start = "down"\nfails')
    )
    scene.balancer("bad", [url_of(bad)], last=_health("bad", check))
    scene.start()
    _wait_for(scene, f"good/{ADDRESS}:{scene.good.port}", "up")
    line = scene.wait_for("check failed: its certificate has expired on ")
    assert f"member bad/{ADDRESS}:{bad.port}: up -> down" in line
    until(lambda: len(scene.good.greeted) > 2, "some checks")
    if check != "tcp":  # which reads no ticket, and so has nothing to resume
        assert scene.good.greeted[-1].resumed


@pytest.mark.parametrize("check", ["http", "tcp", "websocket"])
def test_checks_end(scene: Scene, check: str) -> None:
    """A member that never answers a handshake holds no check, and none is left when it is over."""
    silent = scene.stack.enter_context(Member("silent"))
    scene.balancer("silent", [f"https://{ADDRESS}:{silent.port}"], last=_health("silent", check))
    scene.start()
    line = scene.wait_for("check failed: no ")
    assert " within 1 s" in line
    until(lambda: silent.accepted > 2, "more checks")


def test_checks_wait_for_no_goodbye(scene: Scene) -> None:
    """A member that never ends a connection by itself does not gather those of checks."""
    ended: list[bool] = []

    def lazy(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        while socket.socket.recv(talk.socket, 1 << 16):
            pass  # the goodbye, which it leaves unanswered
        ended.append(True)

    scene.good.script = lazy
    scene.balancer("lazy", [url_of(scene.good)], last=_health("lazy", "http"))
    scene.start()
    until(lambda: len(ended) > 2, "the connections of checks to end")


def test_a_check_sees_a_plain_member(scene: Scene) -> None:
    """The URL says https://, and the port speaks HTTP."""
    plain = scene.stack.enter_context(Member("plain"))
    scene.balancer("plain", [f"https://{ADDRESS}:{plain.port}"], last=_health("plain", "http"))
    scene.start()
    plain.hang_up()
    scene.wait_for("member plain/")


# -- reloads ------------------------------------------------------------------------------------------------------------


def test_renewed_authority(scene: Scene) -> None:
    """The same file with another authority in it: connections from before end, new ones are held against the new one."""
    trusted = scene.directory / "trusted.pem"
    shutil.copy(scene.authority.certificate, trusted)
    scene.balancer("app", [url_of(scene.good)], f'tls_ca = "{trusted}"')
    scene.start()
    assert scene.lab.get("/app").body == b"good"
    assert scene.reload("says the same")
    assert scene.lab.get("/app").body == b"good"
    assert len(scene.good.greeted) == 1
    shutil.copy(scene.stranger.certificate, trusted)
    line = scene.reload("is in effect")
    assert f"member app/{ADDRESS}:{scene.good.port}: TLS files: " in line
    assert "new connections to it are made with it" in line
    assert scene.lab.get("/app").status == 503
    scene.wait_for("authority, who has signed its certificate, is not among those in")
    scene.good.context = scene.good.secured(scene.stranger.issue("renewed"))
    until(lambda: scene.lab.get("/app").status == 200, "the member to serve again")
    assert not scene.good.greeted[-1].resumed


def test_broken_authority(scene: Scene) -> None:
    """It is refused with the place, the old one goes on, and so do its connections."""
    trusted = scene.directory / "trusted.pem"
    shutil.copy(scene.authority.certificate, trusted)
    scene.balancer("app", [url_of(scene.good)], f'tls_ca = "{trusted}"')
    scene.start()
    assert scene.lab.get("/app").body == b"good"
    for content in (b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        trusted.write_bytes(content)
        line = scene.reload("nothing has changed")
        assert f"tls_ca: {trusted} is no file of certificates in PEM" in line, content
        assert scene.lab.get("/app").body == b"good"
        assert len(scene.good.greeted) == 1


def test_client_certificates(scene: Scene) -> None:
    """It is shown, also a renewed one after a reload; one that is renewed by half changes nothing."""
    asking = scene.member("asking", client_ca=scene.authority.certificate)
    key, certificate = scene.authority.issue("client")
    scene.balancer(
        "app", [url_of(asking)], f'tls_certificate = "{certificate}"\ntls_key = "{key}"\nreuse = false'
    )
    scene.start()
    for method in ("GET", "POST"):
        with scene.lab.client() as client:
            client.ask(method, "/app")
            assert client.answer(method).status == 200
    assert {one.client for one in asking.greeted} == {"client"}
    old = certificate.read_bytes()
    other_key, other = scene.authority.issue("other")
    key.write_bytes(other_key.read_bytes())
    assert f"{key} is not the key of the first certificate in {certificate}" in scene.reload(
        "nothing has changed"
    )
    assert scene.lab.get("/app").status == 200
    assert certificate.read_bytes() == old
    certificate.write_bytes(other.read_bytes())
    scene.reload("is in effect")
    assert scene.lab.get("/app").status == 200
    assert asking.greeted[-1].client == "other"


def test_requests_under_way_finish(scene: Scene) -> None:
    """Settings that change while a request is under way: it finishes, and its connection ends then."""
    scene.balancer("app", [url_of(scene.good, "localhost")])
    scene.start()
    stall = scene.good.script = Stall()
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(scene.lab.get("/app").body))
    thread.start()
    stall.reached.wait(10)
    scene.config = scene.config.replace("[balancer.app]", f'[balancer.app]\ntls_name = "{ADDRESS}"')
    scene.reload("tls_name: not set -> 127.0.0.1")
    stall.release()
    thread.join(10)
    assert len(answers) == 1
    until(lambda: not any(talk.open for talk in scene.good.talks), "the connection to end")
    assert scene.lab.get("/app").status == 200
    assert [one.name for one in scene.good.greeted] == ["localhost", None]


def test_from_plain_to_tls(scene: Scene) -> None:
    """A member that is reached over TLS from now on is another member, and the old one leaves."""
    plain = scene.stack.enter_context(Member("plain"))
    scene.balancer("app", [f"http://{ADDRESS}:{plain.port}"])
    scene.start()
    assert scene.lab.get("/app").body == b"plain"
    scene.config = scene.config.replace(f"http://{ADDRESS}:{plain.port}", url_of(scene.good))
    scene.reload("is in effect")
    assert scene.lab.get("/app").body == b"good"


# -- members that come while it runs ----------------------------------------------------------------------------------------


def test_members_that_are_added(scene: Scene) -> None:
    """With their own settings; files that cannot be used are refused with what is wrong, and nothing changes."""
    plain = scene.stack.enter_context(Member("plain"))
    scene.balancer("app", [f"http://{ADDRESS}:{plain.port}"], 'stickysession = "R"\ncookie.enabled = false')
    scene.start()
    other = scene.member("other", scene.stranger.issue("other"))
    wish: dict[str, object] = {"url": url_of(other), "route": "tls", "tls_ca": "/no/where.pem"}
    status, told = scene.control.post("/api/v1/balancers/app/members", wish)
    assert status >= 400
    assert "/no/where.pem cannot be read" in json.dumps(told)
    wish["tls_ca"] = str(scene.stranger.certificate)
    status, told = scene.control.post("/api/v1/balancers/app/members", wish)
    assert status < 300, told
    assert scene.lab.get("/app", "Cookie: R=.tls").body == b"other"
    wish = {"url": url_of(scene.good), "route": "insecure", "tls_insecure": True}
    status, told = scene.control.post("/api/v1/balancers/app/members", wish)
    assert status < 300, told
    assert scene.lab.get("/app", "Cookie: R=.insecure").body == b"good"
    assert "nothing of its certificate is verified" in scene.wait_for("member app/insecure: ")
    for name in ("app/tls", "app/insecure"):
        scene.control.ask("DELETE", f"/api/v1/members/{name}")


# -- what is not verified ---------------------------------------------------------------------------------------------------


INSECURE = {
    "all": ("true", "nothing of its certificate is verified"),
    "ca": ('"ca"', "the authority of its certificate is not verified"),
    "each": ('["name", "ca", "dates"]', "nothing of its certificate is verified"),
    "some": ('["name", "dates"]', "the name and the validity of its certificate are not verified"),
}


def test_what_is_not_verified_is_said(scene: Scene) -> None:
    """At the start, at every reload, and by panolb check; the members are used all the same."""
    said: dict[str, str] = {}
    for name, (insecure, words) in INSECURE.items():
        issued = {
            "all": lambda: scene.stranger.issue("all", address=False, days=(-3, -2)),
            "ca": lambda: scene.stranger.issue("ca"),
            "each": lambda: scene.stranger.issue("each", address=False, days=(-3, -2)),
            "some": lambda: scene.authority.issue("some", names=["else"], address=False, days=(-3, -2)),
        }[name]()
        member = scene.member(name, issued)
        more = f'tls_ca = "{scene.authority.certificate}"\n' if name == "some" else ""
        scene.balancer(name, [url_of(member)], f"{more}tls_insecure = {insecure}")
        said[name] = f"member {name}/{ADDRESS}:{member.port}: {words}"
    scene.start()
    for name, words in said.items():
        assert scene.lab.get(f"/{name}").body == name.encode()
        scene.wait_for(words)
        assert len(scene.lab.panolb.lines(words)) == 1
    events = [
        json.loads(line) for line in scene.control.ask("GET", "/api/v1/events?follow=false")[2].splitlines()
    ]
    assert [one["event"] for one in events].count("member.insecure") == len(said)
    scene.reload("says the same")
    for words in said.values():
        until(lambda words=words: len(scene.lab.panolb.lines(words)) == 2, "the warning of the reload")  # type: ignore[misc]
    checked = subprocess.run(
        [sys.executable, "-c", "from panolb.cli import main; main()", "check", str(scene.lab.panolb.file)],
        capture_output=True, text=True, check=True, env=scene.lab.panolb.environment,
    )  # fmt: skip
    for name in said:
        assert f"balancer.{name}" in "".join(
            line for line in (checked.stdout + checked.stderr).splitlines() if "tls_insecure" in line
        )


def test_the_rest_is_verified(scene: Scene) -> None:
    """What is left out is one thing, and the rest another."""
    issue = scene.stranger.issue
    cases = {
        "ca": ('"ca"', issue("ca", names=["else"], address=False), "its certificate is for"),
        "two": ('["ca", "name"]', issue("two", days=(-3, -2)), "its certificate has expired on"),
        "name": ('"name"', issue("name"), "is not among"),
    }
    for name, (insecure, issued, _) in cases.items():
        more = f'tls_ca = "{scene.authority.certificate}"\ntls_insecure = {insecure}'
        scene.balancer(name, [url_of(scene.member(name, issued))], more)
    scene.start()
    for name, (_, _, words) in cases.items():
        assert scene.lab.get(f"/{name}").status == 503
        until(
            lambda name=name, words=words: [  # type: ignore[misc]
                line for line in scene.lab.panolb.lines(words) if f"member {name}/" in line
            ],
            f"the log to say {words!r} of {name}",
        )


# -- files that cannot be used at the start -----------------------------------------------------------------------------------


def test_check_names_everything(tmp_path: Path) -> None:
    """All that is wrong at once, each with its key."""
    authority = Authority(tmp_path, "ca")
    key, certificate = authority.issue("client")
    (tmp_path / "empty").mkdir()
    port = free_port()
    members = [
        f'tls_ca = "{tmp_path}/missing.pem"',
        f'tls_ca = "{tmp_path}/empty"',
        f'tls_ca = "{key}"',
        f'tls_certificate = "{certificate}"',
        f'tls_certificate = "{key}"',
        f'tls_certificate = "{certificate}"\ntls_key = "{authority.certificate}"',
        'tls_ciphers = "NONSENSE"',
    ]
    text = (
        f'[listener.a]\nendpoint = "tcp:{port}"\n[[location]]\npath = "/"\nbalancer = "app"\n[balancer.app]\n'
    )
    for number, more in enumerate(members):
        text += f'[[balancer.app.member]]\nurl = "https://localhost:{number + 1}"\n{more}\n'
    file = tmp_path / "panolb.toml"
    file.write_text(text)
    checked = subprocess.run(
        [sys.executable, "-c", "from panolb.cli import main; main()", "check", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    said = " ".join((checked.stdout + checked.stderr).split())
    for words in (
        "missing.pem cannot be read: No such file",
        "the directory has no .pem",
        f"{key} is no file of certificates in PEM",
        f"{certificate} has no key in PEM",
        f"{key} has no certificate in PEM",
        f"{authority.certificate} has no key in PEM",
        "OpenSSL knows no cipher of TLS 1.2 in NONSENSE",
        "7 problems",
    ):
        assert words in said, said
