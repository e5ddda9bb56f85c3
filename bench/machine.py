"""The machine that the figures come from: what a reader needs in order to compare them with his own."""

from __future__ import annotations

import os
import platform
import resource
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core does what.

    :param load: load generator and members.
    :param proxy: what is measured.
    """

    load: int
    proxy: int

    @property
    def apart(self) -> bool:
        """False on a machine with one core, where the figures are worth less."""
        return self.load != self.proxy


def cores() -> Cores:
    """The first core that we may use for the load and the last for the proxy."""
    ours = sorted(os.sched_getaffinity(0))
    return Cores(ours[0], ours[-1])


def busy_seconds(core: int) -> float:
    """How long this core has worked for processes, or has been withheld from us by a hypervisor (proc(5), stat)."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, _, _, steal, *_ = map(int, ticks)
            return (user + nice + system + steal) / os.sysconf("SC_CLK_TCK")
    raise LookupError(core)


def raise_descriptor_limit() -> int:
    """Allow as many open files as the hard limit says; return how many. Programs started later inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def processor() -> str:
    """The processor's name as the kernel knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def description() -> str:
    """One line: processor, number of cores, kernel, date (UTC)."""
    count = os.cpu_count() or 1
    return (
        f"{processor()}, {count} core{'s' if count > 1 else ''}, Linux {platform.release()}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
