"""Systems that have no UNIX sockets: panolb runs there, but without a control API."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from twisted.internet.testing import MemoryReactor

import panolb.plugins
from panolb.config import toml
from panolb.control.registry import Registry
from panolb.control.surroundings import surrounding_problems

CONFIG = """
[listener.public]
endpoint = "tcp:0:interface=127.0.0.1"
[[location]]
path = "/"
redirect = "https://example.org/"
[control]
socket = "/nowhere/control.sock"
"""


def test_nothing_but_the_socket_needs_them() -> None:
    """Twisted's module for them cannot even be imported on Windows."""
    script = "import sys, panolb.tap; sys.exit('panolb.control.controlsocket' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_system_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is opened."""
    config = toml.loads(CONFIG, Registry(panolb.plugins).known)
    assert surrounding_problems(config, MemoryReactor()) == []
    monkeypatch.delattr(socket, "AF_UNIX")
    (problem,) = surrounding_problems(config, MemoryReactor())
    assert "this system has no UNIX sockets; take [control] away" in str(problem)
