"""Tomcats behind TLS, which ask their balancer for a certificate: all of it works as without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificate import Authority

from .balancer import Panolb
from .browser import PATIENCE, User, bound_user
from .conftest import PEER, REQUIRED, end
from .process import answers
from .tomcat import SecureTomcat, missing

pytestmark = pytest.mark.skipif(PEER != "panolb", reason="needs panolb.toml")

TLS = """\
tls_ca = "{ca}"
tls_certificate = "{certificate}"
tls_key = "{key}"
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the Tomcats, and for panolb."""
    return Authority(tmp_path_factory.mktemp("authority"), "members-ca")


@pytest.fixture(scope="module")
def members(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SecureTomcat]]:
    """One that speaks TLS 1.3, and one that does not."""
    lacking = missing()
    if lacking is not None:
        if REQUIRED:
            pytest.fail(f"PANOLB_REQUIRE_REAL is set, but: {lacking}", pytrace=False)
        pytest.skip(f"real servers: {lacking}")
    base = tmp_path_factory.mktemp("tomcats")
    made = [
        SecureTomcat("1", base / "1", authority, "TLSv1.3"),
        SecureTomcat("2", base / "2", authority, "TLSv1.2"),
    ]
    try:
        for one in made:
            one.launch()
        for one in made:
            one.wait_ready()
        yield made
    finally:
        for one in made:
            one.close()


@pytest.fixture(params=["http", "websocket"])
def balancer(
    request: pytest.FixtureRequest, authority: Authority, members: list[SecureTomcat], tmp_path: Path
) -> Iterator[Panolb]:
    """With each kind of check."""
    key, certificate = authority.issue("panolb")
    settings = TLS.format(ca=authority.certificate, certificate=certificate, key=key)
    server = Panolb(tmp_path / "balancer", members, check=request.param, balancer=settings)
    try:
        server.start()
        yield server
    finally:
        end(server)


def test_sessions_and_websockets(balancer: Panolb) -> None:
    """Users stick to both, redirects come back to the public address, WebSockets echo; no member is ever in error."""
    for route in ("1", "2"):
        with bound_user(balancer, route) as user:
            for visit in range(1, 120):  # Tomcat ends the connection after 100
                assert user.get("/probe/counter.jsp").facts["visits"] == str(visit)
            with user.websocket("/websocket/echoProgrammatic") as client:
                for text in ("hello", "long " * 100_000):
                    client.send(text)
                    assert client.recv(timeout=PATIENCE) == text
    with User(balancer.port) as user:
        answer = user.get("/websocket")
        assert answer.status == 302
        assert (answer.one("Location") or "").split("?")[0].endswith("/panopticon/websocket/")
        assert "https:" not in (answer.one("Location") or "")
    assert balancer.states() == {"1": "up", "2": "up"}


def test_without_a_certificate(authority: Authority, members: list[SecureTomcat], tmp_path: Path) -> None:
    """Both Tomcats refuse it, in TLS 1.2 within the handshake and in 1.3 behind it; the log says what is missing."""
    server = Panolb(
        tmp_path / "balancer", members, check="http", balancer=f'tls_ca = "{authority.certificate}"'
    )
    server.ready = lambda: answers(server.port, "/panopticon/", (503,))  # type: ignore[method-assign]
    try:
        server.start()
        with User(server.port) as user:
            for _ in range(2):
                assert user.get("/").status == 503
        said = server.output.read_text()
        # JSSE sends "bad certificate" where "certificate required" is meant (RFC 8446 section 6.2).
        for route in ("1", "2"):
            assert re.search(rf"panopticoncluster/{route}.*: it .*tls_certificate", said), said
    finally:
        server.close()
