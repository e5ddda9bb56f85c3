"""The control API over HTTP, for clients that have the token, or a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IOpenSSLContextFactory,
    IStreamServerEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import IResource, Resource
from zope.interface import implementer

from ..events import EventLogger
from .api.answers import answer
from .api.site import ApiRequest, ApiSite
from .credentials import Credentials

log = EventLogger()

CONNECTIONS = 100


class AuthorizedRequest(ApiRequest):
    """A request that is done only for who may."""

    _may = False

    def gotLength(self, length: int | None) -> None:
        """The head is complete."""
        site: Any = self.channel.site  # type: ignore[attr-defined]
        self._may = site.door.admits(self)
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body; of those who may not, nothing is kept."""
        super().handleContentChunk(data)
        if not self._may and self.content is not None:
            self.content.seek(0)
            self.content.truncate()

    def render(self, resrc: IResource) -> None:
        """Answer."""
        super().render(resrc if self._may else Unauthorized())


class Unauthorized(Resource):
    """What all others are told."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """Say what is missing (RFC 6750 section 3)."""
        given = request.requestHeaders.hasHeader(b"authorization")
        detail = b', error="invalid_token"' if given else b""
        request.setHeader(b"www-authenticate", b'Bearer realm="panolb"' + detail)
        return answer(
            request, {"error": "send Authorization: Bearer TOKEN, with the token in token_file"}, 401
        )


@implementer(IOpenSSLContextFactory)
class ControlHttp:
    """The API on a TCP endpoint.

    :param site: the API's.
    :param stranger: told the address of everybody who has not the right token.

    :ivar description: what the log calls it.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        description: str,
        site: ApiSite,
        credentials: Credentials,
        stranger: Callable[[bytes], None],
    ) -> None:
        self.description = description
        self._endpoint = endpoint
        self._stranger = stranger
        self._credentials = credentials
        self._port: IListeningPort | None = None
        site.requestFactory = AuthorizedRequest
        site.door = self
        self._site = site

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def become(self, credentials: Credentials) -> None:
        """Ask for these from now on."""
        self._credentials = credentials

    def admits(self, request: Any) -> bool:
        """Whether a request may be done."""
        if self._credentials.admit(request.requestHeaders.getRawHeaders(b"authorization", [])):
            return True
        self._stranger(getattr(request.getClientAddress(), "host", "?").encode("ascii", "replace"))
        return False

    def getContext(self) -> Any:
        """For each new connection: what it is encrypted with."""
        return self._credentials.getContext()

    @inlineCallbacks
    def start(self) -> Any:
        """Listen.  The Deferred fails when that is not possible."""
        factory: Any = self._site
        if self._credentials.tls is not None:
            factory = TLSMemoryBIOFactory(self, isClient=False, wrappedFactory=factory)
        self._port = yield self._endpoint.listen(_Bounded(factory))
        log.info("control API: listening on {description}", event="door.open", description=self.description)

    def stop(self) -> Deferred[None] | None:
        """Listen no more."""
        port, self._port = self._port, None
        return None if port is None else port.stopListening()


class _Bounded(WrappingFactory[ProtocolWrapper]):
    """No more than so many connections; those beyond are closed at once."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return super().buildProtocol(addr) if len(self.protocols) < CONNECTIONS else None
