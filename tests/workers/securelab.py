"""Two workers that speak TLS to clients, and to a member that asks them for a certificate."""

from __future__ import annotations

import shutil
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import certificate
from tests.harness.control import Control
from tests.harness.process import Panolb
from tests.harness.securemember import SecureMember
from tests.harness.waiting import ADDRESS, until
from tests.tls.authority import Authority, Issued, person
from tests.tls.site import LOCATION, Site
from tests.workers.lab import NUMBER, SLOW, STARTED, kill

HOST = "dash.example.org"
LISTENER = """\

[listener.public.certificate]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"

[listener.public.tls]
client_certificate = "optional"
client_ca = "{directory}/staff.pem"

"""
MORE = """\
[control]
socket = "{directory}/control"

[balancer.safe]
retry = "0s"
tls_ca = "{directory}/members"
tls_certificate = "{directory}/own.pem"
tls_key = "{directory}/own.key"

[[balancer.safe.member]]
url = "https://%s:%d"
route = "1"
"""
LOCATIONS = (
    LOCATION
    + """
[[location]]
path = "/safe"
balancer = "safe"

[[location]]
path = "/none"
status = 404
error_pages.404 = "file:{directory}/none.html"
"""
)


class Unprivileged(Panolb):
    """One that is root's until it has read its files and opened its listeners; the workers never are."""

    @property
    def command(self) -> list[str]:
        call = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--pidfile=", "-n"]
        return [*call, "--uid=nobody", "--gid=nogroup", "panolb", "--config", str(self.file)]


class SecureSite(Site):
    """It, and all that it needs.

    :ivar first: the certificate that it shows at first.
    :ivar ada: a client's certificate; the key is beside it.
    :ivar safe: the member over TLS.
    :ivar addable: one that is not configured.
    """

    def __init__(self, directory: Path, kind: type[Panolb] = Panolb) -> None:
        authority = Authority(directory, "authority")
        self.first = authority.host(HOST)
        self.first.save(directory, "dash")
        shutil.copy(authority.root, directory / "staff.pem")
        self.ada = authority.client(person("Ada")).save(directory, "ada")
        members = certificate.Authority(directory, "members authority")
        (directory / "members").mkdir()
        shutil.copy(members.certificate, directory / "members" / "one.pem")
        members.issue("own", address=False)
        (directory / "none.html").write_text("Nothing here.")
        self.safe = SecureMember("safe", members.issue("safe"), members.certificate)
        self.addable = SecureMember("addable", members.issue("addable"), members.certificate)
        more = MORE % (ADDRESS, self.safe.port)
        super().__init__(directory, authority, LISTENER, more, LOCATIONS)
        self.panolb = kind(directory, f"workers = {NUMBER}\n{self.panolb.file.read_text()}", ())
        self.control = Control(str(directory / "control"))

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that were started, in that order."""
        return [int(line.partition(STARTED)[2].rstrip(")")) for line in self.panolb.lines(STARTED)]

    def have_started(self, number: int) -> None:
        """Wait until so many workers have begun in all."""
        until(lambda: len(self.pids) >= number, f"{number} workers to accept clients", seconds=SLOW)

    def replace_workers(self) -> None:
        """Kill both, one after the other, and wait for those that take their places."""
        started = len(self.pids)
        for number, pid in enumerate(self.pids[-NUMBER:], 1):
            kill(pid)
            self.have_started(started + number)

    def renew(self) -> Issued:
        """Put another certificate in the place of the present one; all other files are as at first."""
        renewed = self.authority.host(HOST)
        renewed.save(self.directory, "dash")
        shutil.copy(self.authority.root, self.directory / "staff.pem")
        return renewed

    def trust_others(self) -> None:
        """Have the member show a certificate of another authority, and write that and our own from there into our files."""
        members = certificate.Authority(self.directory, "other authority")
        shutil.copy(members.certificate, self.directory / "members" / "one.pem")
        members.issue("own", address=False)
        self.safe.context = self.safe.secured(members.issue("safe"), members.certificate)
        self.safe.hang_up()

    def reload(self, words: str) -> None:
        """Send SIGHUP, and wait for a line of the log with these words."""
        before = len(self.panolb.lines(words))
        self.panolb.process.send_signal(signal.SIGHUP)
        self.until_logged(words, before + 1)

    def is_shown(self, issued: Issued) -> bool:
        """Whether a certificate is what all of many clients see: each worker has some of these."""
        shown = {ssl.get_server_certificate((ADDRESS, self.port)) for _ in range(20)}
        own = issued.pem.decode().partition("-----END CERTIFICATE-----\n")[0]
        return shown == {own + "-----END CERTIFICATE-----\n"}

    def serve(self) -> None:
        """See that clients of both workers are known by their certificate, and reach the member that knows panolb by its own."""
        mine = "--cert", str(self.ada), "--key", str(self.ada.with_suffix(".key"))
        for _ in range(8):
            assert self.curl(HOST, "/safe").endswith("safe")
            assert self.curl(HOST, "/none").endswith("Nothing here.")
            assert self.told(HOST, *mine)["x-client-cert-verify"] == "SUCCESS"


@contextmanager
def running(site: SecureSite) -> Iterator[SecureSite]:
    """It, started; healthy to its end."""
    try:
        site.panolb.launch()
        site.have_started(NUMBER)
        yield site
        site.panolb.stop()
    finally:
        site.panolb.close()
        for member in (site.member, site.safe, site.addable):
            member.refuse()
