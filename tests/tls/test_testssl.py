"""What testssl.sh finds: nothing that is worse than LOW."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.waiting import ADDRESS

from .authority import Authority
from .site import Site

PROGRAM = shutil.which("testssl") or shutil.which("testssl.sh")
BELOW = ("OK", "INFO", "LOW", "WARN")  # the last is for what it could not look at
MINUTES = 5.0  # it takes a half

LISTENER = """\

[[listener.public.certificate]]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"

[listener.public.tls]
hsts = "365d"
prefer_server_ciphers = true
"""
NOT_OURS = (
    "cert_revocation",  # certificates of the tests' own authority name no list of revoked ones
    "security_headers",  # the application's to set
)

CHECKS = {
    "-p": "protocols",
    "-s": "kinds of ciphers",
    "-f": "forward secrecy",
    "-S": "certificate, chain and session tickets",
    "-h": "header",
    "-R": "renegotiation",
}
"""What does not follow from the rest.  Without prefer_server_ciphers "-P" says HIGH, where Mozilla leaves the choice to clients."""


def findings(site: Site) -> list[dict[str, Any]]:
    """All of them, in machines' words."""
    assert PROGRAM is not None
    report = site.directory / "testssl.json"
    common = ["--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--ip", ADDRESS]
    files = ["--jsonfile", str(report), "--add-ca", str(site.authority.root)]
    subprocess.run(
        [PROGRAM, *common, *CHECKS, *files, f"dash.example.org:{site.port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60 * MINUTES,
        check=False,
    )
    found: list[dict[str, Any]] = json.loads(report.read_text())
    return found


@pytest.mark.skipif(PROGRAM is None, reason="there is no testssl.sh: ops/install-test-servers")
def test_nothing_above_low(tmp_path: Path, authority: Authority) -> None:
    """Protocols, ciphers, forward secrecy, the header, and the known attacks."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    with Site(tmp_path, authority, LISTENER) as site:
        found = findings(site)
    by_name = {one["id"]: one for one in found}
    assert by_name["TLS1_3"]["severity"] == "OK"
    assert by_name["HSTS_time"]["severity"] == "OK"
    assert by_name["secure_client_renego"]["severity"] == "OK"
    worse = [
        one for one in found if one["severity"] not in BELOW and one["id"].partition(" ")[0] not in NOT_OURS
    ]
    assert not worse, "\n".join(f"{one['severity']} {one['id']}: {one['finding']}" for one in worse)
