"""A certificate that is renewed in its file: a reload is enough, and nobody notices."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificate import certify
from tests.harness.client import Client
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until

CONFIG = """\
[listener.public]
endpoint = "ssl:{port}:interface={address}:privateKey={key}:certKey={certificate}"

[[location]]
path = "/"
status = 404
"""


class Site:
    """A listener that speaks TLS, and its files.

    :ivar files: key and certificate.
    """

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.files = key, certificate = certify(directory)
        config = CONFIG.format(port=self.port, address=ADDRESS, key=key, certificate=certificate)
        self.panolb = Panolb(directory, config, ())

    def start(self) -> None:
        """Until it listens."""
        self.panolb.launch()
        until(self.shown, "panolb to listen")

    def shown(self) -> str:
        """The certificate that a new client sees."""
        return ssl.get_server_certificate((ADDRESS, self.port))

    def reload(self, words: str) -> str:
        """Send SIGHUP; returns the line of the log with these words that it led to."""
        before = len(self.panolb.lines(words))
        self.panolb.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.panolb.lines(words)) > before, f"the log to say {words!r}")
        return self.panolb.lines(words)[-1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that is sound to its end."""
    made = Site(tmp_path)
    try:
        made.start()
        yield made
        made.panolb.stop()
    finally:
        made.panolb.close()


def test_renewed(site: Site) -> None:
    """New connections get the new one, open ones go on; the reload tells until when it is valid."""
    first = site.shown()
    trusting = ssl.create_default_context(cafile=str(site.files[1]))
    trusting.check_hostname = False
    with Client(site.port) as client:
        client.socket = trusting.wrap_socket(client.socket)
        assert client.get("/").status == 404
        site.reload("says the same")
        certify(site.files[0].parent)
        line = site.reload("is in effect")
        assert "listener public: certificate: panolb.test, valid until" in line
        assert "new connections get it" in line
        assert client.get("/").status == 404
    assert site.shown() == site.files[1].read_text() != first
    site.reload("says the same")


def test_half_renewed(site: Site) -> None:
    """A key without its certificate is refused, and the old pair goes on; when both are there, they are taken."""
    first, old = site.shown(), site.files[1].read_bytes()
    certify(site.files[0].parent)
    new = site.files[1].read_bytes()
    site.files[1].write_bytes(old)
    assert "listener.public.endpoint" in site.reload("nothing has changed")
    assert site.shown() == first
    site.files[1].write_bytes(new)
    site.reload("is in effect")
    assert site.shown() == new.decode()
