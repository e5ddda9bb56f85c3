"""Workers begin, and serve, whatever has become of certificates and other files since the supervisor has read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.harness.waiting import ADDRESS, until
from tests.workers.securelab import HOST, SecureSite, Unprivileged, running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SecureSite]:
    """One for each test."""
    with running(SecureSite(tmp_path)) as made:
        yield made


def test_successors_of_the_dead(site: SecureSite) -> None:
    """They show what the others do, know clients and members as the others do; what is put right is shown by all."""
    (site.directory / "dash.pem").write_bytes(b"a certificate, half of it")
    (site.directory / "dash.key").unlink()
    (site.directory / "staff.pem").unlink()
    site.until_logged("PLB-1702")
    site.replace_workers()
    assert site.is_shown(site.first)
    site.serve()

    wish = {"url": f"https://{ADDRESS}:{site.addable.port}", "route": "2"}
    status, told = site.control.post("/api/v1/balancers/safe/members", wish)
    assert status < 300, told  # what is wrong with a listener's files is not in its way
    shutil.rmtree(site.directory / "members")
    (site.directory / "own.pem").unlink()
    (site.directory / "none.html").unlink()
    (site.directory / "own.key").write_bytes(b"")
    site.replace_workers()
    assert site.is_shown(site.first)
    site.control.post("/api/v1/members/safe/1", {"state": "disabled"})
    until(lambda: site.curl(HOST, "/safe").endswith("addable"), "all to be sent to the other member")
    site.control.post("/api/v1/members/safe/1", {"state": "active"})
    site.control.post("/api/v1/members/safe/2", {"state": "disabled"})
    until(lambda: site.curl(HOST, "/safe").endswith("safe"), "all to be sent to the first one")
    site.serve()

    renewed = site.renew()
    site.until_logged("PLB-1701")
    until(lambda: site.is_shown(renewed), "all to show it")
    site.replace_workers()
    assert site.is_shown(renewed)
    site.serve()
    assert len(site.panolb.lines("PLB-1701")) == 1
    assert len(site.panolb.lines("PLB-1702")) == 1
    assert "PRIVATE KEY" not in site.panolb.log


def test_another_authority_of_members(site: SecureSite) -> None:
    """A reload has all workers go by it; one that cannot be used is refused, and not even workers that begin later see it."""
    site.trust_others()
    site.reload("is in effect")
    site.serve()
    (site.directory / "members" / "one.pem").write_bytes(b"a certificate, half of it")
    site.reload("was not reloaded")
    site.replace_workers()
    site.serve()


def nobody_can_run_panolb() -> bool:
    """Whether a user without rights can, and whether this one can become it."""
    if not hasattr(os, "getuid") or os.getuid():
        return False
    path = os.pathsep.join(sys.path)
    call = [sys.executable, "-c", "import panolb.tap"]
    try:
        subprocess.run(call, user="nobody", group="nogroup", env={"PYTHONPATH": path}, check=True)
    except (OSError, LookupError, subprocess.CalledProcessError):
        return False
    return True


def test_keys_that_only_root_can_read() -> None:
    """They are read before twistd becomes another user; workers have never been root."""
    if not nobody_can_run_panolb():
        pytest.skip("needs to be root, and a Python that others may run")
    with TemporaryDirectory(prefix="panolb-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        site = SecureSite(directory, Unprivileged)
        for key in ("dash.key", "own.key"):
            (directory / key).chmod(0o600)
        with running(site):
            assert {Path(f"/proc/{pid}").owner() for pid in site.pids} == {"nobody"}
            site.serve()
            site.replace_workers()
            assert site.is_shown(site.first)
            site.serve()
            renewed = site.renew()  # into the same files, which are still root's
            assert "dash.key cannot be read" in site.until_logged("PLB-1702")
            site.replace_workers()
            assert site.is_shown(site.first)
            (directory / "dash.key").unlink()
            (directory / "dash.key").write_bytes(renewed.key_pem)
            site.until_logged("PLB-1701")
            until(lambda: site.is_shown(renewed), "all to show it")
            site.serve()
