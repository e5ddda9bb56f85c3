"""The control API over HTTP: who has the token, or a certificate, and nobody else."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, running
from tests.harness.certificate import Authority
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until

TOKEN = "0123456789abcdef0123456789abcdef"


class Http:
    """A client of the API over HTTP.

    :param tls: how it encrypts; ``None`` for not at all.
    :param fields: header fields of all its requests.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, *fields: tuple[str, str]) -> None:
        self.port = port
        self._tls = tls
        self._fields = fields

    def ask(
        self, method: str, target: str, body: bytes = b"", *fields: tuple[str, str]
    ) -> tuple[int, Message, Any]:
        """Status, header and JSON of an answer."""
        connection = (
            http.client.HTTPConnection(ADDRESS, self.port, timeout=PATIENCE)
            if self._tls is None
            else http.client.HTTPSConnection(ADDRESS, self.port, timeout=PATIENCE, context=self._tls)
        )
        try:
            connection.putrequest(method, target)
            for name, value in (*self._fields, *fields):
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read())
        finally:
            connection.close()

    def works(self) -> bool:
        """Whether it is told of the members."""
        return self.ask("GET", "/api/v1/members")[0] == 200


def bearer(token: str) -> tuple[str, str]:
    """The header field with a token."""
    return "Authorization", f"Bearer {token}"


@contextmanager
def listening(directory: Path, *keys: str, interface: str = ADDRESS) -> Iterator[tuple[Lab, int]]:
    """A process with the API on a port, and with these keys in [control]."""
    port = free_port()
    endpoint = f'endpoint = "tcp:{port}:interface={interface}"'
    with running(directory, more="\n".join((endpoint, *keys))) as lab:
        yield lab, port


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the token, for its owner only."""
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, token_file: Path) -> Iterator[tuple[Lab, int]]:
    """A process that asks for the token, on the loopback."""
    with listening(tmp_path_factory.mktemp("plain"), f'token_file = "{token_file}"') as made:
        yield made
        made[0].panolb.stop()


WRONG: Sequence[tuple[tuple[str, str], ...]] = (
    (),
    (bearer(""),),
    (bearer(TOKEN[:-1]),),
    (bearer(TOKEN + "0"),),
    (bearer(TOKEN.upper()),),
    (("Authorization", TOKEN),),
    (("Authorization", f"Basic {TOKEN}"),),
    (bearer(TOKEN), bearer(TOKEN)),
    (("Authorization", f"Bearer\xe4 {TOKEN}"),),
    (("X-Authorization", f"Bearer {TOKEN}"),),
)


@pytest.mark.parametrize("fields", WRONG)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "members"), ("POST", "members/app/1"), ("GET", "nothing")]
)
def test_without_the_token(plain: tuple[Lab, int], fields: Any, method: str, path: str) -> None:
    """Nobody learns or does anything, not even which paths there are."""
    lab, port = plain
    body = b'{"state": "drain"}' if method == "POST" else b""
    status, headers, said = Http(port).ask(method, f"/api/v1/{path}", body, *fields)
    assert status == 401
    given = any(name == "Authorization" for name, _ in fields)
    assert headers["WWW-Authenticate"] == 'Bearer realm="panolb"' + (
        ', error="invalid_token"' if given else ""
    )
    assert "Authorization: Bearer TOKEN" in said["error"]
    assert lab.member("1")["admin"] == "active"


def test_with_the_token(plain: tuple[Lab, int]) -> None:
    """All that the socket can do, and the word Bearer in any case (RFC 9110 section 11.1)."""
    lab, port = plain
    client = Http(port, None, bearer(TOKEN))
    status, _, said = client.ask("POST", "/api/v1/members/app/1", b'{"state": "drain"}')
    assert (status, said["admin"]) == (200, "drain")
    assert Http(port, None, ("Authorization", f"bEARER  {TOKEN} ")).works()
    lab.set("1", "active")
    assert client.ask("GET", "/api/v1/status")[2]["pid"] == lab.panolb.process.pid


def test_strangers_are_logged(plain: tuple[Lab, int]) -> None:
    """Without what they tried."""
    lab, port = plain
    Http(port, None, bearer("a-guess")).ask("GET", "/api/v1/members")
    assert f"client {ADDRESS}: asks the control API without the right token" in lab.logged(
        "without the right token"
    )
    assert "a-guess" not in lab.panolb.log
    assert TOKEN not in lab.panolb.log


def test_a_stranger_s_body_is_not_kept(plain: tuple[Lab, int]) -> None:
    """A small one is read and forgotten; who announces much, or waits to be told to go on, is not waited for."""
    _, port = plain
    assert Http(port).ask("POST", "/api/v1/plan", b"x" * 200_000)[0] == 401
    assert Http(port).ask("POST", "/api/v1/plan", b"", ("Content-Length", str(1 << 30)))[0] == 413


def test_a_request_must_come_whole(plain: tuple[Lab, int]) -> None:
    """Who sends its header drop by drop is cut off within a time that it cannot stretch."""
    _, port = plain
    with socket.create_connection((ADDRESS, port)) as slow:
        slow.settimeout(1)
        slow.sendall(b"GET /api/v1/members HTTP/1.1\r\n")

        def cut() -> bool:
            try:
                slow.sendall(b"X: 1\r\n")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(cut, "it to be cut off", seconds=60)


def test_so_many_connections(plain: tuple[Lab, int]) -> None:
    """Those beyond a hundred are closed at once, and there is room again when they have gone."""
    _, port = plain
    many = [socket.create_connection((ADDRESS, port)) for _ in range(130)]
    try:
        for one in many:
            one.setblocking(False)

        def closed() -> int:
            number = 0
            for one in many:
                try:
                    number += one.recv(1) == b""
                except BlockingIOError:
                    pass
                except ConnectionError:
                    number += 1
            return number

        until(lambda: closed() == 30, "thirty of them to be closed")
    finally:
        for one in many:
            one.close()
    until(Http(port, None, bearer(TOKEN)).works, "room for one")


def test_the_token_changes_with_a_reload(tmp_path: Path) -> None:
    """The new one is asked for from then on; an empty file is refused, and the old one stays."""
    file = tmp_path / "token"
    file.write_text("first")
    with listening(tmp_path, f'token_file = "{file}"') as (lab, port):
        file.write_text("second")
        assert Http(port, None, bearer("first")).works()
        assert lab.control.post("/api/v1/reload", {})[0] == 200
        assert Http(port, None, bearer("second")).works()
        assert not Http(port, None, bearer("first")).works()
        file.write_text(" \n")
        status, said = lab.control.post("/api/v1/reload", {})
        assert status == 422
        assert "is empty" in said["problems"][0]["message"]
        assert Http(port, None, bearer("second")).works()
        lab.panolb.stop()


def test_others_can_read_it(tmp_path: Path) -> None:
    """That is said, and how to end it."""
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0o644)
    with listening(tmp_path, f'token_file = "{file}"') as (lab, _):
        assert lab.panolb.lines(f"everybody on this machine can read {file}; chmod o= {file}")
        lab.panolb.stop()


# -- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that the tests trust."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


def trusting(authority: Authority, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """What a client encrypts with that trusts an authority, and shows a certificate if it has one."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if pair is not None:
        context.load_cert_chain(pair[1], pair[0])
    return context


def test_tls(tmp_path: Path, authority: Authority, token_file: Path) -> None:
    """With a certificate any address will do, and clients can see whom they talk to."""
    key, certificate = authority.issue("server")
    keys = f'certificate = "{certificate}"', f'key = "{key}"', f'token_file = "{token_file}"'
    with listening(tmp_path, *keys, interface="0.0.0.0") as (lab, port):
        assert Http(port, trusting(authority), bearer(TOKEN)).works()
        assert not Http(port, trusting(authority)).works()
        offering = trusting(authority)
        offering.set_alpn_protocols(["h2", "http/1.1"])
        assert Http(port, offering, bearer(TOKEN)).works()
        old = trusting(authority)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.raises(ssl.SSLError):
            Http(port, old, bearer(TOKEN)).works()
        with pytest.raises((http.client.HTTPException, OSError)):
            Http(port, None, bearer(TOKEN)).works()
        lab.panolb.stop()


def test_mutual_tls(tmp_path: Path, authority: Authority) -> None:
    """A certificate of the authority will do without a token; none, or one of somebody else, will not."""
    key, certificate = authority.issue("server")
    clients = Authority(tmp_path, "clients")
    keys = f'certificate = "{certificate}"', f'key = "{key}"', f'client_ca = "{clients.certificate}"'
    with listening(tmp_path, *keys) as (lab, port):
        assert Http(port, trusting(authority, clients.issue("ann"))).works()
        for pair in (None, authority.issue("bob")):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                Http(port, trusting(authority, pair)).works()
        lab.panolb.stop()


def test_both(tmp_path: Path, authority: Authority, token_file: Path) -> None:
    """With both in the configuration, both are asked for."""
    key, certificate = authority.issue("server")
    keys = (
        f'certificate = "{certificate}"',
        f'key = "{key}"',
        f'client_ca = "{authority.certificate}"',
        f'token_file = "{token_file}"',
    )
    with listening(tmp_path, *keys) as (lab, port):
        context = trusting(authority, authority.issue("ann"))
        assert Http(port, context, bearer(TOKEN)).works()
        assert not Http(port, context).works()
        lab.panolb.stop()


def test_a_new_certificate_with_a_reload(tmp_path: Path, authority: Authority, token_file: Path) -> None:
    """It is shown to whoever connects from then on."""
    key, certificate = authority.issue("server")
    other = Authority(tmp_path, "other")
    keys = f'certificate = "{certificate}"', f'key = "{key}"', f'token_file = "{token_file}"'
    with listening(tmp_path, *keys) as (lab, port):
        assert Http(port, trusting(authority), bearer(TOKEN)).works()
        new_key, new = other.issue("new")
        os.replace(new_key, key)
        os.replace(new, certificate)
        assert lab.control.post("/api/v1/reload", {})[0] == 200
        assert Http(port, trusting(other), bearer(TOKEN)).works()
        lab.panolb.stop()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("token_file", "No such file"),
        ("empty", "is empty; for example: openssl rand -hex 32"),
        ("words", "has more in it than a token"),
        ("certificate", "are no certificate and its key in PEM"),
        ("other key", "is not the key of"),
        ("client_ca", "has no certificates in PEM"),
    ],
)
def test_files_that_cannot_be_used(
    tmp_path: Path, authority: Authority, token_file: Path, broken: str, words: str
) -> None:
    """Each is named before anything is opened."""
    key, certificate = authority.issue("server")
    files = {
        "certificate": certificate,
        "key": key,
        "client_ca": authority.certificate,
        "token_file": token_file,
    }
    other = tmp_path / "other"
    match broken:
        case "token_file":
            files["token_file"] = other
        case "empty" | "words":
            other.write_text("\n" if broken == "empty" else "two words")
            files["token_file"] = other
        case "other key":
            files["key"] = Authority(tmp_path, "a").issue("b")[0]
        case _:
            other.write_text("no PEM")
            files[broken] = other
    keys = [f'{name} = "{path}"' for name, path in files.items()]
    with pytest.raises(AssertionError, match=r"panolb ended with 1"), listening(tmp_path, *keys) as (lab, _):
        pytest.fail(lab.panolb.log)
    assert words in (tmp_path / "panolb.log").read_text()
