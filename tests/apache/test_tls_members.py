"""SSLProxy* lines: a member that Apache uses is used by panolb, and one that Apache refuses is refused, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import frozen

from panolb.config.httpd.differences import DIFFERENCES
from tests.harness.certificate import Authority
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.securemember import SecureMember

from . import peers
from .peers import Peer

HEAD = """\
ServerRoot ${ROOT}
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule ssl_module modules/mod_ssl.so
DefaultRuntimeDir ${ROOT}
PidFile ${ROOT}/httpd.pid
ErrorLog ${ROOT}/error.log
Listen 127.0.0.1:${PORT}
ServerName localhost
"""
ON = "SSLProxyEngine On\n"
TRUSTING = ON + "SSLProxyVerify require\nSSLProxyCACertificateFile {ca}\n"


@frozen
class Case:
    """One balancer.

    :ivar member: which of the members it has.
    :ivar lines: what its section says; ``{ca}`` and ``{own}`` are files.
    :ivar used: whether the member is.
    :ivar differs: the difference by which panolb does otherwise than Apache.
    """

    id: str
    member: str
    lines: str
    used: bool
    differs: str = ""
    host: str = "localhost"


CASES = (
    Case("nothing-said", "right", ON, True),
    Case("nothing-said-stranger", "stranger", ON, True),
    Case("nothing-said-name", "other", ON, False),
    Case("nothing-said-expired", "expired", ON, False),
    Case("none-cn-off", "other", ON + "SSLProxyCheckPeerCN off\n", True),
    Case("none-name-off", "other", ON + "SSLProxyCheckPeerName off\n", True),
    Case("none-cn-off-name-on", "other", ON + "SSLProxyCheckPeerCN off\nSSLProxyCheckPeerName on\n", False),
    Case("none-expire-off", "expired", ON + "SSLProxyCheckPeerExpire off\n", True),
    Case("require", "right", TRUSTING, True),
    Case("require-stranger", "stranger", TRUSTING, False),
    Case("require-name", "other", TRUSTING, False),
    Case("require-name-off", "other", TRUSTING + "SSLProxyCheckPeerName off\n", True),
    Case("require-expired", "expired", TRUSTING, False),
    Case("require-expire-off", "expired", TRUSTING + "SSLProxyCheckPeerExpire off\n", False),
    Case("require-depth", "right", TRUSTING + "SSLProxyVerifyDepth 0\n", False),
    Case("optional-no-ca", "stranger", TRUSTING.replace("require", "optional_no_ca"), True),
    Case("asking", "asking", TRUSTING + "SSLProxyMachineCertificateFile {own}\n", True),
    Case("asking-in-vain", "asking", TRUSTING, False),
    Case("newest", "right", TRUSTING + "SSLProxyProtocol TLSv1.3\n", True),
    Case("ciphers", "right", TRUSTING + "SSLProxyCipherSuite ECDHE+AESGCM\n", True),
    Case("common-name", "nameless", TRUSTING, True, "tls-common-name"),
    Case("address", "right", TRUSTING, False, "tls-address", host="127.0.0.1"),
    Case("no-authority", "right", ON + "SSLProxyVerify require\n", False),
    Case("no-engine", "right", "", False, "tls-without-engine"),
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One configuration with all of them."""
    directory = tmp_path_factory.mktemp("certificates")
    directory.chmod(0o755)
    authority, stranger = Authority(directory, "authority"), Authority(directory, "strangers")
    key, certificate = authority.issue("client")
    own = directory / "own.pem"
    own.write_bytes(certificate.read_bytes() + key.read_bytes())
    issued = {
        "right": authority.issue("right", names=["localhost"]),
        "stranger": stranger.issue("stranger", names=["localhost"]),
        "other": authority.issue("other", names=["other.example"], address=False),
        "expired": authority.issue("expired", names=["localhost"], days=(-5, -2)),
        "nameless": authority.issue("localhost", address=False),
        "asking": authority.issue("asking", names=["localhost"]),
    }
    with ExitStack() as stack:
        members: dict[str, Member] = {
            name: stack.enter_context(
                SecureMember(name, files, authority.certificate if name == "asking" else None)
            )
            for name, files in issued.items()
        }
        yield HEAD + "".join(_section(case, members, authority.certificate, own) for case in CASES)


def _section(case: Case, members: dict[str, Member], ca: Path, own: Path) -> str:
    url = f"https://{case.host}:{members[case.member].port}"
    lines = case.lines.format(ca=ca, own=own)
    return (
        f"<Proxy balancer://{case.id}>\nBalancerMember {url} retry=0\n{lines}</Proxy>\n"
        f"ProxyPass /{case.id} balancer://{case.id}\n"
    )


@pytest.fixture(scope="module", params=[pytest.param("apache", marks=pytest.mark.real), "panolb", "compat"])
def peer(
    request: pytest.FixtureRequest, text: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    """A process with that configuration."""
    directory = tmp_path_factory.mktemp(request.param)
    one = peers.peer(request.param, directory, text)
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_member(peer: Peer, case: Case) -> None:
    """Whether it is used; who is refused gets nothing of the request."""
    assert not case.differs or case.differs in DIFFERENCES
    used = case.used != (bool(case.differs) and peer.name != "apache")
    with Client(peer.port) as client:
        answer = client.get(f"/{case.id}")
    if used:
        assert (answer.status, answer.body) == (200, case.member.encode())
    else:
        assert answer.status in ((500, 502) if peer.name == "apache" else (503,))
