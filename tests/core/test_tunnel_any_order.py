"""Whatever happens to the two sides of a WebSocket, in any order: each is told goodbye once at most, and it ends."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from panolb.core.controlframes import close_code, close_payload, may_be_sent
from panolb.core.half import BETWEEN, WITHIN_FRAME, WITHIN_MESSAGE, Half
from panolb.core.tunnel import LOOKS, NEVER

from .tunnels import RecordingEnd, Scene

TERMS = st.fixed_dictionaries(
    {},
    optional={
        "ping_interval": st.sampled_from([0.0, 1.0, 2.0]),
        "ping_misses": st.integers(1, 3),
        "idle_timeout": st.sampled_from([3.0, 50.0]),
        "lifetime": st.sampled_from([7.0, 100.0]),
        "lost_code": st.sampled_from([1012, 1014]),
        "close_code": st.sampled_from([1000, 1001, 4000]),
        "close_timeout": st.sampled_from([0.5, 2.0, 5.0]),
        "slow_timeout": st.sampled_from([1.0, 15.0]),
    },
)
SIDES = st.sampled_from(["client", "member"])
PAYLOADS = st.sampled_from(
    [b"", close_payload(1000), close_payload(1012, "again"), close_payload(4999, "x" * 123)]
)
READINESS = st.sampled_from([WITHIN_FRAME, WITHIN_MESSAGE, BETWEEN])
AT_MOST = 60.0 * (
    LOOKS + 2
)  # seconds; far more than any of these terms needs to give up on a side that does nothing


class Ends(RecordingEnd):
    """A side that also notices what must not be done to it.

    :ivar told: the close frames that it was sent.
    :ivar pings: how many of our pings it has not answered.
    :ivar over: whether its connection was to end, one way or the other.
    :ivar lived_at: clock reading at which something came from it, or could come again after a pause.
    """

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(scene.orders, name)
        self.told: list[bytes] = []
        self.pings = 0
        self.over = False
        self.gone = False
        self.cut_at = NEVER
        self.lived_at = scene.now
        self._scene = scene

    def _sent(self) -> None:
        assert not self.told, "something is sent after the close frame"
        assert not self.gone, "something is sent to a connection that has ended"
        assert self.readiness != WITHIN_FRAME, "a control frame stands within a frame"

    def send_ping(self, payload: bytes) -> None:
        super().send_ping(payload)
        self._sent()
        assert not self.over, "a connection that was cut is pinged"
        self.pings += 1
        assert self.pings == 1, "two pings are in flight"

    def send_close(self, payload: bytes) -> None:
        super().send_close(payload)
        self._sent()
        self.told.append(payload)
        assert len(payload) <= 125
        assert payload == b"" or may_be_sent(close_code(payload))

    def finish(self) -> None:
        super().finish()
        assert self.told, "a connection is ended without a close frame"
        self.over = True

    def cut(self) -> None:
        super().cut()
        assert not self.gone
        self.over = True
        self.cut_at = min(self.cut_at, self._scene.now)


class AnyOrder(RuleBasedStateMachine):
    """A client and a member that do whatever WebSockets and TCP let them do, and an operator."""

    @initialize(terms=TERMS)
    def begin(self, terms: dict[str, Any]) -> None:
        self.scene = Scene(**terms)
        self.tunnel = self.scene.tunnel
        self.ends: dict[str, Ends] = {}
        for half in (self.tunnel.client, self.tunnel.member):
            self.ends[half.whose] = Ends(self.scene, half.whose)
            half.end = self.ends[half.whose]
        self.account = ("", "", 0)

    def half(self, whose: str) -> Half:
        return self.tunnel.client if whose == "client" else self.tunnel.member

    def other(self, whose: str) -> Ends:
        return self.ends[self.half(whose).other.whose]

    def can_speak(self, whose: str) -> bool:
        """Whether frames can come from a side: it has not closed, and is read."""
        half = self.half(whose)
        cut = self.ends[whose].cut_at < NEVER
        return not cut and not half.closed and not half.lost and half.other.stalled is None

    # -- facts ------------------------------------------------------------------------------------------------------

    @rule(whose=SIDES, readiness=READINESS)
    def speak(self, whose: str, readiness: int) -> None:
        """Frames, or parts of them, come from one side and are passed on as far as the other one can take them."""
        if not self.can_speak(whose):
            return
        if not self.other(whose).told:
            self.other(whose).readiness = readiness
        self.ends[whose].lived_at = self.scene.now
        self.tunnel.heard(self.half(whose), self.scene.now)
        if self.tunnel.closing is not None:
            self.tunnel.boundary(self.half(whose).other)

    @rule(whose=SIDES)
    def answer(self, whose: str) -> None:
        """A side answers our ping."""
        if self.can_speak(whose) and self.ends[whose].pings:
            self.ends[whose].pings -= 1
            self.ends[whose].lived_at = self.scene.now
            self.tunnel.ponged(self.half(whose), self.scene.now)

    @rule(whose=SIDES)
    def answer_somebody_else(self, whose: str) -> None:
        """A side answers a ping of the other one, and with it all pings that it has got before."""
        if self.can_speak(whose):
            self.ends[whose].pings = 0
            self.ends[whose].lived_at = self.scene.now
            self.tunnel.ponged(self.half(whose), self.scene.now, ours=False)

    @rule(whose=SIDES, payload=PAYLOADS)
    def close(self, whose: str, payload: bytes) -> None:
        """A side sends a close frame, which cannot stand within another frame."""
        if self.can_speak(whose) and (self.other(whose).told or self.other(whose).readiness != WITHIN_FRAME):
            self.tunnel.close_received(self.half(whose), payload)

    @rule(whose=SIDES, code=st.sampled_from([1002, 1007, 1009]))
    def break_rules(self, whose: str, code: int) -> None:
        """A side breaks the rules; the lane sees that at the beginning of a frame."""
        if self.can_speak(whose) and (self.other(whose).told or self.other(whose).readiness != WITHIN_FRAME):
            self.tunnel.broke_rules(self.half(whose), code, "it broke the rules")

    @rule(whose=SIDES)
    def lose(self, whose: str) -> None:
        """A side's connection ends."""
        half = self.half(whose)
        if not half.lost:
            self.ends[whose].gone = True
            self.tunnel.lost(half)

    @rule(whose=SIDES)
    def stall(self, whose: str) -> None:
        """A side takes nothing any more, and the other one is paused."""
        half = self.half(whose)
        if not half.lost and half.stalled is None:
            self.ends[whose].given = self.ends[whose].taken + (1 << 20)
            self.tunnel.stalled(half)

    @rule(whose=SIDES)
    def flow(self, whose: str) -> None:
        """It takes again."""
        half = self.half(whose)
        if half.stalled is not None:
            self.ends[whose].taken = self.ends[whose].given
            for end in self.ends.values():
                if end.cut_at == NEVER:
                    end.lived_at = self.scene.now
            self.tunnel.flowing(half)

    @rule(
        steps=st.lists(
            st.tuples(st.sampled_from(["speak", "answer", ""]), st.sampled_from(["speak", "answer", ""])),
            max_size=6,
        )
    )
    def live(self, steps: list[tuple[str, str]]) -> None:
        """For some seconds both sides do what they usually do."""
        for deeds in steps:
            for whose, deed in zip(("client", "member"), deeds, strict=True):
                if deed == "speak":
                    self.speak(whose, self.other(whose).readiness)
                elif deed == "answer":
                    self.answer(whose)
            self.scene.wait(0.9)

    @rule(term=st.sampled_from(["drained", "stopping"]))
    def order(self, term: str) -> None:
        """The operator wants it closed."""
        if not self.scene.ended:
            self.tunnel.close(term)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 2.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.scene.wait(seconds)

    @precondition(lambda self: self.tunnel.closing is not None)
    @rule(payload=PAYLOADS, order=st.permutations(["client", "member"]))
    def part_in_good_order(self, payload: bytes, order: list[str]) -> None:
        """Both sides do what they should: answer the close frame, and end when panolb does."""
        for whose in order:
            self.close(whose, payload)
        for whose in order:
            if self.ends[whose].over:
                self.lose(whose)

    # -- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def told_once(self) -> None:
        """Each side gets one close frame at most; what must not be sent was noticed by `Ends`."""
        assert all(len(end.told) <= 1 for end in self.ends.values())

    @invariant()
    def ends_when_both_are_lost(self) -> None:
        """Once, then and only then; and nobody is woken after it."""
        both = self.tunnel.client.lost and self.tunnel.member.lost
        assert self.scene.ended == both
        if both:
            assert self.scene.due == NEVER

    @invariant()
    def first_reason_counts(self) -> None:
        """What was once said of the end does not change; there is something to say as soon as it has begun."""
        account = self.scene.account
        assert self.account in (("", "", 0), account)
        self.account = account
        if self.tunnel.closing is not None:
            assert account[0]
            assert account[1] in ("client", "member", "panolb")
            assert 1000 <= account[2] < 5000

    @invariant()
    def silence_is_nobody_elses_fault(self) -> None:
        """Who is dropped for silence was not paused, and could be read."""
        term, _, code = self.scene.account
        if term.endswith("-silent"):
            assert code == 1006
            end, terms = self.ends[term.removesuffix("-silent")], self.tunnel.terms
            assert end.cut_at - end.lived_at >= terms.ping_interval * terms.ping_misses - 1e-6

    @invariant()
    def somebody_will_look(self) -> None:
        """As long as a side is there that is closing and was not ended, the tunnel has asked to be woken."""
        if self.tunnel.closing is not None and not self.scene.ended:
            waiting = [end for end in self.ends.values() if not end.gone and not end.over]
            assert not waiting or self.scene.due < NEVER

    def teardown(self) -> None:
        """If nothing happens any more but time, an end that has begun is brought to its end."""
        if not hasattr(self, "scene") or self.tunnel.closing is None:
            return
        for _ in range(4):
            self.scene.wait(AT_MOST)
            for whose, end in self.ends.items():
                if end.over:
                    self.lose(whose)
        assert self.scene.ended == 1
        self.first_reason_counts()
        self.told_once()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=250, stateful_step_count=20)
