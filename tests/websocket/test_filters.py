"""Message filters: plugins that see whole messages, in a real process, and what they may do to them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest

from tests.docs.blocks import EXAMPLES
from tests.harness.plugin import plugin
from tests.harness.waiting import until
from tests.websocket.lab import Lab, running
from tests.websocket.peer import BINARY, CONTINUATION, PING, PONG, TEXT, Frame

BOTH = pytest.mark.parametrize("sender", ["client", "member"])
MOODS = pytest.mark.parametrize("mood", ["raise", "str", "no text"])

PLUGIN = '''\
from twisted.plugin import IPlugin
from zope.interface import implementer
from panolb.interfaces import IMessageFilter

class Labels:
    """Says what it knows of a message; some messages have it do something else."""
    def __init__(self, path):
        self.path = path
        self.seen = 0
    def message(self, sender, payload, binary):
        self.seen += 1
        if payload == b"drop":
            return None
        if payload == b"raise":
            raise RuntimeError("in a bad mood")
        if payload == b"str":
            return "no bytes"
        if payload == b"no text":
            return b"\\xff"
        kind = b"binary" if binary else b"text"
        return b"%s %s %d of %s: %s" % (sender.encode(), kind, self.seen, self.path, payload)

@implementer(IPlugin, IMessageFilter)
class LabelsPlugin:
    name = "labels"
    def filter(self, request):
        if request.field(b"x-unmade") is not None:
            raise RuntimeError("not today")
        return Labels(request.path)

class Upper:
    def message(self, sender, payload, binary):
        return payload.upper()

@implementer(IPlugin, IMessageFilter)
class UpperPlugin:
    name = "upper"
    def filter(self, request):
        return Upper()

labels = LabelsPlugin()
upper = UpperPlugin()
'''


@pytest.fixture(scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("filters")
    locations = {
        "/labels": ("raw", 'websocket_filter = ["labels"]\nwebsocket_max_message = "1KiB"'),
        "/two-filters": ("raw", 'websocket_filter = ["upper", "labels"]'),
        "/masked": ("raw", 'websocket_filter = ["mask-tokens"]'),
    }
    with plugin(directory, PLUGIN), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(EXAMPLES / "plugins"), prepend=os.pathsep)
        with running(directory, locations=locations) as lab:
            yield lab
            lab.panolb.terminate()
            assert lab.panolb.wait() == 0


@pytest.fixture
def own(_own: Lab) -> Iterator[Lab]:
    """A process with plugins of somebody else's; after each test it must serve nobody."""
    yield _own
    _own.settle()


@BOTH
def test_filter_sees_and_changes_messages(own: Lab, sender: str) -> None:
    """It is told who has sent what kind of message, and belongs to one WebSocket."""
    first, second = own.open("/labels/a"), own.open("/labels/b")
    for pair, path in ((first, "a"), (second, "b")):
        here, there = pair.direction(sender)
        here.send(TEXT, "Grüße".encode())
        assert there.frame() == Frame(TEXT, f"{sender} text 1 of /labels/{path}: Grüße".encode())
        here.send(BINARY, b"\xff\x00")
        assert there.frame() == Frame(BINARY, f"{sender} binary 2 of /labels/{path}: ".encode() + b"\xff\x00")
        there.send(TEXT, b"back")
        other = "member" if sender == "client" else "client"
        assert here.frame() == Frame(TEXT, f"{other} text 3 of /labels/{path}: back".encode())


@BOTH
def test_filter_sees_whole_messages(own: Lab, sender: str) -> None:
    """Fragments are put together first; what control frames stand between them passes at once."""
    here, there = own.open("/labels").direction(sender)
    euro = "€".encode()
    here.send(TEXT, b"one " + euro[:1], fin=False)
    here.send(PING, b"alive?")
    assert there.frame() == Frame(PING, b"alive?")
    there.send(PONG, b"alive?")
    assert here.frame() == Frame(PONG, b"alive?")
    here.send(CONTINUATION, euro[1:], fin=False)
    here.send(CONTINUATION, b" two")
    assert there.frame() == Frame(TEXT, f"{sender} text 1 of /labels: one € two".encode())


@BOTH
def test_filter_drops_a_message(own: Lab, sender: str) -> None:
    """The other side hears nothing of it, and the WebSocket goes on."""
    here, there = own.open("/labels").direction(sender)
    here.send(TEXT, b"drop")
    here.send(TEXT, b"next")
    assert there.frame() == Frame(TEXT, f"{sender} text 2 of /labels: next".encode())


def test_filters_in_the_order_of_the_configuration(own: Lab) -> None:
    """The second one sees what the first one made of it: capitals, but not of its own words."""
    pair = own.open("/two-filters")
    pair.browser.send(TEXT, b"said")
    assert pair.member.frame() == Frame(TEXT, b"client text 1 of /two-filters: SAID")


@BOTH
def test_messages_that_a_filter_collects_are_bounded(own: Lab, sender: str) -> None:
    """What is longer than ``websocket_max_message`` is not shown to it: 1009, fragments counted together."""
    here, there = own.open("/labels").direction(sender)
    here.send(BINARY, b"x" * 1000, fin=False)
    here.send(CONTINUATION, b"x" * 25)
    assert here.closed()[0] == 1009
    assert there.closed()[0] == 1009


def test_fragments_take_no_more_than_they_are(own: Lab) -> None:
    """A hundred thousand fragments of two bytes, collected for a filter, are 200,000 bytes and not fifty each."""
    here, there = own.open("/two-filters").direction("client")
    here.send(BINARY, b"in", fin=False)
    before = own.panolb.rss()
    burst = Frame(CONTINUATION, b"xy", fin=False).encode(mask=True) * 1000
    for _ in range(100):
        here.socket.sendall(burst)
    here.send(PING, b"all")
    assert there.frame() == Frame(PING, b"all")
    assert own.panolb.rss() - before < 2 << 20
    here.send(CONTINUATION, b"end")
    assert there.message().endswith(b"XYEND")


@BOTH
def test_text_is_checked_before_a_filter_sees_it(own: Lab, sender: str) -> None:
    """A text that is none is a violation, as without filters."""
    here, there = own.open("/labels").direction(sender)
    here.send(TEXT, b"good ", fin=False)
    here.send(CONTINUATION, b"\xff")
    assert here.closed()[0] == 1007
    assert there.closed()[0] == 1007


def test_compressed_messages_are_seen_inflated(own: Lab) -> None:
    """A filter knows nothing of compression."""
    browser = own.browse()
    browser.upgrade("/labels", "Sec-WebSocket-Extensions: permessage-deflate")
    member = own.raw.visit().switch()
    peer = browser.switched()
    deflate = zlib.compressobj(wbits=-15)
    peer.send(TEXT, (deflate.compress(b"said") + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)
    assert member.frame() == Frame(TEXT, b"client text 1 of /labels: said")


@BOTH
@MOODS
def test_filter_that_fails_costs_its_websocket(own: Lab, sender: str, mood: str) -> None:
    """An exception, and what cannot be sent: 1011 to both sides, a line of the log that names it, and nobody else hurt."""
    bystander = own.open("/labels")
    here, there = own.open("/labels").direction(sender)
    failures = len(own.panolb.lines("the message filter labels failed"))
    here.send(TEXT, mood.encode())
    here.send(TEXT, b"unseen")  # nothing passes that it has not seen
    assert here.closed()[0] == 1011
    assert there.closed()[0] == 1011
    assert len(own.panolb.lines("the message filter labels failed")) == failures + 1
    bystander.browser.send(TEXT, b"fine")
    assert bystander.member.frame() == Frame(TEXT, b"client text 1 of /labels: fine")


def test_reason_of_a_failure_is_in_the_log(own: Lab) -> None:
    """With its traceback, so that its author can find it, and with the word in the access log."""
    pair = own.open("/labels/logged")
    pair.browser.send(TEXT, b"raise")
    assert pair.browser.closed()[0] == 1011
    assert pair.member.closed()[0] == 1011
    assert "RuntimeError: in a bad mood" in own.panolb.log
    file = own.panolb.directory / "access.log"
    until(
        lambda: '/labels/logged HTTP/1.1" 101 - raw/r new - plugin-failed:1011 ' in file.read_text(),
        "the line",
    )


def test_filter_that_cannot_be_made(own: Lab) -> None:
    """The WebSocket is opened and closed with 1011: nothing passes unseen, not even what came with the 101."""
    browser = own.browse()
    browser.upgrade("/labels", "X-Unmade: yes", behind=Frame(TEXT, b"early").encode(mask=True))
    member = own.raw.visit().switch(behind=Frame(TEXT, b"welcome").encode(mask=False))
    assert browser.switched().closed()[0] == 1011
    assert member.closed()[0] == 1011
    assert "RuntimeError: not today" in own.panolb.log


def test_example_of_the_documentation(own: Lab) -> None:
    """Tokens are masked in what the member says, and nowhere else."""
    pair = own.open("/masked")
    secret = b'{"user": "x", "token" : "s3cret", "n": 1}'
    pair.member.send(TEXT, secret)
    assert pair.browser.frame() == Frame(TEXT, b'{"user": "x", "token" : "***", "n": 1}')
    pair.member.send(BINARY, secret)
    assert pair.browser.frame() == Frame(BINARY, secret)
    pair.browser.send(TEXT, secret)
    assert pair.member.frame() == Frame(TEXT, secret)
