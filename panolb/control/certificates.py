"""Certificates of listeners: read again at every reload, and taken by the connections that come after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from OpenSSL.crypto import X509
from OpenSSL.SSL import Context
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IOpenSSLContextFactory, IStreamServerEndpoint
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

from ..config.changedkeys import Change
from ..config.comparison import Comparison
from ..config.entries import Table


@attrs.frozen
class Certificate:
    """What a listener shows to its clients.

    :ivar options: certificate, chain and key.
    :ivar own: the first of the chain.
    """

    options: CertificateOptions
    own: X509

    @property
    def digests(self) -> list[bytes]:
        """What tells it from any other one."""
        chain: list[X509] = [self.own, *(self.options.extraCertChain or ())]
        return [one.digest("sha256") for one in chain]

    def __str__(self) -> str:
        until = (self.own.get_notAfter() or b"").decode("ascii")
        name = self.own.get_subject().CN or "no name"
        return f"{name}, valid until {until[:4]}-{until[4:6]}-{until[6:8]}, {self.digests[0].decode()[:11]}"


@implementer(IOpenSSLContextFactory)
class Shown:
    """Shows a certificate that can be replaced while its listener listens."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate

    def getContext(self) -> Context:
        """Of each connection, when it comes."""
        return self.certificate.options.getContext()


def show(endpoint: IStreamServerEndpoint) -> Shown | None:
    """Have the certificate of an endpoint replaceable, before it listens; ``None`` when it has none."""
    certificate = _certificate_of(endpoint)
    if certificate is None:
        return None
    shown = Shown(certificate)
    # What Twisted makes of the string it offers no other way to change.
    endpoint._sslContextFactory = shown  # type: ignore[attr-defined]
    return shown


def renewed(shown: Shown | None, endpoint: IStreamServerEndpoint) -> Certificate | None:
    """The certificate that stands in the files of an endpoint now; ``None`` when it is the one that is shown.

    :param endpoint: the listener's, made anew.
    :raises OpenSSL.SSL.Error: when key and certificate are not of each other, as amid their renewal.
    """
    certificate = None if shown is None else _certificate_of(endpoint)
    if shown is None or certificate is None or certificate.digests == shown.certificate.digests:
        return None
    certificate.options.getContext()
    return certificate


def with_renewed(comparison: Comparison, changes: Mapping[str, Change]) -> Comparison:
    """Add the certificates that listeners get to what a configuration changes.

    :param changes: by the listener's name.
    """
    entries = (
        attrs.evolve(one, changes=(*one.changes, changes[one.name])) if one.name in changes else one
        for one in comparison.listeners.entries
    )
    return attrs.evolve(comparison, listeners=Table(tuple(entries)))


def _certificate_of(endpoint: IStreamServerEndpoint) -> Certificate | None:
    """That of an endpoint that speaks TLS by itself (``ssl:``); plugins' keep theirs themselves."""
    options: Any = getattr(endpoint, "_sslContextFactory", None)
    if not isinstance(endpoint, SSL4ServerEndpoint) or not isinstance(options, CertificateOptions):
        return None
    return None if options.certificate is None else Certificate(options, options.certificate)
