"""The balancers under test: panolb as ``twistd -n panolb`` runs it, and Apache httpd as the peer that proves a test."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tests.harness.waiting import ADDRESS, free_port

from .process import ServerProcess, answers
from .tomcat import Tomcat

APACHE_MODULES = Path("/usr/lib/apache2/modules")
LOADED = (
    "mpm_event authz_core env headers proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm".split()
)

PANOLB_TOML = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.panopticoncluster]
stickysession = "{stickysession}"
lbmethod = "byrequests"
retry = "60s"
{balancer}

[balancer.panopticoncluster.cookie]
enabled = {cookie}

{members}
[balancer.panopticoncluster.health]
check = "{check}"
uri = "{uri}"
interval = "1s"
timeout = "2s"
fails = 2
passes = 1

[[location]]
path = "/panopticon"
balancer = "panopticoncluster"
{location}

[access_log]
path = "{access_log}"

[admin]
endpoint = "tcp:{admin_port}:interface={address}"

[control]
socket = "{control}"
"""
PANOLB_MEMBER = """\
[[balancer.panopticoncluster.member]]
url = "{url}"
route = "{route}"
"""

CHECKED = {"http": "/panopticon/", "websocket": "/panopticon/websocket/echoProgrammatic"}
"""What each kind of health check asks a member for."""

# The guide's configuration, with what a process of our own needs, and upgrade=websocket: without it nothing upgrades.
APACHE_CONF = """\
ServerRoot "{directory}"
DefaultRuntimeDir "{directory}"
PidFile "{directory}/httpd.pid"
ErrorLog "{directory}/error.log"
{modules}
<IfModule unixd_module>
    {user}
</IfModule>
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAliveTimeout 60
MaxKeepAliveRequests 0
Listen {address}:{port}
ServerName localhost
LogFormat "%h %l %u %t \\"%r\\" %>s %O %{{BALANCER_WORKER_ROUTE}}e" members
CustomLog "{access_log}" members
<VirtualHost *:{port}>
    ProxyPreserveHost On
    {cookie}
    <Proxy "balancer://panopticoncluster">
        {members}
        ProxySet stickysession={stickysession}
    </Proxy>
    ProxyPass /panopticon balancer://panopticoncluster
    ProxyPassReverse /panopticon balancer://panopticoncluster
</VirtualHost>
"""
APACHE_CHECK = "hcmethod=GET11 hcinterval=1 hcfails=2 timeout=10"
APACHE_COOKIE = (
    'Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
)


class Balancer(ServerProcess):
    """A balancer of these members at ``port``.

    Users stay by ``stickysession``, by the balancer's own cookie if ``cookie``; ``check`` is the kind of health check,
    where there are any.  ``location`` and ``balancer`` are further settings in panolb's words, which others ignore.
    """

    death_signal: ClassVar[str] = "TERM"

    def __init__(
        self,
        name: str,
        directory: Path,
        members: Sequence[Tomcat],
        *,
        stickysession: str = "ROUTEID",
        cookie: bool = True,
        check: str = "http",
        location: str = "",
        balancer: str = "",
    ) -> None:
        super().__init__(name, directory)
        self.members = members
        self.stickysession = stickysession
        self.cookie = cookie
        self.check = check
        self.port = free_port()
        self.access_log = directory / "access.log"

    def ready(self) -> bool:
        return answers(self.port, "/panopticon/", (200, 302))

    def states(self) -> dict[str, str]:
        """What the balancer itself says of its members: route -> "up", "down", "error" and so on."""
        raise NotImplementedError

    def complaints(self) -> list[str]:
        """Lines of its log that speak of a fault of its own, whatever its users saw."""
        return []


class StartBalancer(Protocol):
    """Starts a balancer of the test's own, which may meet members that die."""

    def __call__(
        self,
        *,
        stickysession: str = "ROUTEID",
        cookie: bool = True,
        check: str = "http",
        location: str = "",
        balancer: str = "",
    ) -> Balancer: ...


class Panolb(Balancer):
    """``twistd -n panolb --config FILE``, with the same interpreter and the same panolb as the tests."""

    def __init__(
        self,
        directory: Path,
        members: Sequence[Tomcat],
        *,
        stickysession: str = "ROUTEID",
        cookie: bool = True,
        check: str = "http",
        location: str = "",
        balancer: str = "",
    ) -> None:
        super().__init__(
            "panolb", directory, members, stickysession=stickysession, cookie=cookie, check=check
        )
        self.admin_port = free_port()
        self.control = directory / "control.sock"
        self.config = directory / "panolb.toml"
        self.config.write_text(
            PANOLB_TOML.format(
                address=ADDRESS,
                port=self.port,
                admin_port=self.admin_port,
                access_log=self.access_log,
                stickysession=stickysession,
                cookie="true" if cookie else "false",
                check=check,
                uri=CHECKED[check],
                location=location,
                balancer=balancer,
                control=self.control,
                members="\n".join(PANOLB_MEMBER.format(url=m.url, route=m.route) for m in members),
            )
        )

    def command(self) -> list[str]:
        script = Path(sys.executable).parent / "twistd"
        twistd = (
            [sys.executable, str(script)]
            if script.exists()
            else [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
        )
        return [*twistd, "-n", "panolb", "--config", str(self.config)]

    def environment(self) -> Mapping[str, str]:
        """Our own search path, made absolute, because the process runs in another directory."""
        path = [
            os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry
        ]
        found = importlib.util.find_spec("panolb")
        if found is not None and found.origin is not None:
            path.insert(0, str(Path(found.origin).parents[1]))
        return {"PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}

    def logs(self) -> list[Path]:
        return [self.output, self.access_log]

    def set_state(self, route: str, state: str, close_websockets: bool) -> dict[str, Any]:
        """Use the control API as an operator does, with curl; returns the member as it is now."""
        wish = json.dumps({"state": state, "close_websockets": close_websockets})
        url = f"http://panolb/api/v1/members/panopticoncluster/{route}"
        curl = [
            "curl",
            "-sS",
            "--fail-with-body",
            "--unix-socket",
            str(self.control),
            "-X",
            "POST",
            "-d",
            wish,
            url,
        ]
        done = subprocess.run(curl, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        member: dict[str, Any] = json.loads(done.stdout)
        return member

    def complaints(self) -> list[str]:
        lines = self.output.read_text(errors="replace").splitlines()
        return [line for line in lines if re.search(r"Traceback|[Uu]nhandled|#(error|critical)\]", line)]

    def states(self) -> dict[str, str]:
        connection = http.client.HTTPConnection(ADDRESS, self.admin_port, timeout=5)
        try:
            connection.request("GET", "/status.json")
            answer = connection.getresponse()
            assert answer.status == 200, f"/status.json answered {answer.status}"
            status = json.loads(answer.read())
        finally:
            connection.close()
        return {
            str(member["route"]): str(member["state"])
            for balancer in status["balancers"]
            for member in balancer["members"]
        }


def httpd_conf(balancer: Balancer, directory: Path, check: str = "", modules: Sequence[str] = LOADED) -> str:
    """The guide's configuration for these members.

    :param check: member parameters of a health check; a module for them has to be among ``modules``.
    """
    return APACHE_CONF.format(
        directory=directory,
        access_log=balancer.access_log,
        address=ADDRESS,
        port=balancer.port,
        modules="\n".join(f'LoadModule {name}_module "{APACHE_MODULES}/mod_{name}.so"' for name in modules),
        user="User www-data\n    Group www-data" if os.geteuid() == 0 else "",
        cookie=APACHE_COOKIE if balancer.cookie else "",
        members="\n        ".join(
            f'BalancerMember "{m.url}" route={m.route} upgrade=websocket {check}' for m in balancer.members
        ),
        stickysession=balancer.stickysession,
    )


class PanolbAsApache(Panolb):
    """``twistd -n panolb --httpd-conf FILE`` with the file that Apache gets, and Apache's health checks."""

    def __init__(self, directory: Path, members: Sequence[Tomcat], **options: Any) -> None:
        super().__init__(directory, members, **options)
        self.config = directory / "httpd.conf"
        self.config.write_text(
            httpd_conf(self, directory, APACHE_CHECK, (*LOADED, "watchdog", "proxy_hcheck"))
        )

    def command(self) -> list[str]:
        *twistd, _, _ = super().command()
        admin = f"tcp:{self.admin_port}:interface={ADDRESS}"
        options = ["--admin", admin, "--control", str(self.control)]
        return [*twistd, "--httpd-conf", str(self.config), *options]


class Apache(Balancer):
    """Apache httpd in the foreground with the guide's configuration and ``upgrade=websocket``."""

    def __init__(
        self,
        directory: Path,
        members: Sequence[Tomcat],
        *,
        stickysession: str = "ROUTEID",
        cookie: bool = True,
        check: str = "http",
        location: str = "",
        balancer: str = "",
    ) -> None:
        super().__init__(
            "apache", directory, members, stickysession=stickysession, cookie=cookie, check=check
        )
        self.config = directory / "httpd.conf"
        self.config.write_text(httpd_conf(self, directory))

    def command(self) -> list[str]:
        return [str(shutil.which("apache2")), "-f", str(self.config), "-DFOREGROUND"]

    def logs(self) -> list[Path]:
        return [self.output, self.directory / "error.log", self.access_log]


PEERS: dict[str, type[Panolb] | type[Apache]] = {
    "panolb": Panolb,
    "httpd-conf": PanolbAsApache,
    "apache": Apache,
}


def missing(peer: str) -> str | None:
    """What this machine lacks to run that peer, or None."""
    if peer == "apache":
        if shutil.which("apache2") is None:
            return "no apache2 on the PATH (Debian: apache2)"
        for name in LOADED:
            if not (APACHE_MODULES / f"mod_{name}.so").exists():
                return f"no mod_{name} in {APACHE_MODULES}"
        return None
    return None
