"""The same verbs over TCP: with a token, and with certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Done, Shell
from tests.control.operating import running
from tests.harness.certificate import Authority
from tests.harness.waiting import ADDRESS, free_port

TOKEN = "0123456789abcdef0123456789abcdef"


class Net:
    """A panolb that listens for operators in two ways, one after the other, and what they need for it."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url

    def run(self, *words: object) -> Done:
        """A verb, said to that URL."""
        return Shell(self.url, self.directory).run(*words)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """HTTP on the loopback, with a token."""
    directory, port = tmp_path_factory.mktemp("plain"), free_port()
    (directory / "token").write_text(TOKEN + "\n")
    (directory / "token").chmod(0o600)
    (directory / "wrong").write_text("f" * 32)
    more = f'endpoint = "tcp:{port}:interface={ADDRESS}"\ntoken_file = "{directory}/token"\n'
    with running(directory, more=more) as lab:
        yield Net(directory, f"http://{ADDRESS}:{port}")
        lab.panolb.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """TLS, for clients with a certificate."""
    directory, port = tmp_path_factory.mktemp("secured"), free_port()
    authority = Authority(directory, "authority")
    key, certificate = authority.issue("server")
    authority.issue("operator")
    for one in directory.glob("*.key"):
        one.chmod(0o600)
    more = (
        f'endpoint = "tcp:{port}:interface={ADDRESS}"\n'
        f'certificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{authority.certificate}"\n'
    )
    with running(directory, more=more) as lab:
        yield Net(directory, f"https://{ADDRESS}:{port}")
        lab.panolb.stop()


def test_token(plain: Net) -> None:
    """With it, all goes as over the socket; its file may be named by the environment."""
    done = plain.run("members", "--token-file", "token")
    assert done.code == 0, done
    assert "app/2" in done.out
    assert plain.run("drain", "app/1", "--token-file", "token", "--wait").code == 0
    shell = Shell(plain.url, plain.directory, PANOLB_TOKEN_FILE="token")
    assert shell.run("enable", "app/1").code == 0


@pytest.mark.parametrize("words", [[], ["--token-file", "wrong"]], ids=["none", "wrong"])
def test_no_token(plain: Net, words: list[str]) -> None:
    """panolb is there, and says no: 1, and how to say who one is."""
    done = plain.run("members", *words)
    assert (done.code, done.out) == (1, "")
    assert "--token-file" in done.err


def test_certificate(secured: Net) -> None:
    """Each trusts the other's."""
    mine = ["--cert", "operator.pem", "--key", "operator.key"]
    done = secured.run("members", "--ca", "authority.pem", *mine)
    assert done.code == 0, done
    assert "app/2" in done.out


def test_certificate_that_is_not_trusted(secured: Net) -> None:
    """Without --ca the system's authorities would have to know it."""
    done = secured.run("members", "--cert", "operator.pem", "--key", "operator.key")
    assert done.code == 3
    assert "is not trusted" in done.err
    assert "--ca FILE" in done.err


def test_no_certificate(secured: Net) -> None:
    """Who shows none gets no answer, and is told what is missing."""
    done = secured.run("members", "--ca", "authority.pem")
    assert done.code in (1, 3)
    assert "--cert" in done.err


def test_http_to_https(secured: Net) -> None:
    """The wrong scheme is no riddle."""
    done = Shell(secured.url.replace("https", "http")).run("members")
    assert done.code == 3
    assert "https" in done.err
