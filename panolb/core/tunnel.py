"""One WebSocket between a client and a member: what each side has said, and when it is asked, told or cut.

A `Tunnel` is told facts by the lane that moves the frames, and gives orders to two `End` ports.  It keeps both sides
alive, watches the limits, and sees to it that whatever ends one side, the other one gets a close frame.
"""

from __future__ import annotations

from collections.abc import Callable

from .controlframes import close_code, close_payload
from .half import BETWEEN, WITHIN_FRAME, Half
from .terms import ABNORMAL, GOING_AWAY, NO_CODE, TRY_AGAIN_LATER, Terms

NEVER = float("inf")

PATIENCE = 2.0  # seconds for a fragmented message to end, or the last words of the other side to come, before a close
LOOKS = 12  # how often the time to close is given again while a slow reader still takes what stands before it


class Tunnel:
    """Both sides.

    :param clock: reads a monotonic clock in seconds.
    :param wake: asks for `look` at a clock reading; `NEVER` for not at all.
    :param ended: told once, when both connections have ended.
    :param ping: the payload of our pings.

    :ivar opened: clock reading; ``last_message`` likewise, of the last bytes that were not answers to pings of ours.
    :ivar term: how it ended, in one stable word for the access log; empty while it lasts.
    :ivar closed_by: ``client``, ``member`` or ``panolb``; empty while it lasts.
    :ivar code: the close code that ended it; 1005 for a close frame without one, 1006 for none at all.
    """

    __slots__ = (
        "_clock",
        "_due",
        "_ended",
        "_looks",
        "_ping",
        "_queued",
        "_wake",
        "client",
        "closed_by",
        "closing",
        "code",
        "last_message",
        "member",
        "opened",
        "term",
        "terms",
    )

    def __init__(
        self,
        terms: Terms,
        clock: Callable[[], float],
        wake: Callable[[float], None],
        ended: Callable[[], None],
        ping: bytes,
    ) -> None:
        now = clock()
        self.terms = terms
        self.client = Half("client", now)
        self.member = Half("member", now)
        self.client.other, self.member.other = self.member, self.client
        self.opened = self.last_message = now
        self.closing: float | None = None  # since when
        self.term = self.closed_by = ""
        self.code = 0
        self._clock = clock
        self._wake = wake
        self._ended = ended
        self._ping = ping
        self._due = NEVER
        self._looks = 0
        self._queued = NEVER  # bytes, at the last look

    def start(self) -> None:
        """Both ends are there."""
        self._plan(self._clock())

    # -- facts ------------------------------------------------------------------------------------------------------

    def heard(self, half: Half, now: float) -> None:
        """Something came from a side that is not an answer to a ping of ours."""
        half.heard = self.last_message = now

    def ponged(self, half: Half, now: float, ours: bool = True) -> None:
        """A side has sent a pong.

        :param ours: whether it answers a ping of ours; an answer to a later one of the other side's may stand for
            both (RFC 6455 section 5.5.3).
        """
        half.heard = now
        if not ours:
            self.last_message = now
        if half.pinged is not None:
            if ours:
                half.round_trip = now - half.pinged
                if half.round_trips is not None:
                    half.round_trips.add(half.round_trip)
            half.pinged = None
            if self.closing is None:
                self._plan(now)

    def close_received(self, half: Half, payload: bytes) -> None:
        """A side has sent a close frame: the other one gets the same, and its answer goes back."""
        half.closed = True
        code = close_code(payload)
        self._note(f"closed-by-{half.whose}", half.whose, NO_CODE if code is None else code)
        self._begin_to_close()
        self._say_goodbye(half.other, payload)
        self._settle()

    def broke_rules(self, half: Half, code: int, reason: str) -> None:
        """A side broke the rules of RFC 6455: both are told so, it itself when the other has said its last words.

        What the other side sent before it knew is not lost by that.
        """
        half.closed = True  # nothing that comes from it can be understood
        payload = close_payload(code, reason)
        self._note(f"{half.whose}-broke-rules", half.whose, code)
        self._begin_to_close()
        self._say_goodbye(half.other, payload)
        if half.goodbye is None:
            half.goodbye = payload
            if half.other.closed or half.other.lost:
                self._tell(half)
        self._settle()

    def lost(self, half: Half) -> None:
        """The connection of a side has ended; if that was no proper end, the other one learns so."""
        half.lost = True
        half.stalled = half.pinged = None
        if not half.closed:
            self._note(f"{half.whose}-lost", half.whose, ABNORMAL)
            self._say_goodbye(half.other, self._last_words(half))
        self._begin_to_close()
        if half.other.waits:
            self._tell(half.other)
        if half.other.lost:
            self._wake(NEVER)
            self._ended()
        else:
            self._settle()

    def _last_words(self, lost: Half) -> bytes:
        """What the other side is told when a connection ends without a close frame."""
        if lost.other.closed:
            return b""  # it has said goodbye itself and waits for no more than an answer
        if lost is self.member:
            return close_payload(self.terms.lost_code, "The server went away.")
        return close_payload(GOING_AWAY, "The client went away.")

    def stalled(self, half: Half) -> None:
        """A side takes so little that the other one had to be paused."""
        now = half.stalled = self._clock()
        if self.closing is None and now + self.terms.slow_timeout < self._due:
            self._plan(now)

    def flowing(self, half: Half) -> None:
        """It takes again: what either side had no way to answer meanwhile is not held against it."""
        half.stalled = None
        half.heard = half.other.heard = self._clock()

    def boundary(self, half: Half) -> None:
        """While the tunnel is closing, something was passed on to a side: perhaps it can be told goodbye now."""
        if half.waits and (half.end.readiness == BETWEEN or self._patience_is_over()):
            self._tell(half)
            self._settle()

    # -- orders from outside ----------------------------------------------------------------------------------------

    def close(self, term: str, code: int | None = None, reason: str | None = None) -> None:
        """End it properly: both sides get a close frame, at the next chance.

        :param term: why, in one word for the access log.
        :param code: the close code; the location's if not given, and ``reason`` likewise.
        """
        if self.closing is not None:
            return
        code = self.terms.close_code if code is None else code
        self._close(term, code, code, self.terms.close_reason if reason is None else reason)

    def cut(self) -> None:
        """End both connections at once."""
        for half in (self.client, self.member):
            if not half.lost:
                half.end.cut()

    def give_up(self) -> None:
        """Something of ours broke: both connections end at once, and nobody is told why."""
        self._note("internal-error", "panolb", ABNORMAL)
        if self.closing is None:
            self.closing = self._clock()
        self.cut()

    # -- time -------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """The time that was asked for has come: do what is due."""
        now = self._clock()
        self._due = NEVER
        if self.closing is not None:
            self._look_at_closing(now)
        elif not (self._limits_passed(now) or self._is_slow(now) or self._is_dead(now)):
            self._plan(now)

    def _plan(self, now: float) -> None:
        """Ask to be woken when the next thing can be due."""
        terms = self.terms
        due = NEVER
        if terms.lifetime is not None:
            due = self.opened + terms.lifetime
        if terms.idle_timeout is not None:
            due = min(due, self.last_message + terms.idle_timeout)
        for half in (self.client, self.member):
            if half.stalled is not None:
                due = min(due, half.stalled + terms.slow_timeout)
            if terms.ping_interval:
                due = min(due, self._ping_due(half, now))
        self._wake_at(due)

    def _ping_due(self, half: Half, now: float) -> float:
        """When a side has to be pinged or, if it was, given up."""
        interval = self.terms.ping_interval
        if not self._can_answer(half):
            return now + interval
        if half.pinged is None:
            return half.heard + interval
        return max(half.pinged, half.heard) + interval * self.terms.ping_misses

    def _can_answer(self, half: Half) -> bool:
        """Whether it would be a side's fault if nothing came from it.

        Not while it is not being read, nor while our ping stands behind what it has not taken.
        """
        return half.stalled is None and half.other.stalled is None

    def _limits_passed(self, now: float) -> bool:
        terms = self.terms
        if terms.lifetime is not None and now >= self.opened + terms.lifetime:
            self.close("lifetime")
        elif terms.idle_timeout is not None and now >= self.last_message + terms.idle_timeout:
            self.close("idle", GOING_AWAY, "idle for too long")
        return self.closing is not None

    def _is_slow(self, now: float) -> bool:
        """Close it if one side has kept the other paused for too long."""
        for half in (self.client, self.member):
            if half.stalled is not None and now >= half.stalled + self.terms.slow_timeout:
                code = GOING_AWAY if half is self.client else TRY_AGAIN_LATER
                self._close(f"slow-{half.whose}", TRY_AGAIN_LATER, code, f"the {half.whose} is too slow")
                if half.waits:
                    self._tell(half)
                return True
        return False

    def _is_dead(self, now: float) -> bool:
        """Ping a side that is quiet; drop one that stays so, and tell the other."""
        if not self.terms.ping_interval:
            return False
        for half in (self.client, self.member):
            if now < self._ping_due(half, now):
                continue
            if half.pinged is None:
                if half.end.readiness != WITHIN_FRAME:
                    half.pinged = now
                    half.before_ping, half.taken = half.end.given, half.end.taken
                    half.end.send_ping(self._ping)
                else:
                    half.heard = now  # it is being sent a long frame: it is looked at again later
            elif self._comes_nearer(half):
                half.heard = now
            else:
                self._note(f"{half.whose}-silent", "panolb", ABNORMAL)
                self._begin_to_close()
                self._say_goodbye(half.other, self._last_words(half))
                half.end.cut()
                return True
        return False

    def _comes_nearer(self, half: Half) -> bool:
        """Whether a side has taken, since the last look, of what stands before our ping: then it lives, if slowly."""
        before, half.taken = half.taken, half.end.taken
        return before < half.taken < half.before_ping

    # -- closing ----------------------------------------------------------------------------------------------------

    def _close(self, term: str, client_code: int, member_code: int, reason: str) -> None:
        self._note(term, "panolb", client_code)
        self._begin_to_close()
        self._say_goodbye(self.client, close_payload(client_code, reason))
        self._say_goodbye(self.member, close_payload(member_code, reason))

    def _note(self, term: str, closed_by: str, code: int) -> None:
        """The first reason is the one that counts."""
        if not self.term:
            self.term, self.closed_by, self.code = term, closed_by, code

    def _begin_to_close(self) -> None:
        if self.closing is None:
            self.closing = now = self._clock()
            self._wake_at(now + min(PATIENCE, self.terms.close_timeout))

    def _say_goodbye(self, half: Half, payload: bytes) -> None:
        """A side is to be told goodbye: at once between two messages, else when this one has ended."""
        if half.goodbye is None:
            half.goodbye = payload
        # A side that owes nobody a message any more has none under way: the fragments before it are all there is.
        if half.waits and (half.end.readiness == BETWEEN or half.other.closed or half.other.lost):
            self._tell(half)

    def _patience_is_over(self) -> bool:
        """Whether a fragmented message has had its time to end."""
        return self.closing is not None and self._clock() >= self.closing + PATIENCE

    def _tell(self, half: Half) -> None:
        """Send the close frame that is due to a side; within a frame there is no way to."""
        if half.end.readiness != WITHIN_FRAME and half.goodbye is not None:
            half.told = True
            half.end.send_close(half.goodbye)
        elif half.other.lost or half.other.closed or half.stalled is not None:
            half.end.cut()  # the rest of the frame will never come, or never be taken

    def _settle(self) -> None:
        """End the connection of each side with which both close frames were exchanged, or cannot be any more."""
        for half in (self.client, self.member):
            if half.told and half.closed and not half.lost:
                half.end.finish()

    def _look_at_closing(self, now: float) -> None:
        assert self.closing is not None
        told = False
        for half in (self.client, self.member):
            if half.goodbye is None and not half.lost:
                half.goodbye = half.other.goodbye or b""
            if half.waits:
                self._tell(half)
                told = told or half.told
        self._settle()
        deadline = self.closing + self.terms.close_timeout
        if now < deadline or told:
            self._wake_at(deadline if now < deadline else now + self.terms.close_timeout)
        elif self._is_still_taken():
            self._wake_at(now + self.terms.close_timeout)
        else:
            self.cut()

    def _is_still_taken(self) -> bool:
        """Whether a close frame stands behind data that a slow reader has taken some of since the last look."""
        queued = sum(half.end.given - half.end.taken for half in (self.client, self.member) if not half.lost)
        before, self._queued = self._queued, queued
        self._looks += 1
        return 0 < queued < before and self._looks <= LOOKS

    def _wake_at(self, due: float) -> None:
        self._due = due
        self._wake(due)
