"""Two hundred live pages, and what operators do or what befalls members: nobody sees a connection just end (1006)."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator

import pytest

from .balancer import Balancer, Panolb, StartBalancer
from .tomcat import Members
from .viewers import OPEN, Viewer, Viewers

pytestmark = [
    pytest.mark.apache_fails("WebSockets end without a close frame (1006)"),
    pytest.mark.panolb_toml,  # with an httpd.conf nothing else is done than with panolb.toml
]

LOCATION = """\
websocket_ping_interval = "1s"
websocket_ping_misses = 3
"""
OBSERVE = 'observe = "websocket"\nobserve_fails = 3\n'

TOMCATS_OWN = frozenset((1000, 1001))
"""What Tomcat says by itself, with or without a balancer: 1001 the snake to some when many join at once, and every page
when it stops; 1000 the drawboard's room when it is closed."""


class Audience:
    """All of them, watching.

    :ivar those: who is with member 1.
    """

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self.viewers = Viewers(balancer.port)

    def gather(self) -> None:
        """Wait until all of them watch, and forget how they got there."""
        self.viewers.watching()
        for one in self.viewers.all:
            one.forget()
        self.those = self.viewers.on("1")
        self._logged = self._balancer.access_log.stat().st_size
        self._began = time.monotonic()

    def moved(self, codes: Collection[int] = (1012,)) -> None:
        """Wait until those whose pages have ended are live again, with member 2; the others have noticed nothing."""
        viewers, those = self.viewers, self.those
        assert those
        viewers.wait(
            lambda one: bool(one.codes) and one.is_open and one.route == "2",
            "each page to end and to come back to the other member",
            those,
        )
        viewers.watching()
        assert {code for one in those for code in one.codes} <= {*codes, *TOMCATS_OWN}
        others = [one for one in viewers.all if one not in those]
        assert others
        assert {code for one in others for code in one.codes} <= TOMCATS_OWN

    def all(self, condition: Callable[[Viewer], bool], what: str) -> None:
        """Wait until it holds for everybody."""
        self.viewers.wait(condition, what)

    def told(self, scenario: str) -> Counter[int]:
        """The close codes of all pages, without those that Tomcat gave by itself; they are printed, for the record."""
        whole: Counter[int] = Counter()
        for page, codes in self.viewers.codes().items():
            words = ((number, "open" if code == OPEN else code) for code, number in sorted(codes.items()))
            print(f"{scenario}: {page}: " + ", ".join(f"{number} x {word}" for number, word in words))
            whole += codes
        refused = Counter(answer for one in self.viewers.all for answer in one.refused)
        seconds = time.monotonic() - self._began
        print(f"{scenario}: {seconds:.1f} s in all, refused handshakes: {dict(refused) or 'none'}")
        return whole

    def tomcats_own(self) -> int:
        """How many WebSockets Tomcat has closed with a code of its own, as panolb's log says."""
        with self._balancer.access_log.open("rb") as log:
            log.seek(self._logged)
            text = log.read()
        return sum(text.count(b" closed-by-member:%d " % code) for code in TOMCATS_OWN)


@pytest.fixture
def gather() -> Iterator[Callable[[Balancer], Audience]]:
    """Gathers an audience; when the test is over, it leaves."""
    gathered: list[Audience] = []

    def gather(balancer: Balancer) -> Audience:
        audience = Audience(balancer)
        gathered.append(audience)
        audience.gather()
        return audience

    yield gather
    for audience in gathered:
        audience.viewers.close()


Gather = Callable[[Balancer], Audience]


def expect(audience: Audience, scenario: str) -> None:
    """Those whom Tomcat had not told otherwise were told 1012 once; nobody saw anything else."""
    codes = audience.told(scenario)
    assert codes.keys() <= {OPEN, 1012, *TOMCATS_OWN}
    assert codes[OPEN] == len(audience.viewers.all)
    own = sum(codes[code] for code in TOMCATS_OWN)
    assert own <= audience.tomcats_own()
    assert len(audience.those) - own <= codes[1012] <= len(audience.those)


def test_drain(start_balancer: StartBalancer, members: Members, gather: Gather) -> None:
    """Each page of the member is told 1012, comes back, and is served by the other one."""
    balancer = start_balancer(location=LOCATION)
    assert isinstance(balancer, Panolb)
    audience = gather(balancer)
    assert balancer.set_state("1", "drain", close_websockets=True)["state"] == "drain"
    audience.moved()
    expect(audience, "drain")
    assert balancer.set_state("1", "active", close_websockets=False)["state"] == "up"


def test_kill(start_balancer: StartBalancer, members: Members, gather: Gather) -> None:
    """``kill -9`` of a member, in the midst of what it sends."""
    audience = gather(start_balancer(location=LOCATION))
    members["1"].kill()
    audience.moved()
    expect(audience, "kill -9")


def test_freeze(start_balancer: StartBalancer, members: Members, gather: Gather) -> None:
    """A member that hangs answers no pings: that is noticed, its pages are told, and it gets no new ones."""
    audience = gather(start_balancer(location=LOCATION, balancer=OBSERVE))
    members["1"].freeze()
    audience.moved()
    expect(audience, "SIGSTOP")
    members["1"].thaw()


def test_shutdown_of_a_member(start_balancer: StartBalancer, members: Members, gather: Gather) -> None:
    """Tomcat is stopped (SIGTERM): it says 1001 or 1000 itself, which passes; who it does not tell is told 1012."""
    audience = gather(start_balancer(location=LOCATION))
    members["1"].signal(signal.SIGTERM)
    audience.moved((*TOMCATS_OWN, 1012))
    codes = audience.told("SIGTERM of a member")
    assert codes.keys() <= {OPEN, 1012, *TOMCATS_OWN}
    assert codes[OPEN] == len(audience.viewers.all)
    assert sum(codes[code] for code in TOMCATS_OWN) <= audience.tomcats_own()
    members["1"].wait()


def test_shutdown_of_panolb(start_balancer: StartBalancer, gather: Gather) -> None:
    """All pages are told 1012, both members take leave of them, and the exit code is 0."""
    balancer = start_balancer(location=LOCATION)
    audience = gather(balancer)
    balancer.signal(signal.SIGTERM)
    audience.all(lambda one: bool(one.codes) and not one.is_open, "each page to end")
    assert balancer.wait() == 0
    assert audience.told("SIGTERM of panolb") == {1012: len(audience.viewers.all)}
