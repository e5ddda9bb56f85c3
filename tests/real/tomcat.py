"""A private Tomcat 10 that serves Debian's examples application, and some probes of ours, under ``/panopticon``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.harness.certificate import Authority
from tests.harness.waiting import ADDRESS, free_port

from .process import ServerProcess, answers

HOME = Path("/usr/share/tomcat10")
EXAMPLES = Path("/usr/share/tomcat10-examples/examples")
SETTINGS = HOME / "etc"
PROBES = Path(__file__).parent / "probe"

# Debian's connector, but for continueResponseTiming: "100 Continue" comes when the application reads, not before it ran.
SERVER_XML = """\
<Server port="-1">
  <Service name="Catalina">
    <Connector port="{port}" address={address} protocol="HTTP/1.1" connectionTimeout="20000"
               maxKeepAliveRequests="100" continueResponseTiming="onRead" />
    {secure}
    <Engine name="Catalina" defaultHost="localhost" jvmRoute={route}>
      <Valve className="org.apache.catalina.valves.HealthCheckValve" />
      {remote_ip}
      <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false">
        <Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs" prefix="access"
               suffix=".log" rotatable="false" buffered="false" pattern="%t &quot;%r&quot; %s %b" />
      </Host>
    </Engine>
  </Service>
</Server>
"""
# As in docs/tls-members.rst, and for clients that show a certificate.
SECURE_CONNECTOR = """\
<Connector port="{port}" address={address} protocol="HTTP/1.1" connectionTimeout="20000" maxKeepAliveRequests="100"
           SSLEnabled="true" scheme="https" secure="true">
      <SSLHostConfig certificateVerification="required" protocols="{protocols}"
                     truststoreFile={trusted} truststorePassword="changeit" truststoreType="PKCS12">
        <Certificate certificateFile={certificate} certificateKeyFile={key} type="EC" />
      </SSLHostConfig>
    </Connector>"""
REMOTE_IP_VALVE = (
    '<Valve className="org.apache.catalina.valves.RemoteIpValve"'
    ' hostHeader="X-Forwarded-Host" portHeader="X-Forwarded-Port" />'
)
# In place of the package's META-INF/context.xml, which wants SameSite=Strict and admits the loopback address only.
CONTEXT_XML = """\
<Context docBase={examples}>
  <Resources>
    <PostResources className="org.apache.catalina.webresources.DirResourceSet" base={probes}
                   webAppMount="/probe" readOnly="true" />
  </Resources>
  <CookieProcessor sameSiteCookies="lax" />
</Context>
"""


def missing() -> str | None:
    """What this machine lacks to run a Tomcat, or None."""
    if shutil.which("java") is None:
        return "no java on the PATH (Debian: tomcat10)"
    for path in (HOME / "bin" / "catalina.sh", SETTINGS / "web.xml"):
        if not path.exists():
            return f"no {path} (Debian: tomcat10)"
    if not EXAMPLES.is_dir():
        return f"no {EXAMPLES} (Debian: tomcat10-examples)"
    return None


class Tomcat(ServerProcess):
    """One member: its route is the ``jvmRoute``, its port stays the same over a restart."""

    def __init__(self, route: str, directory: Path, *, remote_ip: bool = False, secure: str = "") -> None:
        """Build the ``CATALINA_BASE``; ``remote_ip`` adds the RemoteIpValve, so that X-Forwarded-* count.

        :param secure: one more connector.
        """
        super().__init__(f"tomcat-{route}", directory)
        self.route = route
        self.port = free_port()
        for name in ("conf/Catalina/localhost", "logs", "temp", "webapps", "work"):
            (directory / name).mkdir(parents=True)
        server = SERVER_XML.format(
            port=self.port,
            address=quoteattr(ADDRESS),
            route=quoteattr(route),
            remote_ip=REMOTE_IP_VALVE if remote_ip else "",
            secure=secure,
        )
        context = CONTEXT_XML.format(examples=quoteattr(str(EXAMPLES)), probes=quoteattr(str(PROBES)))
        (directory / "conf/server.xml").write_text(server)
        (directory / "conf/Catalina/localhost/panopticon.xml").write_text(context)
        shutil.copy(SETTINGS / "web.xml", directory / "conf")

    @property
    def url(self) -> str:
        """What a balancer has to be told."""
        return f"http://{ADDRESS}:{self.port}/panopticon"

    def command(self) -> list[str]:
        return [str(HOME / "bin" / "catalina.sh"), "run"]

    def environment(self) -> Mapping[str, str]:
        java = Path(os.path.realpath(shutil.which("java") or "java"))
        return {
            "JRE_HOME": str(java.parent.parent),
            "CATALINA_HOME": str(HOME),
            "CATALINA_BASE": str(self.directory),
            "CATALINA_OPTS": f"-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "
            f"-Djava.awt.headless=true -Dpanopticon.route={self.route}",
        }

    def ready(self) -> bool:
        return answers(self.port, "/panopticon/", (200, 302))

    def accesses(self) -> list[str]:
        """The lines of its access log; Tomcat writes the last ones when it stops."""
        path = self.directory / "logs" / "access.log"
        return path.read_text().splitlines() if path.exists() else []

    def logs(self) -> list[Path]:
        return [self.output, self.directory / "logs" / "access.log"]


class SecureTomcat(Tomcat):
    """A member whose balancer reaches it over TLS only, with a certificate of the same authority.

    :param protocols: the versions of TLS that it speaks, in Tomcat's words.
    """

    def __init__(self, route: str, directory: Path, authority: Authority, protocols: str) -> None:
        self.secure_port = free_port()
        key, certificate = authority.issue(f"tomcat-{route}", names=["localhost"], address=False)
        connector = SECURE_CONNECTOR.format(
            port=self.secure_port,
            address=quoteattr(ADDRESS),
            trusted=quoteattr(str(_trusting(authority))),
            certificate=quoteattr(str(certificate)),
            key=quoteattr(str(key)),
            protocols=protocols,
        )
        super().__init__(route, directory, remote_ip=True, secure=connector)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.secure_port}/panopticon"


def _trusting(authority: Authority) -> Path:
    """What has Java trust an authority."""
    store = authority.certificate.with_suffix(".p12")
    if not store.exists():
        keytool = ["keytool", "-importcert", "-noprompt", "-file", str(authority.certificate)]
        keytool += ["-keystore", str(store), "-storetype", "PKCS12", "-storepass", "changeit"]
        subprocess.run(keytool, check=True, capture_output=True)
    return store


Members = dict[str, Tomcat]
"""The members of a cluster by route."""
