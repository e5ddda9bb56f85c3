"""Configurations that do not start, each for one mistake."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import PREAMBLE, plain, site, virtual_host


@dataclass(frozen=True)
class Refused:
    """One mistake.

    :ivar text: the whole configuration.
    :ivar differs: the id of the difference when Apache starts with it.
    """

    id: str
    text: str
    differs: str = ""


def member(id: str, parameters: str) -> Refused:
    """A mistake in a member's parameters."""
    return Refused(
        id, PREAMBLE + virtual_host("x.test", plain(members=(f"http://127.0.0.1:1/app {parameters}",)))
    )


def settings(id: str, parameters: str) -> Refused:
    """A mistake in a balancer's parameters."""
    text = site(members=("http://127.0.0.1:1/app route=1",), settings=parameters)
    return Refused(id, PREAMBLE + virtual_host("x.test", text))


def without(id: str, module: str) -> Refused:
    """A module that is needed and not loaded."""
    preamble = "\n".join(line for line in PREAMBLE.splitlines() if f"LoadModule {module}_module" not in line)
    return Refused(
        id, f"{preamble}\n" + virtual_host("x.test", site(members=("http://127.0.0.1:1/app route=1",)))
    )


CASES = (
    member("C1", "loadfactor=0.9"),
    member("C1b", "loadfactor=101"),
    member("C1c", f"route={'x' * 64}"),
    member("C1d", "lbset=100"),
    member("C1e", "ttl=0"),
    member("C1f", "timeout=0"),
    member("C1g", "nosuch=1"),
    member("C1h", "status=+Z"),
    settings("C1i", "growth=101"),
    settings("C1j", "stickysessionsep=ab"),
    settings("C1k", "failonstatus=99"),
    settings("C1l", "lbmethod=nosuch"),
    Refused(
        "C2",
        PREAMBLE
        + virtual_host(
            "x.test",
            plain(members=("http://127.0.0.1:1/app",), mapping=("ProxyPass /app balancer://c retry=0",)),
        ),
    ),
    without("C4", "slotmem_shm"),
    without("C4b", "lbmethod_byrequests"),
    without("C4c", "headers"),
    Refused(
        "F39", PREAMBLE + virtual_host("x.test", site(members=(), settings="growth=3")), differs="no-members"
    ),
    member("H11", "hcmethod=GET hcinterval=50ms"),
)
