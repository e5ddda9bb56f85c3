"""What nobody foresaw: an exception anywhere costs one exchange a 502 or its connection, and is logged once."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.client import Cut
from tests.harness.plugin import plugin
from tests.harness.scripts import Script, Stall, answer, raw
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, until
from tests.proxy.lab import Lab, running

FAULTS = '''\
"""Has methods of panolb raise, each for requests whose path ends with its name."""
from twisted.plugin import IPlugin
from zope.interface import implementer
from panolb.control.accesslog import PlainLog
from panolb.core.exchange import Exchange
from panolb.core.location import Location
from panolb.core.policies import ByRequests
from panolb.core.sticky import RouteResolver
from panolb.interfaces import IBalancingMethod, IStickyResolver
from panolb.proxy.wire import DirectWire

def raise_in(owner, name, request_of):
    sound = getattr(owner, name)
    def broken(self, *args):
        if request_of(self, *args).path.endswith(b"/" + name.encode()):
            raise RuntimeError(f"{name} is broken")
        return sound(self, *args)
    setattr(owner, name, broken)

for name in (
    "start", "request_data", "request_end", "response_head", "response_data", "response_end",
    "client_lost", "client_timeout", "link_timeout", "link_failed",
):
    raise_in(Exchange, name, lambda exchange, *args: exchange.request)
raise_in(Location, "request_head", lambda location, exchange, member: exchange.request)
raise_in(PlainLog, "write", lambda log, exchange: exchange.request)

send = DirectWire._send
def broken_send(self, data):
    if b"/send_to_member " in data or b"X-Break: send" in data:
        raise RuntimeError(("send_to_member" if b"GET " in data else "send") + " is broken")
    send(self, data)
DirectWire._send = broken_send

class Resolver(RouteResolver):
    def resolve(self, request):
        if request.path.endswith(b"/resolve"):
            raise RuntimeError("resolve is broken")
        return super().resolve(request)

class Policy(ByRequests):
    def pick(self, candidates):
        if started[-1].endswith(b"/pick"):
            raise RuntimeError("pick is broken")
        return super().pick(candidates)

started = []
start = Exchange.start
def note(exchange):
    started[:] = [exchange.request.path]
    start(exchange)
Exchange.start = note

@implementer(IPlugin, IStickyResolver)
class Resolvers:
    name = "faulty"
    resolver = Resolver

@implementer(IPlugin, IBalancingMethod)
class Methods:
    name = "faulty"
    policy = Policy

resolvers, methods = Resolvers(), Methods()
'''

BALANCER = """\
resolver = "faulty"
lbmethod = "faulty"
response_timeout = "500ms"
"""
ACCESS_LOG = '[[access_log]]\npath = "access.log"\nformat = "common"\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A process with faults, one of them in each of its parts."""
    directory = tmp_path_factory.mktemp("unexpected")
    with (
        plugin(directory, FAULTS),
        running(
            directory, listener='body_timeout = "500ms"', balancer=BALANCER, more=ACCESS_LOG, healthy=False
        ) as lab,
    ):
        yield lab
        lab.panolb.terminate()
        assert lab.panolb.wait() == 0


class Trickle:
    """An answer that goes on, byte by byte, until it is told to end."""

    def __init__(self) -> None:
        self._end = threading.Event()

    def __call__(self, talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self._end.wait(0.05):
            talk.send(b"1\r\n.\r\n")
        talk.send(b"0\r\n\r\n")

    def end(self) -> None:
        self._end.set()


class Scene:
    """The lab with a script for the request that goes wrong, and another client whose answer is under way meanwhile."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.script: Script = answer(b"sound")
        self._trickle, sound = Trickle(), answer(b"sound")
        others: dict[str, Script] = {"/app/neighbour": self._trickle, "/app/after": sound}
        lab.member.script = lambda talk, request: others.get(request.target, self.script)(talk, request)
        self._said = len(lab.panolb.log)

    @contextmanager
    def neighbour(self) -> Iterator[None]:
        """Insist that the other client gets all of its answer, and the next one on the same connections."""
        with self.lab.client() as client:
            client.ask("GET", "/app/neighbour")
            client.head()
            yield
            self._trickle.end()
            while client.piece() is not None:
                pass
            assert client.get("/app/after").status == 200
        assert self.lab.states()["1"]["state"] == "up"

    def complaints(self, name: str) -> list[str]:
        """What the log says since the beginning: whose request it was, each with the traceback's last line."""
        said = self.lab.panolb.log[self._said :]
        found: list[str] = re.findall(r"(?:exchange|request) (\w+-\w+): .*", said)
        assert said.count("Traceback") == said.count(f"RuntimeError: {name} is broken"), said
        return found


@pytest.fixture
def scene(lab: Lab) -> Iterator[Scene]:
    """What is around the request that goes wrong."""
    scene = Scene(lab)
    with scene.neighbour():
        yield scene


HALF = b"HTTP/1.1 200 OK\r\nX-Break: send\r\nContent-Length: 10\r\n\r\nhalf."


def silence(talk: Talk, request: Request) -> None:
    """Answer nothing, and wait for the end of the connection."""
    talk.ended()


PAGE = [
    ("resolve", "GET", answer()),
    ("pick", "GET", answer()),
    ("start", "GET", answer()),
    ("request_head", "GET", answer()),
    ("request_data", "POST", answer()),
    ("request_end", "POST", answer()),
    ("response_head", "GET", answer()),
    ("link_timeout", "GET", silence),
    ("send_to_member", "GET", answer()),
]
"""Where the exception is, the method, and what the member does; the client gets a page."""

CUT = [
    ("response_data", "GET", answer(b"body")),
    ("response_end", "GET", answer()),
    ("link_failed", "GET", raw(HALF.replace(b"send", b"not"), end=True)),
    ("send", "GET", raw(HALF)),
]
"""The same where an answer is under way, or nothing can be said: the connection ends."""


@pytest.mark.parametrize(("name", "method", "script"), PAGE, ids=[name for name, *_ in PAGE])
def test_a_page(scene: Scene, name: str, method: str, script: Script) -> None:
    """502, with the id under which the log tells why; the member's connection is not used again."""
    scene.script = script
    with scene.lab.client() as client:
        client.ask(method, f"/app/{name}", body=b"body" if method == "POST" else b"")
        page = client.answer(method)
    assert page.status == 502
    (told,) = scene.complaints(name)
    assert told in page.body.decode()


@pytest.mark.parametrize(("name", "method", "script"), CUT, ids=[name for name, *_ in CUT])
def test_a_cut(scene: Scene, name: str, method: str, script: Script) -> None:
    """Never an answer that looks whole and is not."""
    scene.script = script
    with scene.lab.client() as client, pytest.raises((Cut, ConnectionError)):
        client.ask(method, f"/app/{name}")
        client.answer(method)
        client.get("/app/after")
    until(lambda: len(scene.complaints(name)) == 1, "the log to tell")


def test_a_line_of_the_access_log(scene: Scene) -> None:
    """It is lost; the answer is not, nor the connection."""
    with scene.lab.client() as client:
        assert client.get("/app/write").body == b"sound"
        assert client.get("/app/after").body == b"sound"
    assert len(scene.complaints("write")) == 1


def test_a_client_that_leaves(scene: Scene) -> None:
    """The member's connection ends all the same."""
    scene.script = stall = Stall()
    with scene.lab.client() as client:
        client.ask("GET", "/app/client_lost")
        stall.wait()
    assert stall.ended.wait(PATIENCE)
    assert len(scene.complaints("client_lost")) == 1


def test_a_client_that_is_too_slow(scene: Scene) -> None:
    """Its connection ends."""
    with scene.lab.client() as client:
        client.send(
            "POST /app/client_timeout HTTP/1.1\r\nHost: panolb.test\r\nContent-Length: 10\r\n\r\nhalf."
        )
        assert client.answer("POST").status == 502
    assert len(scene.complaints("client_timeout")) == 1


@pytest.mark.parametrize(
    ("name", "status"), [("start", 502), ("request_head", 502), ("response_head", 502), ("response_data", 0)]
)
def test_behind_twisted_web(scene: Scene, name: str, status: int) -> None:
    """The same for a request that comes through twisted.web, on a connection that asked for a file before."""
    scene.script = answer(b"body")
    with scene.lab.client() as client:
        assert client.get("/nowhere").status == 404
        if status:
            assert client.get(f"/app/{name}").status == status
        else:
            with pytest.raises((Cut, ConnectionError)):
                client.get(f"/app/{name}")
    assert len(scene.complaints(name)) == 1


def test_a_client_that_leaves_twisted_web(scene: Scene) -> None:
    """The member's connection ends all the same."""
    scene.script = stall = Stall()
    with scene.lab.client() as client:
        assert client.get("/nowhere").status == 404
        client.ask("GET", "/app/client_lost")
        stall.wait()
    assert stall.ended.wait(PATIENCE)
    assert len(scene.complaints("client_lost")) == 1
