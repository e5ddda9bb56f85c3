"""The peers: where each is found, its version, and how ``conf/`` becomes its configuration file.

Every peer listens on one port, forwards ``/panopticon`` to two members, keeps a browser on its member by the cookie
ROUTEID, adds the usual X-Forwarded headers and speaks WebSocket: one configuration each, for all measurements.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import resource
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import panolb as panolb_package
from bench.errors import BenchError
from bench.processes import Program
from bench.tls import Identity

HERE = Path(__file__).resolve().parent
TWISTD = "from twisted.scripts.twistd import run; run()"
APACHE_MODULES = (
    "mpm_event", "unixd", "log_config", "authz_core", "env", "headers", "slotmem_shm",
    "proxy", "proxy_http", "proxy_wstunnel", "proxy_balancer", "lbmethod_byrequests", "socache_shmcb", "ssl",
)  # fmt: skip
APACHE_MODULE_DIRECTORIES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2")
NOBODY = 65534


class Conf(string.Template):
    """A file of ``conf/``, where ``@{name}`` stands for a value: ``$`` belongs to nginx."""

    delimiter = "@"


def write_conf(template: str, work: Path, values: Mapping[str, object]) -> Path:
    """Fill ``conf/TEMPLATE`` in and write it into the work directory, readable for a server's own user."""
    text = Conf((HERE / "conf" / template).read_text(encoding="utf-8")).substitute(values, work=work)
    path = work / template
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a peer listens and what it stands in front of.

    :ivar tls: what it shows to clients that speak TLS; ``None`` for plain HTTP.
    :ivar tls_members: what its members show; ``None`` for plain HTTP.
    """

    work: Path
    port: int
    members: tuple[int, int]
    access_log: bool = False
    threads: int = 64
    tls: Identity | None = None
    tls_members: Identity | None = None

    def conf(self, template: str, **values: object) -> Path:
        """Write this peer's configuration file."""
        ports = {"port": self.port, "member1": self.members[0], "member2": self.members[1]}
        scheme = "http" if self.tls is None else "https"
        inner = "http" if self.tls_members is None else "https"
        return write_conf(template, self.work, {**ports, "scheme": scheme, "inner": inner, **values})

    def verified(self, text: str) -> str:
        """``text`` with what members must show in place of ``{}``, or nothing if they speak plain HTTP."""
        return "" if self.tls_members is None else text.format(self.tls_members.certificate)

    def secured(self, text: str) -> str:
        """``text`` with the files in place of their names, or nothing if clients speak plain HTTP."""
        if self.tls is None:
            return ""
        return text.format(certificate=self.tls.certificate, key=self.tls.key, both=self.tls.both)

    def log(self, text: str) -> str:
        """``text`` with the access log's path in place of ``{}``, or nothing if there is to be no access log."""
        return text.format(self.work / "access.log") if self.access_log else ""


@dataclass(frozen=True, slots=True)
class Peer:
    """A reverse proxy that can be measured."""

    name: str
    installed: Callable[[], bool]
    version: Callable[[], str]
    command: Callable[[Site], list[str]]

    def start(self, site: Site, core: int) -> Program:
        """Start it and wait until it listens; the caller ends it."""
        program = Program(
            self.name,
            self.command(site),
            core=core,
            log=site.work / f"{self.name}.log",
            python_path=os.pathsep.join(
                filter(None, [str(HERE.parent), str(HERE / "stock"), os.environ.get("PYTHONPATH", "")])
            ),
        )
        try:
            program.wait_until_listening(site.port)
        except BaseException:
            program.stop()
            raise
        return program


def last_word(*command: str) -> str:
    """What a program prints about its version, on whichever stream, first line only."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else ""


def apache_program() -> str:
    """Debian calls it apache2, most others httpd; empty if there is none."""
    return shutil.which("apache2") or shutil.which("httpd") or ""


def apache(site: Site) -> list[str]:
    """Load the modules that this build has not compiled in, and run in the foreground."""
    directory = next((d for d in APACHE_MODULE_DIRECTORIES if Path(d).is_dir()), None)
    if directory is None:
        raise BenchError("apache: its modules are in none of " + ", ".join(APACHE_MODULE_DIRECTORIES))
    modules = "\n".join(
        f"<IfModule !{name}_module>\n    LoadModule {name}_module {directory}/mod_{name}.so\n</IfModule>"
        for name in APACHE_MODULES
    )
    combined = r'CustomLog {} "%h %l %u %t \"%r\" %>s %O \"%{{Referer}}i\" \"%{{User-Agent}}i\""'
    path = site.conf(
        "apache.conf",
        modules=modules,
        user=f"User #{NOBODY}\nGroup #{NOBODY}" if os.geteuid() == 0 else "",
        threads=site.threads,
        access_log=site.log(combined),
        tls=site.secured(
            "SSLEngine on\n    SSLCertificateFile {certificate}\n    SSLCertificateKeyFile {key}"
        ),
        tls_members=site.verified(
            "SSLProxyEngine on\n    SSLProxyVerify require\n    SSLProxyCACertificateFile {}"
        ),
    )
    return [apache_program(), "-f", str(path), "-DFOREGROUND"]


def nginx(site: Site) -> list[str]:
    """As many connections as the limit of open files allows."""
    connections = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    access_log = site.log("access_log {} combined;") or "access_log off;"
    tls = (
        site.secured(
            " ssl;\n        ssl_certificate {certificate};\n        ssl_certificate_key {key};\n        ssl_protocols TLSv1.2 TLSv1.3"
        )
        + ";"
    )
    path = site.conf("nginx.conf", connections=connections, access_log=access_log, tls=tls)
    return ["nginx", "-c", str(path)]


def haproxy(site: Site) -> list[str]:
    """Every connection takes two descriptors, and HAProxy refuses to start if the limit does not hold them."""
    path = site.conf(
        "haproxy.cfg",
        maxconn=min(8000, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200) // 2),
        access_log=site.log("log stdout format raw local0"),
        log_format=site.log("log global\n    option httplog"),
        tls=site.secured(" ssl crt {both}"),
    )
    return ["haproxy", "-f", str(path)]


def caddy(site: Site) -> list[str]:
    """Its access log is JSON; it has no other format."""
    access_log = site.log("log {{\n\t\toutput file {}\n\t}}")
    path = site.conf("Caddyfile", access_log=access_log, tls=site.secured("tls {certificate} {key}"))
    return ["caddy", "run", "--config", str(path), "--adapter", "caddyfile"]


def panolb(site: Site) -> list[str]:
    """``twistd -n panolb`` of the Python that runs this, without a pid file."""
    certificate = site.secured('[[listener.public.certificate]]\nfile = "{certificate}"\nkey = "{key}"')
    return twistd(site, f"tcp:{site.port}:interface=127.0.0.1", certificate)


def stock(site: Site) -> list[str]:
    """The same with Twisted's own TLS, instead of panolb's; ``stock/`` has its endpoints."""
    if site.tls is None:
        raise BenchError("stock: Twisted's own TLS cannot be measured without --tls")
    files = site.secured("privateKey={key}:certKey={certificate}")
    return twistd(site, f"stocktls:{site.port}:{files}:interface=127.0.0.1", "secure = true")


def twistd(site: Site, endpoint: str, certificate: str) -> list[str]:
    """panolb with this endpoint."""
    path = site.conf(
        "panolb.toml",
        access_log=site.log('[access_log]\npath = "{}"'),
        endpoint=endpoint,
        certificate=certificate,
        tls_members=site.verified('tls_ca = "{}"\ntls_name = "localhost"'),
    )
    return [sys.executable, "-c", TWISTD, "--pidfile=", "-n", "panolb", "--config", str(path)]


def panolb_installed() -> bool:
    """Whether this Python could run it."""
    return bool(importlib.util.find_spec("panolb.tap")) and bool(importlib.util.find_spec("httptools"))


def panolb_version() -> str:
    """Of panolb and of what it runs on."""
    twisted, python = importlib.metadata.version("twisted"), platform.python_version()
    return f"panolb {panolb_package.__version__} (Twisted {twisted}, CPython {python})"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("panolb", panolb_installed, panolb_version, panolb),
        Peer(
            "apache",
            lambda: bool(apache_program()),
            lambda: last_word(apache_program(), "-v").removeprefix("Server version: "),
            apache,
        ),
        Peer(
            "nginx",
            lambda: bool(shutil.which("nginx")),
            lambda: last_word("nginx", "-v").removeprefix("nginx version: "),
            nginx,
        ),
        Peer(
            "haproxy",
            lambda: bool(shutil.which("haproxy")),
            lambda: " ".join(last_word("haproxy", "-v").split()[:3]).replace(" version", ""),
            haproxy,
        ),
        Peer(
            "caddy",
            lambda: bool(shutil.which("caddy")),
            lambda: "Caddy " + last_word("caddy", "version").split()[0],
            caddy,
        ),
    )
}

STOCK = Peer("stock", panolb_installed, lambda: "stock: panolb with Twisted's own TLS (ssl: endpoint)", stock)
"""Measured over TLS only."""
