"""A real Apache httpd and a real panolb, each a process that runs a given ``httpd.conf``."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import panolb
from tests.harness.process import TWISTD
from tests.harness.waiting import ADDRESS, free_port
from tests.real.process import ServerProcess

MODULES = Path("/usr/lib/apache2/modules")


class Peer(ServerProcess):
    """One balancer process.

    :param directory: its working directory and, as ``${ROOT}``, its ServerRoot.
    :param text: the configuration, which listens on ``${PORT}``.
    """

    death_signal: ClassVar[str] = "TERM"

    def __init__(self, name: str, directory: Path, text: str) -> None:
        super().__init__(name, directory)
        self.port = free_port()
        self.file = directory / "httpd.conf"
        self.file.write_text(text)
        modules = directory / "modules"
        if not modules.exists():
            modules.symlink_to(MODULES)

    @property
    def defines(self) -> dict[str, str]:
        """All that differs from one peer to the other."""
        return {"PORT": str(self.port), "ROOT": str(self.directory)}

    def ready(self) -> bool:
        with socket.create_connection((ADDRESS, self.port), timeout=5) as probe:
            probe.sendall(b"OPTIONS * HTTP/1.0\r\n\r\n")
            return bool(probe.recv(1))

    def complaints(self) -> list[str]:
        """Lines of its log that speak of a fault of its own."""
        return []

    def close(self) -> None:
        """End it in peace; a fault in its log, or a crash, fails the test."""
        try:
            if not self.alive:
                return
            self.signal(signal.SIGTERM)
            self.wait(15)
            complaints = self.complaints()
            assert not complaints, "\n".join([f"{self.name} has logged:", *complaints, self.tail(40)])
        finally:
            super().close()


class Apache(Peer):
    """Apache httpd in the foreground."""

    def __init__(self, directory: Path, text: str) -> None:
        super().__init__("apache", directory, text)

    def command(self) -> list[str]:
        # Only what -C says stands before the text, as ${PORT} must.
        defines = [
            word for name, value in self.defines.items() for word in ("-C", f'Define {name} "{value}"')
        ]
        return [str(shutil.which("apache2")), *defines, "-f", str(self.file), "-DFOREGROUND"]

    def logs(self) -> list[Path]:
        return [self.output, self.directory / "error.log"]

    def complaints(self) -> list[str]:
        log = self.directory / "error.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line for line in lines if re.search(r"exit signal (?!Terminated)", line)]


class Panolb(Peer):
    """panolb as operators run it; ``compat`` is its strict mode."""

    def __init__(self, directory: Path, text: str, *, compat: bool = False) -> None:
        super().__init__("compat" if compat else "panolb", directory, text)
        self.compat = compat

    def command(self) -> list[str]:
        defines = [f"--define={name}={value}" for name, value in self.defines.items()]
        strict = ["--apache-compat"] if self.compat else []
        return [*TWISTD, "--httpd-conf", str(self.file), *defines, *strict]

    def environment(self) -> Mapping[str, str]:
        path = [str(Path(panolb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return {"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONUNBUFFERED": "1"}

    def complaints(self) -> list[str]:
        lines = self.output.read_text(errors="replace").splitlines()
        return [line for line in lines if re.search(r"Traceback|[Uu]nhandled|#(error|critical)\]", line)]


NAMES = ("apache", "panolb", "compat")


def peer(name: str, directory: Path, text: str) -> Peer:
    """The peer of that name."""
    return Apache(directory, text) if name == "apache" else Panolb(directory, text, compat=name == "compat")


def missing() -> str | None:
    """What this machine lacks to run Apache, or None."""
    if shutil.which("apache2") is None:
        return "no apache2 on the PATH (Debian: apache2)"
    if not (MODULES / "mod_proxy_balancer.so").exists():
        return f"no modules in {MODULES}"
    return None
