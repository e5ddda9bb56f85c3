"""The balancers that the table is run against: Apache httpd, nginx and HAProxy, each with a minimal configuration.

All keep their connections to the member, since that is where one client's bytes could become another one's request.
Their time limits are a second, so that a row that makes them wait is over soon.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.apache import peers as apache_peers
from tests.apache.text import PREAMBLE
from tests.harness.waiting import ADDRESS, free_port
from tests.real.process import ServerProcess

APACHE = """\
LoadModule reqtimeout_module modules/mod_reqtimeout.so
RequestReadTimeout header=1 body=1
Timeout 1
ProxyPreserveHost On
ProxyPass /app http://{address}:{member}/app
"""
NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_header_timeout 1s;
    client_body_timeout 1s;
    upstream members {{ server {address}:{member}; keepalive 8; }}
    server {{
        listen {address}:{port};
        location /app {{
            proxy_pass http://members;
            proxy_http_version 1.1;
            proxy_read_timeout 1s;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
HAPROXY = """\
defaults
    mode http
    timeout http-request 1s
    timeout client 1s
    timeout server 1s
    timeout connect 5s
    http-reuse always

frontend public
    bind {address}:{port}
    use_backend members if {{ path_beg /app }}

backend members
    server one {address}:{member}
"""


class Peer(ServerProcess):
    """A balancer with a file of its own.

    :param command: the program and its arguments, given that file.
    """

    def __init__(
        self, name: str, directory: Path, text: str, member: int, command: Callable[[Path], list[str]]
    ) -> None:
        super().__init__(name, directory)
        self.port = free_port()
        self._file = directory / f"{name}.conf"
        self._file.write_text(text.format(address=ADDRESS, port=self.port, member=member))
        self._command = command

    def command(self) -> list[str]:
        return self._command(self._file)

    def ready(self) -> bool:
        with socket.create_connection((ADDRESS, self.port), timeout=5):
            return True


def start(name: str, directory: Path, member: int) -> Peer | apache_peers.Apache:
    """Start a peer in front of the member on that port of this machine."""
    peer: Peer | apache_peers.Apache
    if name == "apache":
        peer = apache_peers.Apache(directory, PREAMBLE + APACHE.format(address=ADDRESS, member=member))
    elif name == "nginx":
        peer = Peer(
            name, directory, NGINX, member, lambda file: ["nginx", "-p", str(file.parent), "-c", str(file)]
        )
    else:
        peer = Peer(name, directory, HAPROXY, member, lambda file: ["haproxy", "-f", str(file)])
    peer.start()
    return peer


TITLES = {"apache": "Apache httpd", "nginx": "nginx", "haproxy": "HAProxy"}
PROGRAMS = {"apache": ("apache2", "-v"), "nginx": ("nginx", "-v"), "haproxy": ("haproxy", "-v")}


def version(name: str) -> str | None:
    """The version of an installed peer, as in 2.4.62; ``None`` where it is not installed."""
    program, option = PROGRAMS[name]
    if shutil.which(program) is None:
        return None
    said = subprocess.run([program, option], capture_output=True, check=True, text=True)
    match = re.search(r"(?:Apache/|nginx/|version )([0-9][^\s]*)", said.stdout + said.stderr)
    assert match is not None, said
    return match[1]
