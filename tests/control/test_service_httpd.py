"""``--control`` beside ``--httpd-conf``: an httpd.conf has no word for it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.harness.control import Control
from tests.harness.process import TWISTD, Panolb
from tests.harness.waiting import ADDRESS, free_port, until

CONF = """\
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
Listen {address}:{port}
ServerName app.example.org
<Proxy balancer://app>
    BalancerMember http://127.0.0.1:8080 route=1
    BalancerMember http://127.0.0.1:8081 route=2
</Proxy>
ProxyPass /app balancer://app
"""


class Started(Panolb):
    """``twistd -n panolb`` with any words behind it."""

    def __init__(self, directory: Path, *words: str) -> None:
        super().__init__(directory, "", ())
        self.words = words
        self.twistd: list[str] = []  # for itself

    @property
    def command(self) -> list[str]:
        return [*TWISTD[:-1], *self.twistd, TWISTD[-1], *self.words]


def test_control(tmp_path: Path) -> None:
    """The socket is at the path, relative to where the command is given, and drains the members of the file."""
    conf = tmp_path / "httpd.conf"
    conf.write_text(CONF.format(address=ADDRESS, port=free_port()))
    process = Started(tmp_path, f"--httpd-conf={conf}", "--control=control")
    try:
        process.launch()
        until(lambda: process.lines("control API: listening on"), "the control API")
        control = Control(str(tmp_path / "control"))
        assert control.post("/api/v1/members/app/2", {"state": "drain"})[1]["state"] == "drain"
        process.stop()
        assert not (tmp_path / "control").exists()
    finally:
        process.close()


def test_only_with_an_httpd_conf(tmp_path: Path) -> None:
    """A TOML file says it itself; and a path that no socket can have is said to be one."""
    for words, said in (
        (["--config=x.toml", "--control=/tmp/control"], "are for --httpd-conf"),
        ([f"--httpd-conf={tmp_path}/httpd.conf", "--control=/" + "long/" * 30], "at most 107 bytes"),
    ):
        (tmp_path / "httpd.conf").write_text(CONF.format(address=ADDRESS, port=free_port()))
        process = Started(tmp_path, *words)
        try:
            process.launch()
            assert process.wait() == 1
            assert process.lines(said), process.log
            assert "Traceback" not in process.log
        finally:
            process.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_the_socket_belongs_to_whom_panolb_runs_as(tmp_path: Path) -> None:
    """With --uid and --gid it is opened after the change, for that user's operators."""
    (tmp_path / "httpd.conf").write_text(CONF.format(address=ADDRESS, port=free_port()))
    with TemporaryDirectory(prefix="panolb-") as open_to_it:
        os.chown(open_to_it, 65534, 65534)
        path = f"{open_to_it}/control"
        process = Started(tmp_path, f"--httpd-conf={tmp_path}/httpd.conf", f"--control={path}")
        process.twistd = ["--uid=65534", "--gid=65534"]
        try:
            process.launch()
            until(lambda: Control(path).get("/api/v1/members"), "the control API to answer")
            found = os.stat(path)
            assert (found.st_uid, found.st_gid) == (65534, 65534)
            process.stop()
            assert not Path(path).exists()
        finally:
            process.close()
