"""What a balancer makes of a row: the answers, what reached the member, and what the next client got."""

from __future__ import annotations

from dataclasses import dataclass

import h11

from tests.harness.client import Client, Cut

from .recorder import Recorder
from .rows import Row, get

NEXT = get("Connection: close", line="GET /app/next HTTP/1.1")
SAYS_NEXT = "GET /app/next 0"
NEIGHBOUR = get("Connection: close", line="GET /app/neighbour HTTP/1.1")
SAYS_NEIGHBOUR = "GET /app/neighbour 0"
QUIET = 4.0
"""Seconds without a byte after which a client leaves; above every time limit of the balancers."""

NO_STATUS = {
    "closed": "no status",
    "reset": "reset",
    "silent": "no answer",
    "not HTTP": "not HTTP/1",
}

Answers = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Seen:
    """What came of a row, behind which `NEXT` was sent at once.

    :ivar answers: the status of each answer to the client, and what it says if it is the member's.
    :ivar ended: how the connection ended: ``closed``, ``reset``, ``silent``, or ``not HTTP``.
    :ivar understood: what the member understood, in the order of the requests' ends.
    :ivar oddities: what was unclear in what it got, and what should not have reached it.
    :ivar neighbour: whether the next client's answer was its own.
    """

    answers: Answers
    ended: str
    understood: tuple[str, ...]
    oddities: tuple[str, ...] = ()
    neighbour: bool = True

    def cell(self) -> str:
        """Say it as the table does."""
        status = str(self.answers[0][0]) if self.answers else NO_STATUS[self.ended]
        reached = " + ".join(_short(one) for one in self.understood if one != SAYS_NEXT)
        text = status if not reached else reached if status == "200" else f"{status}: {reached}"
        if self.oddities:
            text += f", {'passes' if reached else 'passing'} on {', '.join(self.oddities)}"
        return text if self.neighbour else f"{text}; **the next client gets another one's answer**"


def _short(understood: str) -> str:
    """``POST /app/ 3`` in a few words: the path is another one only where the row says so."""
    method, _, rest = understood.partition(" ")
    length = rest.rpartition(" ")[2]
    return method if length == "0" else f"{method} {length} B"


def expected(row: Row) -> Seen:
    """What panolb is to make of it."""
    answers = [(200, one) for one in row.arrives] if row.status == 200 else [(row.status, "")]
    following = [SAYS_NEXT] if row.kept else []
    answers += [(200, one) for one in following]
    return Seen(tuple(answers), "closed", (*row.arrives, *following))


def observe(port: int, recorder: Recorder, row: Row) -> Seen:
    """Send a row to the balancer on ``port``, whose only member is ``recorder``."""
    recorder.begin()
    answers, ended = _answers(port, row.data + NEXT)
    fields = {f"trailer {name}" for name in recorder.trailers} | (
        {name.lower() for name in row.without} & recorder.fields
    )
    neighbour, _ = _answers(port, NEIGHBOUR)
    understood = [one for one in recorder.understood if one != SAYS_NEIGHBOUR]
    oddities = sorted({*recorder.doubts, *fields})
    return Seen(answers, ended, tuple(understood), tuple(oddities), neighbour == ((200, SAYS_NEIGHBOUR),))


def _answers(port: int, data: bytes) -> tuple[Answers, str]:
    """All answers on a connection of its own, and how it ended."""
    answers: list[tuple[int, str]] = []
    ended = "closed"
    with Client(port) as client:
        client.socket.settimeout(QUIET)
        try:
            client.send(data)
            while True:
                answer = client.answer()
                text = answer.body.decode("latin-1") if answer.status == 200 else ""
                answers.append((answer.status, text))
        except TimeoutError:
            ended = "silent"
        except Cut as cut:
            if isinstance(cut.__cause__, ConnectionError):
                ended = "reset"
        except ConnectionError:
            ended = "reset"
        except h11.RemoteProtocolError:
            ended = "not HTTP"
    return tuple(answers), ended
