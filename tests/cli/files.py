"""A panolb that was started with a TOML file, or with an httpd.conf; the operator has the same verbs for both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.shell import Shell
from tests.harness.control import Control
from tests.harness.process import TWISTD, Panolb
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import RawMember

TOML = """\
# The members of the house.
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
stickysession = "ROUTEID"

[[balancer.app.member]]
url = "http://{address}:{first}"
route = "1"
loadfactor = 2

[[balancer.app.member]]
url = "http://{address}:{second}"  # the new machine
route = "2"

[[location]]
path = "/"
balancer = "app"

[control]
socket = "{socket}"
state_file = "{state}"
"""

HTTPD = """\
# The members of the house.
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
Listen {address}:{port}
<Proxy balancer://app>
    BalancerMember http://{address}:{first} route=1 loadfactor=2
    BalancerMember http://{address}:{second} route=2
    ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass / balancer://app/
"""

WEIGHTS: Mapping[str, tuple[str, str]] = {
    "toml": ("loadfactor = 2", "loadfactor = 5"),
    "httpd": ("loadfactor=2", "loadfactor=5"),
}
"""How the weight of the first member stands in the file, and how it does when it is 5."""


class Place(Panolb):
    """A running panolb and its operator.

    :ivar kind: ``toml`` or ``httpd``.
    :ivar members: by route.
    """

    def __init__(self, directory: Path, short: str, kind: str) -> None:
        self.kind = kind
        self.members = {"1": RawMember(), "2": RawMember()}
        self.port = free_port()
        self.socket = f"{short}/control"
        self.state = directory / "state.json"
        text = (TOML if kind == "toml" else HTTPD).format(
            address=ADDRESS,
            port=self.port,
            first=self.members["1"].port,
            second=self.members["2"].port,
            socket=self.socket,
            state=self.state,
        )
        super().__init__(directory, text, ())
        if kind == "httpd":
            self.file = self.file.rename(directory / "httpd.conf")
        self.control = Control(self.socket)
        self.shell = Shell(self.socket, directory)

    @property
    def command(self) -> list[str]:
        if self.kind == "toml":
            return super().command
        return [*TWISTD, f"--httpd-conf={self.file}", f"--control={self.socket}", f"--state={self.state}"]

    def begin(self) -> None:
        """Until it can be asked."""
        self.launch()
        until(self._answers, "the control API")

    def _answers(self) -> bool:
        ended = self.process.poll()
        assert ended is None, f"panolb ended with {ended}:\n{self.tail()}"
        return bool(self.control.get("/api/v1/members"))

    def edited(self, old: str, new: str) -> str:
        """The file with one passage otherwise."""
        text = self.file.read_text()
        assert text.count(old) == 1, text
        return text.replace(old, new)

    def other(self, text: str) -> Path:
        """Another file of the same kind."""
        file = self.directory / f"other{self.file.suffix}"
        file.write_text(text)
        return file


@contextmanager
def placed(directory: Path, kind: str) -> Iterator[Place]:
    """A place where panolb runs, and is healthy to the end."""
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        place = Place(directory, short, kind)
        try:
            place.begin()
            yield place
            place.stop()
        finally:
            place.close()
            for member in place.members.values():
                member.close()
