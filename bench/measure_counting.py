"""What counting costs a request: ``python -m bench.measure_counting``."""

from __future__ import annotations

import timeit
from typing import Any

from panolb.control.metrics.counting import Counts
from panolb.core.balancer import STUCK, Decision
from panolb.core.exchange import Exchange
from panolb.core.member import Member, MemberSpec
from panolb.core.request import Request
from panolb.core.sticky import Route

NUMBER, ROUNDS = 2_000, 500  # short rounds, of which the best one was disturbed by nobody


def main() -> None:
    """Measure, and print the best of several rounds."""
    counts = Counts()
    exchange = _exchange()
    counts.finished(exchange)
    best = min(timeit.repeat(lambda: counts.finished(exchange), number=NUMBER, repeat=ROUNDS)) / NUMBER
    call = min(timeit.repeat(lambda: _nothing(exchange), number=NUMBER, repeat=ROUNDS)) / NUMBER
    print(f"a request that is over: {(best - call) * 1e6:.2f} us")


def _exchange() -> Any:
    """One that has gone well: an `Exchange`, as far as `Counts` looks at one."""
    nowhere: Any = None
    spec = MemberSpec(balancer="app", url="http://a:80", host="a", port=80, route=b"1")
    member = Member(spec, nowhere)
    made: Any = Exchange.__new__(Exchange)
    made.request, made.location = Request.__new__(Request), None
    made.request.method = b"GET"
    made.decision, made.route = Decision(member, STUCK, False), Route(b"1", "cookie", b"ROUTEID")
    made.term, made.tunnel, made.status = "", None, 200
    made.started, made.passed, made.ended = 1.0, 1.00003, 1.002
    made.attempts, made.retried, made.queued, made.connecting = 1, (), 0.0, 0.0
    return made


def _nothing(exchange: Any) -> None:
    """Only to be called."""


if __name__ == "__main__":
    main()
