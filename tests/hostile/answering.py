"""What a balancer makes of a member's answer: what the client gets, and what becomes of the connection to the member."""

from __future__ import annotations

from dataclasses import dataclass

import h11

from tests.harness.client import Client, Cut
from tests.harness.member import Member
from tests.harness.scripts import answer, raw

from .answers import Answer
from .observing import QUIET

WELL = b"well"


@dataclass(frozen=True)
class Outcome:
    """What came of a member's answer to a GET, and of the next client's.

    :ivar status: what the client got; 0 when its connection was cut.
    :ivar body: the member's body, or nothing of a page of the balancer's own.
    :ivar reused: whether the next request came on the same connection.
    :ivar neighbour: whether the next client got its own answer.
    :ivar strange: what the client got that was not HTTP/1.1, in a few words.
    """

    status: int
    body: bytes = b""
    reused: bool = False
    neighbour: bool = True
    strange: str = ""

    def cell(self) -> str:
        """Say it as the table does."""
        text = self.strange or (str(self.status) if self.status else "cut")
        if self.body:
            text += f" with {len(self.body)} B"
        if self.reused:
            text += ", connection used again"
        return text if self.neighbour else f"{text}; **the next client gets another answer**"


def expected(row: Answer) -> Outcome:
    """What panolb is to make of it."""
    return Outcome(row.status, row.body)


def observe(port: int, member: Member, row: Answer) -> Outcome:
    """Let the member give that answer to a client of the balancer on ``port``, and a good one to the next."""
    member.forget()
    member.script = raw(row.data)
    first = _ask(port)
    member.script = answer(WELL)
    accepted = member.accepted
    following = _ask(port)
    return Outcome(
        first.status,
        first.body,
        member.accepted == accepted,
        (following.status, following.body) == (200, WELL),
        first.strange,
    )


def _ask(port: int) -> Outcome:
    with Client(port) as client:
        client.socket.settimeout(QUIET)
        try:
            got = client.get("/app/")
        except (Cut, ConnectionError):
            return Outcome(0)
        except TimeoutError:
            return Outcome(0, strange="no answer")
        except h11.RemoteProtocolError:
            return Outcome(0, strange="not HTTP/1")
        return Outcome(got.status, got.body if got.status == 200 else b"")
