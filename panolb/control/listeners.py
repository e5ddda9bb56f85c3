"""Listeners: the endpoints, and the twisted.web tree of their locations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolNegotiationFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site
from twisted.web.static import File
from zope.interface import implementer

from ..config import model
from ..core.location import Location
from ..core.routing import Table, host_name, is_for
from ..errors import BadRequest
from ..events import EventLogger
from ..proxy.arrivals import hear_announcements
from ..proxy.frontend import Frontend
from ..proxy.http1 import Http1
from ..proxy.refusals import too_many
from ..proxy.resource import ReverseProxyResource, refuse
from ..proxy.tls import Contexts, secure
from .accepting import ELSEWHERE, FULL, Acceptor
from .descriptors import Descriptors
from .episodes import Episode
from .tls import ListenerTls

if TYPE_CHECKING:
    from klein import Klein

log = EventLogger()


class NotFound(Resource):
    """What is answered where nothing was configured."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self

    def render(self, request: Request) -> bytes:
        """A small page of ours."""
        return refuse(request, BadRequest(404, "Nothing is served at this path."))


class TooMany(Resource):
    """What a client is answered that sends more requests than it may.

    :param wait: whole seconds after which it may send another one.
    """

    def __init__(self, wait: int) -> None:
        super().__init__()
        self._wait = wait

    def render(self, request: Request) -> bytes:
        """The same small page as everywhere."""
        return refuse(request, too_many(self._wait))


class Files(File):
    """A directory's files: no listings, and no dot files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.indexNames = ["index.html"]
        self.childNotFound: Any = NotFound()

    def directoryListing(self) -> Resource:
        """Nobody is shown what else there is."""
        return NotFound()

    def getChild(self, path: bytes, request: Request) -> Any:
        """``.git`` and ``.htpasswd`` were not put there to be served."""
        try:
            path.decode()
        except UnicodeDecodeError:
            return NotFound()
        return NotFound() if path.startswith(b".") else super().getChild(path, request)

    def render(self, request: Request) -> Any:
        """Files are read and nothing else."""
        if request.method not in (b"GET", b"HEAD"):
            return refuse(request, BadRequest(405, "Files can only be read.", (b"Allow: GET, HEAD",)))
        return super().render(request)


class Hosts(Resource):
    """Hands each request to the tree of its host.

    :param trees: by host name as in `panolb.core.routing.Place`.
    :param otherwise: the tree of all other hosts.
    """

    def __init__(self, trees: Mapping[bytes, Resource], otherwise: Resource) -> None:
        super().__init__()
        self._trees = trees
        self._otherwise = otherwise

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """Go on in the tree of the host, else in that of the nearest name above it."""
        host = host_name(request.getHeader(b"host") or b"")
        found, above = self._trees.get(host), host
        while found is None and above:
            above = above.partition(b".")[2]
            found = self._trees.get(b"*." + above)
        chosen = self._otherwise if found is None else found
        return chosen.getChildWithDefault(path, request)


def tree(table: Table[Location], files: Mapping[Location, str], frontend: Frontend) -> Resource:
    """The Resource tree of all locations; hosts with locations of their own get a tree each.

    :param files: the directory behind each location that serves files.
    """
    placed = [place for place in table.places if place.pattern is None]
    trees = {
        name: _grow([one for one in placed if not one.hosts or is_for(one.hosts, name)], files, frontend)
        for name in {name for place in placed for name in place.hosts}
    }
    everywhere = _grow([place for place in placed if not place.hosts], files, frontend)
    return Hosts(trees, everywhere) if trees else everywhere


def _grow(locations: Iterable[Location], files: Mapping[Location, str], frontend: Frontend) -> Resource:
    """Hang locations at their paths, but for those that others before them take all requests of.

    :param locations: in the order in which the table asks them.
    """
    leaves: dict[bytes, Resource] = {}
    taken: list[bytes] = []
    for place in locations:
        path = place.path.strip(b"/")
        if any(_below(path, one) for one in taken):
            continue
        if place.requests == "all":
            taken.append(path)
        if place in files:
            leaves[path] = Files(files[place])
        else:
            leaves.setdefault(path, ReverseProxyResource(frontend))
    leaves.setdefault(b"", ReverseProxyResource(frontend))
    root = leaves.pop(b"")
    for path in sorted(leaves, key=len):  # longer ones go below or beside shorter ones
        node: Any = root
        *parents, name = path.split(b"/")
        for parent in parents:
            if parent not in node.children:
                node.putChild(parent, ReverseProxyResource(frontend))
            node = node.children[parent]
        node.putChild(name, leaves[path])
    return root


def _below(path: bytes, other: bytes) -> bool:
    """Whether a path is another or lies below it; both without slashes at their ends."""
    return not other or path == other or path.startswith(other + b"/")


class LimitedRequest(Request):
    """A request that takes no more than the listener allows, and whose answer tells no version.

    :ivar began: clock reading at which its head was complete; ``None`` where no listener is known.
    """

    began: float | None = None
    _size = 0

    def render(self, resrc: Any) -> None:
        """Answer; twisted.web has put its own name and version into the header by now."""
        self.responseHeaders.removeHeader(b"server")
        site: Any = self.site
        if site.frontend is not None and site.frontend.hsts is not None:
            self.responseHeaders.setRawHeaders(b"strict-transport-security", [site.frontend.hsts])
        wait = 0 if site.frontend is None else self._must_wait(site.frontend)
        super().render(TooMany(wait) if wait else resrc)

    def isSecure(self) -> bool:
        """Whether the client speaks TLS, perhaps to a proxy before us; twisted.web knows no TLS but Twisted's own."""
        site: Any = self.site
        return super().isSecure() or (site.frontend is not None and site.frontend.secure)

    def _must_wait(self, frontend: Frontend) -> int:
        """Seconds after which the client may send it again; 0 when it may now."""
        if frontend.rates is None:
            return 0
        forwarded_for = ",".join(self.requestHeaders.getRawHeaders("x-forwarded-for", ()))
        client = frontend.peer(self.getClientAddress()).client_behind(
            forwarded_for.encode("latin-1", "replace")
        )
        return frontend.must_wait(client)

    def gotLength(self, length: int | None) -> None:
        """The head is complete; refuse what is announced to be too large."""
        super().gotLength(length)
        channel: Any = self.channel
        if channel.site.frontend is not None:
            self.began = channel.site.frontend.deadlines.clock()
        if length is not None:
            self._check(length)

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body; refuse what turns out to be too large."""
        self._size += len(data)
        self._check(self._size)
        super().handleContentChunk(data)

    def _check(self, size: int) -> None:
        channel: Any = self.channel
        limit = channel.site.max_body
        if limit is not None and size > limit:
            page: bytes = channel.site.too_large
            head = b"HTTP/1.1 413 Content Too Large\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
            channel.transport.write(
                head % (channel.site.page_type, len(page)) + b"Connection: close\r\n\r\n" + page
            )
            channel.loseConnection()


class Routed(Resource):
    """Klein's routes, the same under whatever name they are asked for.

    Klein answers 500 for a host name that is none, and without one on a UNIX socket; for a path that is not UTF-8 it
    writes a traceback.
    """

    isLeaf = True

    def __init__(self, routes: Klein) -> None:
        super().__init__()
        self._routes = routes.resource()

    def render(self, request: Any) -> Any:
        """Have the routes answer."""
        request.requestHeaders.setRawHeaders(b"host", [b"panolb"])
        request.postpath = [part.decode(errors="replace").encode() for part in request.postpath]
        return self._routes.render(request)


class QuietSite(Site):
    """A twisted.web site that writes nothing into the process's log, and parses no forms.

    :param note: told of every request that was answered.
    :param max_body: the largest body of a request in bytes; ``None`` for any.
    :param too_large: what the answer to a larger one says.
    :param page_type: the media type of that.
    :param frontend: who counts how many requests each client sends; ``None`` when nobody does.
    """

    noisy = False
    displayTracebacks = False

    def __init__(
        self,
        resource: IResource,
        reactor: Any,
        note: Callable[[Request], None] | None = None,
        max_body: int | None = None,
        too_large: bytes = b"",
        page_type: bytes = b"text/plain",
        frontend: Frontend | None = None,
    ) -> None:
        self._note = note
        self.max_body = max_body
        self.too_large = too_large
        self.page_type = page_type
        self.frontend = frontend
        super().__init__(
            resource, requestFactory=LimitedRequest, reactor=reactor, parsePOSTFormSubmission=False
        )

    def drain(self, channel: Any) -> None:
        """Let a channel end as soon as it has nothing in flight."""
        channel = getattr(channel, "_channel", channel)  # under the one that knows HTTP/2
        if channel.transport is None:
            return  # a WebSocket took the connection
        if not channel.requests:
            channel.loseConnection()
        channel.persistent = False
        for request in channel.requests:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])

    def log(self, request: Any) -> None:
        """Into our access log, if there is one."""
        if self._note is not None:
            self._note(request)


@implementer(IProtocolNegotiationFactory)
class Http1Factory(Factory):
    """Makes the connections of a listener."""

    noisy = False

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend

    def buildProtocol(self, addr: IAddress | None) -> Http1:
        return Http1(self._frontend)

    def acceptableProtocols(self) -> list[bytes]:
        """What ALPN offers: without this Twisted's TLS fails the handshake of every client that names protocols."""
        return [b"http/1.1"]


class NotPassedYet(Exception):
    """Another process opens the socket of a listener, and has not done so yet."""


class Listener:
    """One endpoint and its connections.

    :param description: the endpoint, as the operator writes it.
    :param descriptors: those that its clients take.
    :param tls: what clients are shown; ``None`` when they speak no TLS, or it is the endpoint's business.
    :param accepts: whether this process accepts them; else it holds the endpoint open for others.

    :ivar is_open: whether it listens.
    """

    def __init__(
        self,
        name: str,
        description: str,
        endpoint: IStreamServerEndpoint,
        frontend: Frontend,
        descriptors: Descriptors,
        tls: ListenerTls | None = None,
        accepts: bool = True,
    ) -> None:
        self.name = name
        self.description = description
        self.frontend = frontend
        frontend.on_full = self._note_full
        self.tls = tls
        self._contexts = None if tls is None else Contexts(tls.context, self._note_handshake)
        self._endpoint = endpoint
        self._port: IListeningPort | None = None
        self._acceptor = Acceptor(descriptors, 0 if accepts else ELSEWHERE)
        self._fullness = Episode(frontend.deadlines, self._say_full, self._say_room)

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def can_be(self, config: model.Listener) -> bool:
        """Whether it can be what a configuration says without being opened anew."""
        return self.description == config.address and (self._contexts is not None) == bool(config.shown)

    def show(self, tls: ListenerTls) -> None:
        """Show this to clients that come from now on."""
        assert self._contexts is not None
        self.tls = tls
        self._contexts.context = tls.context

    @inlineCallbacks
    def start(self) -> Any:
        """Open the endpoint.  The Deferred fails when that is not possible, with `NotPassedYet` when it comes later."""
        port: IListeningPort = yield self._endpoint.listen(Http1Factory(self.frontend))
        if self._contexts is not None:
            secure(port, self._contexts)
        hear_announcements(port, self.frontend)
        self._port, host = port, port.getHost()
        self._acceptor.watch(port)
        self.frontend.local = getattr(host, "host", "").encode("ascii"), getattr(host, "port", 0)
        log.info(
            "listener {name}: listening on {description}",
            event="listener.open",
            name=self.name,
            description=self.description,
        )

    @property
    def descriptor(self) -> int | None:
        """That of the socket on which it listens; ``None`` when it does not, or on something else than a socket of Twisted's."""
        port: Any = self._port
        return port.fileno() if isinstance(port, Port) else None

    def close(self) -> Deferred[None] | None:
        """Accept nobody any more."""
        port, self._port = self._port, None
        if port is None:
            return None
        self._acceptor.forget()
        self.frontend.turn_arrivals_away()
        return port.stopListening()

    def _note_handshake(self, address: str, why: str) -> None:
        self.frontend.unopened(address, "handshake", why)

    def _note_full(self, full: bool) -> None:
        if full:
            self._acceptor.stop(FULL)
            self._fullness.begin()
        else:
            self._acceptor.go_on(FULL)
            self._fullness.end()

    def _say_full(self) -> None:
        log.warn(
            "listener {name}: its {most} connections (max_connections) are taken; new clients wait until one ends",
            event="limit.connections",
            name=self.name,
            most=self.frontend.limits.max_connections,
        )

    def _say_room(self, seconds: float) -> None:
        log.info(
            "listener {name}: there is room for new clients; for {seconds:.1f} s they may have had to wait",
            event="limit.connections_over",
            name=self.name,
            seconds=seconds,
        )
