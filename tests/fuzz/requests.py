"""Bytes of clients: what a member understands of them is what panolb has counted, and what h11 makes of them too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cuts import pieces_of
from .house import House
from .network import Line, Mute
from .recording import Got, Recorder, Said, read_answers, read_requests

REFUSED = (400, 405, 413, 414, 417, 426, 431, 505)
NOBODYS = 404  # with it begins a connection that is handed over


@dataclass(frozen=True)
class Outcome:
    """What came of a stream of requests.

    :ivar arrived: what the members got whole.
    :ivar counted: the methods of the exchanges whose request was complete.
    :ivar got: the client's answers; all ways to refuse a request look the same.
    """

    arrived: tuple[Said, ...]
    counted: tuple[bytes, ...]
    got: tuple[Got, ...]


def outcome(house: House, pieces: Sequence[bytes], narrow: bool = False) -> Outcome:
    """Send a stream of requests, each piece as one read.

    :param narrow: whether every write is more than a connection takes at once.
    """
    said: list[Said] = []

    def reached(line: Line, recorder: Recorder) -> None:
        recorder.give, recorder.end = line.give, line.end

    client = Mute()
    with house.visit(lambda: Recorder(said), narrow=narrow):
        house.network.reached = reached
        line = house.client(client)
        for piece in pieces:
            line.give(piece)
            house.network.settle()
        ended = line.ended
    exchanges = house.exchanges
    methods = [exchange.request.method for exchange in exchanges]
    whole = tuple(exchange.request.method for exchange in exchanges if exchange.status == 200)
    answers, behind = read_answers(client.got, methods, ended)
    assert not behind, f"something follows the last answer: {behind!r}"
    return Outcome(tuple(said), whole, _comparable(answers))


def _comparable(answers: list[Got]) -> tuple[Got, ...]:
    """The answers without what depends on when the bytes come, and may.

    What is wrong in several ways at once is refused for the one that is seen first.  A connection that was handed over
    to twisted.web just ends where a refusal would have to stand behind an answer that is still under way.
    """
    refusal = Got(400)
    got = [refusal if one.whole and one.status in REFUSED and not one.body else one for one in answers]
    if got and got[-1] == refusal and any(one.status == NOBODYS for one in got):
        got.pop()
    return tuple(got)


def _agree(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes of the same bytes are the same.

    A connection that was handed over ends where a refusal would stand, and with it what still waits behind the answer
    under way: then less came of the same.
    """
    if one == other:
        return True
    less, more = sorted((one, other), key=lambda outcome: len(outcome.got))
    return (
        any(got.status == NOBODYS for got in more.got)
        and less.got == more.got[: len(less.got)]
        and less.arrived == more.arrived[: len(less.arrived)]
        and less.counted == more.counted[: len(less.counted)]
    )


def check(house: House, data: bytes) -> None:
    """Hold what must hold of any bytes of a client."""
    once = outcome(house, [data])
    assert once.counted == tuple(one.method for one in once.arrived), f"not what was counted: {once}"
    understood, why = read_requests(data)
    rest = iter(understood)
    for one in once.arrived:
        assert one in rest, f"members got {once.arrived}, where h11 reads {understood} (until: {why})"
    if any(exchange.request.websocket for exchange in house.exchanges):
        return  # whether bytes behind a refused handshake are a request depends on when they come
    pieces = pieces_of(data)
    for narrow in (False, True):
        again = outcome(house, pieces, narrow)
        assert _agree(once, again), f"cut into {pieces!r} (narrow: {narrow}):\n{again}\ninstead of\n{once}"
