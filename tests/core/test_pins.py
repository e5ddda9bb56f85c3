"""Pins: whose session goes where, in any order of moves, ends and time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from panolb.core.headers import Peer
from panolb.core.pins import Pins
from panolb.core.request import Request

from .building import ask, member

LIFETIME = 60.0
MOST = 4
PEER = Peer(b"192.0.2.7", False, False, b"lb")
SESSIONS = st.integers(0, 6)
WHO = st.integers(0, 2)


def session_of(request: Request, peer: Peer) -> int:
    """The number in the Cookie field; any session's requests carry it."""
    assert peer is PEER
    return int(request.cookie or b"-1")


class AnyOrder(RuleBasedStateMachine):
    """What stands in `Pins` is what a plain list of all moves says."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.members = [member(str(number)) for number in range(3)]
        self.pins = Pins(session_of, LIFETIME, MOST)
        self.moves: list[tuple[int, int, float]] = []  # session, member, when; the last of a session counts

    def valid(self) -> list[tuple[int, int, float]]:
        return [move for move in self.moves if move[2] + LIFETIME > self.now]

    @rule(session=SESSIONS, who=WHO)
    def put(self, session: int, who: int) -> None:
        pin = self.pins.put(session, self.members[who], "192.0.2.7", self.now)
        assert (pin.since, pin.until) == (self.now, self.now + LIFETIME)
        self.moves = [move for move in self.valid() if move[0] != session]
        self.moves = [*self.moves, (session, who, self.now)][-MOST:]

    @rule(session=SESSIONS)
    def remove(self, session: int) -> None:
        self.pins.remove(session)
        self.moves = [move for move in self.moves if move[0] != session]

    @rule(who=WHO)
    def leave(self, who: int) -> None:
        self.pins.leave(self.members[who])
        self.moves = [move for move in self.moves if move[1] != who]

    @rule(left=st.sets(WHO))
    def keep(self, left: set[int]) -> None:
        self.pins.keep([self.members[who] for who in left])
        self.moves = [move for move in self.moves if move[1] in left]

    @rule()
    def clear(self) -> None:
        self.pins.clear()
        self.moves = []

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(session=st.integers(0, 7))
    def ask(self, session: int) -> None:
        """A request goes where the last valid move of its session says."""
        wanted = {session: self.members[who] for session, who, _ in self.valid()}
        found = self.pins.member(ask(b"Cookie: %d" % session), PEER, self.now)
        assert found is wanted.get(session)
        assert len(self.pins) == len(wanted), "what is over is not kept"

    @invariant()
    def all_are_known(self) -> None:
        found = [(session, pin.member, pin.since) for session, pin in self.pins.items(self.now)]
        assert found == [(session, self.members[who], when) for session, who, when in self.valid()]
        for session, who, _ in self.valid():
            pin = self.pins.get(session, self.now)
            assert pin is not None and pin.member is self.members[who]


def test_no_session_is_worked_out_without_pins() -> None:
    """When the last one is over, requests cost nothing again."""
    pins = Pins(lambda request, peer: 1 // 0, LIFETIME)
    pins.put(1, member("1"), "", 0.0)
    assert pins.member(ask(), PEER, LIFETIME) is None
    assert not pins


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=25)
