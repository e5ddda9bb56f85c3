"""What ``panolb check`` says of certificates before anything is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from panolb.cli import main

from .authority import Authority

CONFIG = """\
[listener.public]
endpoint = "tcp:8443"
[[listener.public.certificate]]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"
{more}
[[location]]
path = "/"
host = "dash.example.org"
status = 404
"""


def check(directory: Path, more: str = "") -> dict[str, Any]:
    """What it says, for programs; the exit code is right."""
    file = directory / "panolb.toml"
    file.write_text(CONFIG.format(directory=directory, more=more))
    done = CliRunner().invoke(main, ["check", "--json", str(file)], catch_exceptions=False)
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (0 if said["right"] else 1), done.stderr
    return said


def messages(found: list[dict[str, str]]) -> list[str]:
    """With their places."""
    return [f"{one['place'].rpartition(': ')[2]}: {one['message']}" for one in found]


def test_right(tmp_path: Path, authority: Authority) -> None:
    """Nothing is said of what is in order."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    said = check(tmp_path)
    assert (said["problems"], said["warnings"]) == ([], [])


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "no key", "another key", "passphrase", "authority first"]
)
def test_wrong(tmp_path: Path, authority: Authority, kind: str) -> None:
    """Each with the key of the configuration, the file, and what is to be done."""
    issued = authority.host("dash.example.org")
    path = issued.save(tmp_path, "dash")
    key = path.with_suffix(".key")
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "no key":
        key.write_bytes(issued.pem)
    elif kind == "another key":
        key.write_bytes(authority.host("other.example.org").key_pem)
    elif kind == "passphrase":
        secret = serialization.BestAvailableEncryption(b"secret")
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret
        key.write_bytes(issued.key.private_bytes(*form))
    else:
        path.write_bytes(authority.intermediate + issued.pem)
    wanted = {
        "missing": f"certificate[0].file: {path} cannot be read: No such file or directory",
        "empty": f"certificate[0].file: {path} has no certificate in PEM in it",
        "no key": f"certificate[0].key: {key} has no private key in it; it is no key in PEM",
        "another key": f"certificate[0].key: the key in {key} is not that of the certificate in {path}",
        "passphrase": f"certificate[0].key: the key in {key} has a passphrase, and nobody is there to type it",
        "authority first": f"certificate[0].file: the certificate of the key is number 2 in {path}; it must be the first",
    }[kind]
    found = messages(check(tmp_path)["problems"])
    assert len(found) == 1
    assert found[0].startswith(f"listener.public.{wanted}")


def test_doubtful(tmp_path: Path, authority: Authority) -> None:
    """What starts all the same is a warning: clients, or some of them, will refuse it."""
    issued = authority.host("other.example.org", days=-1)
    other = Authority(tmp_path, "other")
    path = issued.save(tmp_path, "dash")
    path.write_bytes(issued.pem.replace(authority.intermediate, other.intermediate))
    said = check(tmp_path)
    assert said["right"]
    found = "\n".join(messages(said["warnings"]))
    assert "expired on" in found
    assert "number 2 of the chain, CN=other R3, is not the issuer of number 1" in found
    assert "there is no certificate for dash.example.org" in found
    assert len(said["warnings"]) == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            '[listener.public.tls]\nclient_certificate = "required"\n',
            "tls.client_certificate: needs client_ca",
        ),
        (
            '[listener.public.tls]\nclient_certificate = "required"\nclient_ca = "{directory}/dash.key"\n',
            "has no certificate in PEM in it",
        ),
        ('[listener.public.tls]\nciphers = "NONSENSE"\n', "tls.ciphers: is no list of ciphers"),
        ('[listener.public.tls]\nmin_version = "1.3"\nmax_version = "1.2"\n', "is newer than max_version"),
        (
            '[listener.b]\nendpoint = "unix:/x"\ncertificate = { file = "x" }\n',
            "cannot speak TLS with a certificate",
        ),
        (
            '[listener.b]\nendpoint = "tcp:1"\nsecure = true\nredirect_to_https = true\n',
            "would be sent in a circle",
        ),
    ],
)
def test_wrong_keys(tmp_path: Path, authority: Authority, more: str, words: str) -> None:
    """Of the configuration itself."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    found = messages(check(tmp_path, more.replace("{directory}", str(tmp_path)))["problems"])
    assert any(words in one for one in found), found


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[listener.public.tls]\nclient_ca = "x"\n', "has no effect: clients are not asked"),
        (
            '[listener.b]\nendpoint = "tcp:1"\n[listener.b.tls]\nmin_version = "1.3"\n',
            "without a certificate",
        ),
        (
            '[listener.b]\nendpoint = "tcp:1"\n[listener.b.tls]\nhsts = "1d"\n',
            "is for clients that speak TLS",
        ),
        ("[listener.public.tls]\nhsts_subdomains = true\n", "has no effect without hsts"),
        ('[listener.b]\nendpoint = "tcp:1"\nhttps_port = 4\n', "has no effect without redirect_to_https"),
    ],
)
def test_doubtful_keys(tmp_path: Path, authority: Authority, more: str, words: str) -> None:
    """What is written and does nothing."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    said = check(tmp_path, more)
    assert said["right"], said["problems"]
    assert any(words in one for one in messages(said["warnings"])), said["warnings"]
