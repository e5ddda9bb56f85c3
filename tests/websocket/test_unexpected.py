"""What nobody foresaw in a WebSocket: it costs that one its connections, is logged once, and is nobody else's business."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.harness.plugin import plugin
from tests.harness.waiting import until
from tests.websocket.lab import LANES, MESSAGES, Lab, Pair, running
from tests.websocket.peer import BINARY, TEXT, Frame, Peer

FAULTS = '''\
"""Has methods of panolb raise, each for WebSockets whose path ends with its name."""
from panolb.control.ledger import Ledger
from panolb.core.exchange import Exchange
from panolb.core.tunnel import Tunnel
from panolb.proxy.bridge import Bridge
from panolb.proxy.messages import Messages
from panolb.proxy.poller import PolledReads
from panolb.proxy.sides import Side
from panolb.proxy.splice import Splice

paths = {}

def raise_in(owner, name, path_of, once=False):
    sound = getattr(owner, name)
    raised = set()
    def broken(self, *args):
        if path_of(self, *args).endswith(b"/" + name.encode()) and not (once and self in raised):
            raised.add(self)
            raise RuntimeError(f"{name} is broken")
        return sound(self, *args)
    setattr(owner, name, broken)

def of_bridge(bridge, *args):
    return bridge._exchange.request.path

raise_in(Splice, "join", of_bridge)
raise_in(Messages, "join", of_bridge)
raise_in(Bridge, "begin", of_bridge)
begin = Bridge.begin
def note(bridge):
    paths[id(bridge.tunnel)] = of_bridge(bridge)
    begin(bridge)
Bridge.begin = note

for name in ("heard", "close_received", "lost", "look", "stalled", "flowing"):
    raise_in(Tunnel, name, lambda tunnel, *args: paths.get(id(tunnel), b""))
for name in ("opened", "_record"):
    raise_in(Ledger, name, lambda ledger, exchange, *args: exchange.request.path)
raise_in(Exchange, "tunnel_ended", lambda exchange: exchange.request.path, once=True)
raise_in(Side, "onMessageFrame", lambda side, *args: of_bridge(side.bridge))
raise_in(PolledReads, "read", lambda reads: of_bridge(reads._receive.__self__.bridge))
'''


@pytest.fixture(scope="module")
def _broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("unexpected")
    with plugin(directory, FAULTS), running(directory) as lab:
        yield lab
        lab.panolb.terminate()
        assert lab.panolb.wait() == 0


@pytest.fixture
def broken(_broken: Lab, lane: str) -> Iterator[Lab]:
    """A process with faults, one of them in each of its parts; after each test it must serve nobody."""
    _broken.lane = lane
    yield _broken
    _broken.settle()


@contextmanager
def costs_one_complaint(lab: Lab, path: str, said_as: str = "") -> Iterator[None]:
    """Insist that another WebSocket lives on, and that the log tells once what happened, and to whom.

    :param said_as: how the log names it; by default by the id under which the access log has it, as our own fault.
    """
    name = path.rpartition("/")[2]
    said = len(lab.panolb.log)
    neighbour = lab.open("/raw/neighbour")
    yield
    for here, there in ((neighbour.browser, neighbour.member), (neighbour.member, neighbour.browser)):
        here.send(TEXT, b"still here")
        assert there.frame() == Frame(TEXT, b"still here")
    if not said_as:
        said_as = "exchange " + until(lambda: _logged_fault(lab, path), "a line of the access log")
    until(lambda: said_as in lab.panolb.log[said:], "the log to tell")
    log = lab.panolb.log[said:]
    assert log.count("Traceback") == log.count(f"RuntimeError: {name} is broken") == 1, log


def _logged_fault(lab: Lab, path: str) -> str:
    """The id of the last WebSocket with this path that ended by a fault of ours."""
    lines = (lab.panolb.directory / "access.log").read_text().splitlines()
    ends = [line.split() for line in lines if f" {lab.at(path)} " in line and " internal-error" in line]
    return ends[-1][-1] if ends else ""


def _speak(pair: Pair) -> None:
    pair.browser.send(TEXT, b"hello")


def _close(pair: Pair) -> None:
    pair.browser.close_frame(1000)


def _leave(pair: Pair) -> None:
    pair.browser.reset()


def _wait(pair: Pair) -> None:
    """Until its time limit strikes."""


def _flood(pair: Pair) -> None:
    """The member sends until nobody has taken anything for a while."""
    frame = Frame(BINARY, bytes(1 << 20)).encode(False)
    pair.member.socket.setblocking(False)
    rest, since = frame, time.monotonic()
    while time.monotonic() - since < 0.3:
        try:
            rest = rest[pair.member.socket.send(rest) :] or frame
            since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            break
    pair.member.socket.setblocking(True)


Act = Callable[[Pair], None]

EVENTS = [
    ("/raw/heard", _speak),
    ("/raw/close_received", _close),
    ("/raw/lost", _leave),
    ("/raw/stalled", _flood),
    ("/raw/flowing", _flood),
    ("/idle/look", _wait),
]
"""The path, whose last word says where the exception is, and what leads there."""


@LANES
@pytest.mark.parametrize(("path", "act"), EVENTS, ids=[path for path, _ in EVENTS])
def test_both_connections_end(broken: Lab, path: str, act: Act) -> None:
    """Neither side is left waiting for the other."""
    with costs_one_complaint(broken, path):
        pair = broken.open(path)
        act(pair)
        if pair.browser.socket.fileno() >= 0:
            pair.browser.ended()
        if pair.member.socket.fileno() >= 0:
            pair.member.ended()


@LANES
def test_at_its_end(broken: Lab) -> None:
    """It ends all the same, and as what it ended by."""
    with costs_one_complaint(broken, "/raw/tunnel_ended", "exchange"):
        pair = broken.open("/raw/tunnel_ended")
        pair.member.reset()
        pair.browser.reset()


@MESSAGES
def test_within_autobahn(broken: Lab) -> None:
    """What it calls may break, too."""
    with costs_one_complaint(broken, "/raw/onMessageFrame"):
        pair = broken.open("/raw/onMessageFrame")
        _speak(pair)
        assert pair.browser.ended()
        assert pair.member.ended()


@LANES
@pytest.mark.parametrize("path", ["/raw/join", "/raw/begin"])
def test_between_the_handshakes(broken: Lab, path: str) -> None:
    """The member has said yes, and nobody can say so to the client: it gets nothing that looks like an answer."""
    with costs_one_complaint(broken, path):
        browser = broken.browse()
        browser.upgrade(path)
        member = broken.raw.visit().switch()
        assert Peer(browser.client.socket, client=True).ended()
        assert member.ended()


@LANES
@pytest.mark.parametrize("path", ["/raw/opened", "/raw/_record"])
def test_in_the_books(broken: Lab, path: str) -> None:
    """What cannot be written down costs the entry and not the WebSocket."""
    with costs_one_complaint(broken, path, "exchange"):
        pair = broken.open(path)
        pair.browser.send(TEXT, b"hello")
        assert pair.member.frame() == Frame(TEXT, b"hello")
        pair.browser.close_frame(1000)
        assert pair.member.closed() == (1000, "")
        pair.member.close_frame(1000)
        assert pair.browser.closed() == (1000, "")
        pair.member.socket.close()
        assert pair.browser.ended()


def test_in_the_poller(broken: Lab) -> None:
    """It reads for many, and gives one of them up; the other side is told as if that had left."""
    with costs_one_complaint(broken, "/raw/read", "a connection"):
        pair = broken.open("/raw/read")
        _speak(pair)
        assert pair.browser.ended()
        assert pair.member.closed()[0] == 1001
