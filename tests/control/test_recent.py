"""What is remembered of requests: which, how long, and how little."""

from __future__ import annotations

import tracemalloc

import pytest

from panolb.control.recent import MOST, ORDINARY, TELLING, Recent
from panolb.core.exchange import Exchange
from tests.core.building import ask
from tests.core.script import BOUND, HANDSHAKE, Script, bound


def served(*fields: bytes, target: bytes = b"/panopticon/") -> Exchange:
    """A request that a member has answered."""
    return serve(Script(ask(*fields, target=target)))


def serve(script: Script) -> Exchange:
    """Have a member answer."""
    script.start()
    script.connected()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    return script.exchange


def refused() -> Exchange:
    """A request that both members could not be connected to for."""
    script = Script(bound(), forcerecovery=False)
    script.start()
    script.refused()
    script.refused()
    return script.exchange


def test_ordinary_requests_do_not_push_out_the_telling_ones() -> None:
    """Those that somebody is likely to ask about have a memory of their own."""
    recent = Recent(ordinary=2, telling=2)
    unknown, failed = served(b"Cookie: ROUTEID=.9"), refused()
    ordinary = [served(BOUND) for _ in range(3)]
    for exchange in (unknown, failed, *ordinary):
        recent.note(exchange)
    assert recent.find(ordinary[0].id) is None
    assert recent.find(0) is None
    for exchange in (unknown, failed, *ordinary[1:]):
        found = recent.find(exchange.id)
        assert found is not None
        assert (found.status, found.term, found.decision) == (
            exchange.status,
            exchange.term,
            exchange.decision,
        )
        assert found.started == exchange.started


def test_a_websocket_is_found_while_it_is_open_and_afterwards() -> None:
    """The last that was noted of it counts."""
    recent = Recent()
    script = Script(ask(*HANDSHAKE, BOUND))
    script.start()
    script.connected()
    script.exchange.status = 101
    recent.opened(script.exchange)
    found = recent.find(script.exchange.id)
    assert found is not None
    assert (found.term, found.websocket, found.status) == ("opened", True, 101)
    script.exchange.term = "closed-by-client"
    recent.note(script.exchange)
    found = recent.find(script.exchange.id)
    assert found is not None
    assert found.term == "closed-by-client"


@pytest.mark.parametrize(
    ("route", "kept"),
    [
        (b"1", b"1"),
        (b"tomcat-a", b"tomcat-a"),
        (b"9F2C41D09F2C41D09F2C41D0", b"9F2C41D0..."),
    ],
)
def test_a_route_may_be_a_secret(route: bytes, kept: bytes) -> None:
    """What no member has is kept whole only if it is short."""
    recent = Recent()
    exchange = served(b"Cookie: ROUTEID=." + route)
    recent.note(exchange)
    found = recent.find(exchange.id)
    assert found is not None
    assert found.route is not None
    assert (found.route.value, found.route.source) == (kept, "cookie")


def test_paths() -> None:
    """Without query and parameters, escaped, and no longer than they need to be."""
    recent = Recent()
    exchange = served(target=b'/panopticon;jsessionid=secret/"x;y?token=secret')
    recent.note(exchange)
    found = recent.find(exchange.id)
    assert found is not None
    assert found.shown_path() == '/panopticon/\\"x'
    long = served(target=b"/panopticon/" + b"x" * 5000)
    recent.note(long)
    found = recent.find(long.id)
    assert found is not None
    assert len(found.path) == MOST


@pytest.mark.parametrize(
    ("fields", "target", "most"),
    [
        ([BOUND], b"/panopticon/api/data?from=%d", 500),
        ([BOUND], b"/panopticon/%d" + b"x" * 5000, 1000),
        ([b"Cookie: ROUTEID=." + b"y" * 5000], b"/panopticon/%d" + b"x" * 5000, 1000),
    ],
    ids=["ordinary", "long", "long and telling"],
)
def test_how_much_memory_it_takes(fields: list[bytes], target: bytes, most: int) -> None:
    """What the module's docstring says, in bytes for each request."""
    script, recent, count = Script(bound()), Recent(), 500
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            script.exchange = Exchange(ask(*fields, target=target % number), script.location, script.client)
            script.ends.clear()
            script.orders.clear()
            script.links.clear()
            recent.note(serve(script))
        assert (tracemalloc.get_traced_memory()[0] - before) / count < most
    finally:
        tracemalloc.stop()
    assert ORDINARY + TELLING <= 10_000
