"""Members over TLS: who they are is verified before anything is sent, and what is wrong with them is said in words."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness.certificate import certify
from tests.harness.client import Cut
from tests.harness.member import Member, Request, Talk, answer
from tests.harness.scripts import echo
from tests.harness.securemember import SecureMember
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.proxy.lab import BODY
from tests.proxy.securelab import Scene, url_of

# -- connections that can be made ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(tmp_path_factory.mktemp("tls"))
    with scene.stack:
        here = url_of(scene.good)
        scene.balancer("address", [here])
        scene.balancer("name", [url_of(scene.good, "localhost")], more='response_timeout = "5s"')
        scene.balancer("wss", [here.replace("https", "wss")])
        scene.balancer("other", [here], more='tls_name = "localhost"')
        scene.balancer("single", [here], more="reuse = false")
        scene.balancer("one", [here], more='max_connections = 1\nqueue_timeout = "20s"')
        scene.balancer("path", [f"{here}/in"])
        scene.start()
        yield scene
        scene.lab.panolb.stop()


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    """Nothing recorded."""
    _scene.good.forget()
    return _scene


def test_requests_go_over_tls(scene: Scene) -> None:
    """Several requests over one connection, which is verified, and speaks HTTP/1.1 by ALPN."""
    with scene.lab.client() as client:
        for _ in range(3):
            assert client.get("/address/x").body == b"good"
    [greeted] = scene.good.greeted
    assert (greeted.version, greeted.protocol, greeted.name) == ("TLSv1.3", "http/1.1", None)
    assert scene.good.requests[0].one("X-Forwarded-Proto") == "http"  # what the client speaks


def test_members_are_asked_for_by_name(scene: Scene) -> None:
    """SNI has the URL's host, or tls_name; an address is none (RFC 6066 section 3)."""
    for path in ("/name", "/other"):
        scene.good.forget()
        assert scene.lab.get(path).body == b"good"
        assert [one.name for one in scene.good.greeted] == ["localhost"]


def test_wss_is_the_same_server(scene: Scene) -> None:
    """Requests go there too."""
    assert scene.lab.get("/wss").body == b"good"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_connections_resume(scene: Scene, version: ssl.TLSVersion) -> None:
    """The first handshake is a whole one, all others are not."""
    before = scene.good.context
    scene.good.context = scene.good.secured(scene.authority.issue("again"))
    scene.good.context.maximum_version = version
    try:
        for _ in range(4):
            assert scene.lab.get("/single").body == b"good"
        assert [one.resumed for one in scene.good.greeted] == [False, True, True, True]
    finally:
        scene.good.context = before


def test_bodies_both_ways(scene: Scene) -> None:
    """1 MB up and down, byte for byte, with a length and in chunks, over and over on one connection."""
    scene.good.script = echo
    with scene.lab.client() as client:
        for _ in range(3):
            client.ask("POST", "/address", body=BODY)
            assert client.answer("POST").body == BODY
            client.ask("PUT", "/address", "Transfer-Encoding: chunked")
            client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
            assert client.answer("PUT").body == BODY
    assert len(scene.good.greeted) == 1


def test_redirects_to_the_member_come_back(scene: Scene) -> None:
    """A Location with https:// and the member's host is one of ours, with the path that clients see."""
    scene.good.script = answer(b"", f"Location: {url_of(scene.good)}/in/next?a=b", status="302 Found")
    answered = scene.lab.get("/path/x")
    assert answered.one("Location") == "http://panolb.test/path/next?a=b"


def test_queue_for_the_one_connection(scene: Scene) -> None:
    """With max_connections = 1 requests wait for each other, and all of them use it."""
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(scene.lab.get("/one").body)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == [b"good"] * 8
    assert len(scene.good.greeted) == 1


def test_connection_that_the_member_ends(scene: Scene) -> None:
    """A kept connection that ends, with TLS's goodbye or without it, costs no request."""
    assert scene.lab.get("/address").body == b"good"
    scene.good.hang_up()
    assert scene.lab.get("/address").body == b"good"
    assert len(scene.good.greeted) == 2


def test_answer_that_is_cut_off(scene: Scene) -> None:
    """An answer that only the end of its connection ends needs TLS's own end: else it may have been cut."""

    def cut(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
        talk.close()

    def whole(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        talk.socket.unwrap()  # type: ignore[attr-defined]
        talk.close()

    scene.good.script = whole
    assert scene.lab.get("/single").body == b"all of it"
    scene.good.script = cut
    with scene.lab.client() as client, pytest.raises(Cut):
        client.get("/single")


def test_slow_client_stops_the_member(scene: Scene) -> None:
    """Back-pressure goes through TLS: the member comes to a halt, the process stays small, then all arrives."""
    piece = os.urandom(1 << 20)
    total, sent = 120, 0
    said = hashlib.sha256()

    def flood(talk: Talk, request: Request) -> None:
        nonlocal sent
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (total * len(piece)))
        for _ in range(total):
            talk.send(piece)
            said.update(piece)
            sent += 1
        request.whole = True

    scene.good.script = flood
    before = scene.lab.panolb.rss()
    with scene.lab.client() as client:
        client.ask("GET", "/name")
        at = -1
        while at != sent or sent == 0:
            at = sent
            time.sleep(0.5)
        assert sent < total, "all was swallowed"
        assert scene.lab.panolb.rss() - before < 16 << 20
        received = client.answer("GET").body
    assert hashlib.sha256(received).digest() == said.digest()


def test_slow_member_stops_the_client(scene: Scene) -> None:
    """The same the other way round."""
    read_on = threading.Event()
    heard = hashlib.sha256()

    def slow(talk: Talk, request: Request) -> None:
        read_on.wait(PATIENCE)
        left = int(request.one("Content-Length") or 0)
        while left:
            data = talk.read_some()
            heard.update(data)
            left -= len(data)
        request.whole = True
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    scene.good.script = slow
    piece = os.urandom(1 << 20)
    total, sent = 120, 0
    before = scene.lab.panolb.rss()
    with scene.lab.client() as client:
        client.ask("POST", "/name", f"Content-Length: {total * len(piece)}")
        said = hashlib.sha256()

        def pour() -> None:
            nonlocal sent
            for _ in range(total):
                client.send(piece)
                said.update(piece)
                sent += 1

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        at = -1
        while at != sent or sent == 0:
            at = sent
            time.sleep(0.5)
        assert sent < total, "all was swallowed"
        assert scene.lab.panolb.rss() - before < 16 << 20
        read_on.set()
        thread.join(PATIENCE)
        assert client.answer("POST").body == b"ok"
    assert heard.digest() == said.digest()


# -- connections that cannot be made --------------------------------------------------------------------------------------


class Raw:
    """A port that does with each connection what it is told, and never speaks TLS.

    :ivar heard: the first bytes of each.
    """

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self.heard: list[bytes] = []
        self._listening = socket.create_server((ADDRESS, free_port()))
        self.port = self._listening.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._held.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self.heard.append(connection.recv(1 << 16))
            self._behave(connection)
        except OSError:
            pass

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.close()
        for connection in self._held:
            connection.close()


def _plain(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def _hang_up(connection: socket.socket) -> None:
    connection.close()


def _half(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")  # the beginning of a ServerHello
    connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


RAW = {
    "plain": (_plain, "it does not speak TLS on this port (is its URL http://?)"),
    "hangsup": (_hang_up, "it ended the connection within the TLS handshake"),
    "half": (_half, "it ended the connection within the TLS handshake"),
    "reset": (_reset, "it ended the connection within the TLS handshake"),
    "silent": (_silent, "no TLS handshake within 1 s"),
}


def _wrong(scene: Scene) -> dict[str, tuple[SecureMember, str, str]]:
    """Members that must not be used: each with more settings and what the log says."""
    own = scene.directory / "own"
    own.mkdir()
    old = scene.member("old")
    old.context.maximum_version = ssl.TLSVersion.TLSv1_2
    asking, picky = (
        scene.member(name, client_ca=scene.authority.certificate) for name in ("asking", "picky")
    )
    asking12 = scene.member("asking12", client_ca=scene.authority.certificate)
    asking12.context.maximum_version = ssl.TLSVersion.TLSv1_2
    key, client = scene.stranger.issue("nobody")
    issue = scene.authority.issue
    return {
        "expired": (scene.member("expired", issue("expired", days=(-9, -2))), "", "its certificate has expired on 20"),
        "early": (scene.member("early", issue("early", days=(1, 2))), "", "its certificate is not valid before 20"),
        "named": (
            scene.member("named", issue("named", names=["a.example", "b.example"], address=False)),
            "",
            "its certificate is for a.example, b.example, not for 127.0.0.1; set tls_name",
        ),
        "nameless": (
            scene.member("nameless", issue("nameless", address=False)),
            "",
            "its certificate has no subjectAltName, so it is not for 127.0.0.1",
        ),
        "stranger": (
            scene.member("stranger", scene.stranger.issue("stranger1")),
            "",
            "stranger, who has signed its certificate, is not among those in",
        ),
        "selfsigned": (scene.member("selfsigned", certify(own)), "", "its certificate is signed by itself"),
        "system": (
            scene.member("system"),
            'tls_name = "localhost"\ntls_insecure = false',
            "authority, who has signed its certificate, is not among those whom this machine trusts",
        ),
        "old": (old, 'tls_min_version = "1.3"', "it speaks no version of TLS that is allowed here (tls_min_version)"),
        "asking": (asking, "", "it asks for a client certificate; set tls_certificate"),
        "asking12": (asking12, "", "it asks for a client certificate (tls_certificate)"),
        "picky": (
            picky,
            f'tls_certificate = "{client}"\ntls_key = "{key}"',
            "it refuses the client certificate, or that it is shown none",
        ),
        "deep": (scene.member("deep"), "tls_depth = 0", "its chain of certificates is longer than tls_depth = 0"),
    }  # fmt: skip


WRONG = "expired early named nameless stranger selfsigned system old asking asking12 picky deep".split()


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, dict[str, str]]]:
    """Balancers whose first member is not who it should be, and whose second one is; and what the log says of each."""
    scene = Scene(tmp_path_factory.mktemp("wrong"))
    said: dict[str, str] = {}
    with scene.stack:
        for name, (behave, words) in RAW.items():
            raw = scene.stack.enter_context(Raw(behave))
            scene.balancer(name, [f"https://{ADDRESS}:{raw.port}", url_of(scene.good)])
            said[name] = words
        for name, (member, more, words) in _wrong(scene).items():
            good = url_of(scene.good)
            if name == "system":
                good = f"http://{ADDRESS}:{scene.stack.enter_context(Member('plain')).port}"
            urls = [url_of(member), good]
            scene.balancer(name, urls, more)
            said[name] = words
            if name in ("old", "deep"):
                # The good one must be good enough: it is a member with settings of its own.
                scene.config = scene.config.replace(more + "\n", "", 1).replace(
                    f'url = "{url_of(member)}"\nlbset = 0\n', f'url = "{url_of(member)}"\nlbset = 0\n{more}\n'
                )
        scene.start()
        yield scene, said
        scene.lab.panolb.stop()


@pytest.mark.parametrize("name", [*RAW, *WRONG])
def test_another_member_serves(wrong: tuple[Scene, dict[str, str]], name: str) -> None:
    """Nothing was sent to the member that is not who it should be; the log says why, and another one serves."""
    scene, said = wrong
    for method in ("GET", "DELETE"):
        with scene.lab.client() as client:
            client.ask(method, f"/{name}/x")
            answered = client.answer(method)
            assert (answered.status, answered.body) in ((200, b"good"), (200, b"plain"))
    address = f"member {name}/127.0.0.1:"
    assert any(said[name] in line for line in scene.lab.panolb.lines(address)), scene.lab.panolb.lines(
        address
    )


@pytest.mark.parametrize("name", ["expired", "named", "stranger", "plain", "silent", "reset", "asking12"])
def test_bodies_stay_whole(wrong: tuple[Scene, dict[str, str]], name: str) -> None:
    """A body that was on its way goes to the other member, all of it."""
    scene, _ = wrong
    scene.good.script = echo
    with scene.lab.client() as client:
        client.ask("POST", f"/{name}", body=BODY)
        answered = client.answer("POST")
    assert answered.status == 200
    assert answered.body == BODY


def test_client_leaves_within_the_handshake(wrong: tuple[Scene, dict[str, str]]) -> None:
    """Nobody waits for the connection any more: it is given up at once, and no member is blamed."""
    scene, _ = wrong
    name = f"silent/{ADDRESS}:"
    until(lambda: "error" not in _states(scene, name), "the silent member to be tried again")
    before = len(scene.lab.panolb.lines(f"member {name}"))
    client = scene.lab.client()
    client.ask("GET", "/silent")
    until(lambda: scene.resources()["member_connections_being_made"] == 1, "the handshake to begin")
    client.close()
    until(lambda: scene.resources()["member_connections_being_made"] == 0, "it to be given up")
    assert len(scene.lab.panolb.lines(f"member {name}")) == before


def _states(scene: Scene, name: str) -> list[str]:
    members = [one for balancer in scene.lab.status()["balancers"] for one in balancer["members"]]
    return [str(one["state"]) for one in members if one["name"].startswith(name)]
