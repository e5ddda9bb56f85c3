"""A demo member: one small stateful application on a port of its own, that can crash and come back."""

# mypy: allow-untyped-calls
# (most of twisted.web's and autobahn's methods have no annotations)

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Site

from panolb.demo import pages, streams
from panolb.demo.live import LiveFeed, LiveSocket
from panolb.demo.sessions import CONTEXT_PATH, Sessions

INTERFACE = "127.0.0.1"
"""Demo members are for this machine only."""

KEEP_ALIVE = 20.0
"""Seconds that an idle connection is kept, as Tomcat's shipped server.xml has it."""

LAST_WORDS = 0.2
"""Seconds between the answer to a kill request and the death, so that the answer gets out."""

CLOSING = 2.0
"""Seconds that clients have to close their side when the service stops."""

PORT_TAKEN = 1.0
"""Seconds until the next try when somebody else has taken the port meanwhile."""


class QuietSite(Site):
    """twisted.web's site without its access log: the balancer in front has one."""

    noisy = False

    def log(self, request: Any) -> None:
        """Write nothing."""


class Connections(WrappingFactory):
    """Every open connection of a member, so that all of them can be cut at once."""

    noisy = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._waiting: Deferred[None] | None = None

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """A connection is gone; maybe it was the last."""
        super().unregisterProtocol(p)
        if self._waiting is not None and not self.protocols:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def abort(self) -> None:
        """Cut every connection with a TCP reset: no close frame, no end of an answer."""
        for wrapper in self._open():
            wrapper.transport.abortConnection()

    def close(self) -> Deferred[None]:
        """Close every HTTP connection; the result fires when no connection is left, WebSockets included."""
        for wrapper in self._open():
            if not isinstance(wrapper.wrappedProtocol, LiveSocket):
                wrapper.loseConnection()
        if not self.protocols:
            return succeed(None)
        self._waiting = Deferred()
        return self._waiting

    def _open(self) -> list[Any]:
        return list(self.protocols)


class DemoMember(Service):
    """One member to balance: a dashboard under ``/panopticon`` that keeps its sessions in memory.

    :param reactor: IReactorTCP and IReactorTime.
    :param name: what the page calls this member, in big letters; also the service's name.
    :param route: the member's route, written into its session ids.
    :param port: where it listens on 127.0.0.1; 0 for any free port, kept over outages.
    :param outage: seconds until a killed member listens again.
    """

    _log = Logger()

    def __init__(self, reactor: Any, name: str, route: str, port: int = 0, outage: float = 20.0) -> None:
        self.name = name
        self._reactor = reactor
        self._port = port
        self._outage = outage
        self._sessions = Sessions(route)
        self._feed = LiveFeed(reactor, name, route, self._sessions)
        application = pages.Application(
            reactor=reactor, name=name, route=route, outage=outage, sessions=self._sessions, kill=self.kill
        )
        site = QuietSite(
            tree(application, self._feed), parsePOSTFormSubmission=False, timeout=KEEP_ALIVE, reactor=reactor
        )
        self._connections = Connections(site)
        self._listening: Any = None
        self._pending: IDelayedCall | None = None

    @property
    def port(self) -> int:
        """The port it listens on; before the first start the one that was asked for."""
        return self._port

    @property
    def up(self) -> bool:
        """Whether it listens."""
        return self._listening is not None

    def startService(self) -> None:
        """Listen. :raises twisted.internet.error.CannotListenError: when the port is taken."""
        self._listen()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Stop listening, close WebSockets with 1001 and all else, and wait a little for the clients."""
        super().stopService()
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._stop_listening()
        self._sessions.clear()
        self._feed.close("the demo member is stopping")
        closed = self._connections.close()
        impatience = self._reactor.callLater(CLOSING, self._connections.abort)

        def done(_result: None) -> None:
            if impatience.active():
                impatience.cancel()

        return closed.addCallback(done)

    def kill(self) -> float:
        """Crash a moment from now and come back after the outage; returns in how many seconds it dies."""
        if self.up and self._pending is None:
            self._pending = self._reactor.callLater(LAST_WORDS, self._crash)
        return LAST_WORDS

    def _crash(self) -> None:
        self._stop_listening()
        self._connections.abort()
        self._sessions.clear()
        self._pending = self._reactor.callLater(self._outage, self._return)
        self._log.warn(
            "demo member {name} was killed from its page; it returns in {outage:g} s",
            name=self.name,
            outage=self._outage,
        )

    def _return(self) -> None:
        self._pending = None
        try:
            self._listen()
        except CannotListenError as error:
            self._log.error("demo member {name} cannot return yet: {error}", name=self.name, error=error)
            self._pending = self._reactor.callLater(PORT_TAKEN, self._return)

    def _listen(self) -> None:
        self._listening = self._reactor.listenTCP(self._port, self._connections, interface=INTERFACE)
        self._port = self._listening.getHost().port
        self._feed.start()
        self._log.info(
            "demo member {name} serves http://{host}:{port}{path}/",
            name=self.name,
            host=INTERFACE,
            port=self._port,
            path=CONTEXT_PATH,
        )

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.stopListening()
            self._feed.stop()


def tree(application: pages.Application, feed: LiveFeed) -> Resource:
    """The resources of one member."""
    context = pages.Context(application)
    leaves: dict[bytes, Resource] = {
        b"": pages.Dashboard(application),
        b"login": pages.LogIn(application),
        b"logout": pages.LogOut(application),
        b"whoami": pages.WhoAmI(application),
        b"health": pages.Health(application),
        b"kill": pages.Kill(application),
        b"ws": pages.Upgrade(feed.resource()),
        b"slow": streams.Slow(application),
        b"upload": streams.Upload(application),
        b"download": streams.Download(application),
        b"events": streams.Events(application),
    }
    for name, leaf in leaves.items():
        context.putChild(name, leaf)
    root = Resource()
    root.putChild(CONTEXT_PATH[1:].encode(), context)
    return root
