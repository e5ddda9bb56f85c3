"""Certificates that are renewed while users are there, and renewals that went wrong."""

from __future__ import annotations

import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.harness.waiting import ADDRESS, PATIENCE, until

from .authority import Authority, Issued
from .site import Site

HOST = "dash.example.org"
CERTIFICATE = """\

[listener.public.certificate]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"
"""


@pytest.fixture
def site(tmp_path: Path, authority: Authority) -> Iterator[Site]:
    """One that shows a certificate."""
    authority.host(HOST).save(tmp_path, "dash")
    with Site(tmp_path, authority, CERTIFICATE) as made:
        yield made


def shown(site: Site) -> str:
    """The certificate that a new client sees."""
    return ssl.get_server_certificate((ADDRESS, site.port))


def own(issued: Issued) -> str:
    """The same as a client sees it."""
    return issued.pem.decode().partition("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"


class Load:
    """Clients that ask without end, each on a connection of its own or on a kept one.

    :ivar served: how many requests were answered.
    :ivar failures: what went wrong.
    """

    def __init__(self, site: Site) -> None:
        self.served = 0
        self.failures: list[BaseException] = []
        self._site = site
        self._end = threading.Event()
        self._trusting = ssl.create_default_context(cafile=str(site.authority.root))
        self._trusting.check_hostname = False

    def run(self, keep: bool) -> None:
        """Until it is ended."""
        connection = self._connect()
        try:
            while not self._end.is_set():
                connection.request("GET", "/", headers={"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.served += 1
                if not keep:
                    connection.close()
                    connection = self._connect()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells of it
            self.failures.append(error)
        connection.close()

    def _connect(self) -> HTTPSConnection:
        return HTTPSConnection(ADDRESS, self._site.port, timeout=PATIENCE, context=self._trusting)

    def has_served(self, number: int) -> bool:
        """Whether so many requests were answered."""
        return self.served >= number

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """From here to the end of the block; then nothing may have failed."""
        threads = [threading.Thread(target=self.run, args=(keep,)) for keep in (False, False, True, True)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join()
        assert not self.failures, self.failures


def test_renewals_under_load(site: Site) -> None:
    """Three of them, as certbot makes them: no request fails, and who comes next sees the new one."""
    load = Load(site)
    with load.going_on():
        for number in range(1, 4):
            until(partial(load.has_served, 50 * number), "requests")
            renewed = site.authority.host(HOST)
            renewed.save(site.directory, "dash")
            line = site.until_logged("PLB-1701", number)
            assert f"{renewed.fingerprint[:8]}; new connections get it" in line
            assert shown(site) == own(renewed)


def test_workers(tmp_path: Path, authority: Authority) -> None:
    """All of them show the new one; one of them says so for all."""
    authority.host(HOST).save(tmp_path, "dash")
    site = Site(tmp_path, authority, CERTIFICATE)
    site.panolb.file.write_text("workers = 2\n" + site.panolb.file.read_text())
    with site:
        site.until_logged("PLB-1801", 2)
        load = Load(site)
        with load.going_on():
            until(partial(load.has_served, 50), "requests")
            renewed = site.authority.host(HOST)
            renewed.save(site.directory, "dash")
            site.until_logged("PLB-1701")
            until(lambda: {shown(site) for _ in range(20)} == {own(renewed)}, "all workers to show it")
        assert len(site.panolb.lines("PLB-1701")) == 1


def test_replaced_by_a_link(site: Site) -> None:
    """Certbot's live directory has links, and the new file the same size, if need be."""
    renewed = site.authority.host(HOST)
    archive = site.directory / "archive"
    archive.mkdir()
    renewed.save(archive, "dash")
    for name in ("dash.pem", "dash.key"):
        (site.directory / name).unlink()
        (site.directory / name).symlink_to(archive / name)
    site.until_logged("PLB-1701")
    assert shown(site) == own(renewed)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("dash.pem", b"no certificate\n", "has no certificate in PEM in it"),
        ("dash.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        ("dash.key", b"", "has no private key in it"),
        ("dash.key", None, "cannot be read: No such file or directory"),
    ],
)
def test_broken(site: Site, file: str, content: bytes | None, words: str) -> None:
    """The line says which file of which listener and why; clients notice nothing, and what is put right is taken."""
    before = shown(site)
    path = site.directory / file
    path.unlink() if content is None else path.write_bytes(content)
    line = site.until_logged("PLB-1702")
    assert words in line
    assert "listener public" in line
    assert str(path) in line
    assert shown(site) == before
    renewed = site.authority.host(HOST)
    renewed.save(site.directory, "dash")
    site.until_logged("PLB-1701")
    assert shown(site) == own(renewed)
    assert len(site.panolb.lines("PLB-1702")) == 1


def test_another_ones_key(site: Site) -> None:
    """The old pair stays until both are there."""
    before = shown(site)
    renewed = site.authority.host(HOST)
    (site.directory / "dash.pem").write_bytes(renewed.pem)
    assert "is not that of the certificate in" in site.until_logged("PLB-1702")
    assert shown(site) == before
    (site.directory / "dash.key").write_bytes(renewed.key_pem)
    site.until_logged("PLB-1701")
    assert shown(site) == own(renewed)


def test_a_directory_in_its_place(site: Site) -> None:
    """Whatever stands there, the listener goes on."""
    before = shown(site)
    (site.directory / "dash.pem").unlink()
    (site.directory / "dash.pem").mkdir()
    site.until_logged("PLB-1702")
    assert shown(site) == before
    shutil.rmtree(site.directory / "dash.pem")


def test_what_expires(tmp_path: Path, authority: Authority) -> None:
    """It is told at the start, and of a renewed one at once; an expired one does not keep the others from starting."""
    authority.host(HOST, days=10).save(tmp_path, "dash")
    authority.host("old.example.org", days=-3).save(tmp_path, "old")
    two = CERTIFICATE.replace("[listener.public.certificate]", "[[listener.public.certificate]]")
    with Site(tmp_path, authority, two + two.replace("dash.", "old.")) as site:
        lines = site.panolb.lines("PLB-1703")
        assert [
            f"certificate {name}, valid until" in line
            for name, line in zip((HOST, "old.example.org"), lines, strict=True)
        ]
        assert "should have been renewed by now" in lines[0]
        assert "clients refuse it: renew it" in lines[1]
        assert site.curl(HOST).startswith("HTTP/1.1 200")
