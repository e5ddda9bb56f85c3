"""What the keys about TLS of one listener must agree on."""

from __future__ import annotations

from collections.abc import Iterator

from panolb.config.findings import Finding
from panolb.config.model import Config, Listener, Tls
from panolb.config.places import KeyPath


def findings(config: Config, name: str) -> Iterator[Finding]:
    """Look at a listener's certificates, its TLS, and its redirect."""
    listener, at = config.listener[name], ("listener", name)
    endpoint: KeyPath = (*at, "endpoint")
    if listener.certificate and not listener.address.lower().startswith(("tcp:", "tcp6:", "systemd:")):
        message = "cannot speak TLS with a certificate; write tcp: and the port, or systemd:"
        yield Finding(endpoint, message, about=((*at, "certificate"),))
    if listener.certificate and listener.secure is False:
        message = "has a certificate, so clients speak TLS; take secure = false away"
        yield Finding((*at, "secure"), message, about=((*at, "certificate"),))
    yield from _tls(listener, at)
    yield from _redirect(config, listener, at)


def _tls(listener: Listener, at: KeyPath) -> Iterator[Finding]:
    tls, path = listener.tls, (*at, "tls")
    if not listener.shown and tls not in (Tls(), Tls(hsts=tls.hsts, hsts_subdomains=tls.hsts_subdomains)):
        yield Finding(
            path, "has no effect without a certificate", warning=True, about=((*at, "certificate"),)
        )
    if tls.hsts is not None and not listener.is_secure:
        message = "is for clients that speak TLS; browsers ignore it on other listeners, and it is not sent"
        yield Finding((*path, "hsts"), message, warning=True, about=((*at, "certificate"), (*at, "secure")))
    if tls.hsts_subdomains and tls.hsts is None:
        yield Finding(
            (*path, "hsts_subdomains"), "has no effect without hsts", warning=True, about=((*path, "hsts"),)
        )
    if tls.min_version > tls.max_version:
        yield Finding((*path, "min_version"), "is newer than max_version", about=((*path, "max_version"),))
    wanted: KeyPath = (*path, "client_certificate")
    if tls.client_certificate != "none" and tls.client_ca is None:
        message = "needs client_ca: the file with the authorities whose certificates are good"
        yield Finding(wanted, message, about=((*path, "client_ca"),))
    if tls.client_certificate == "none":
        for key in ("client_ca", "client_crl", "send_client_certificate"):
            if getattr(tls, key):
                message = 'has no effect: clients are not asked; write client_certificate = "required", or "optional"'
                yield Finding((*path, key), message, warning=True, about=(wanted,))


def _redirect(config: Config, listener: Listener, at: KeyPath) -> Iterator[Finding]:
    path, port = (*at, "redirect_to_https"), (*at, "https_port")
    if not listener.redirect_to_https:
        if listener.https_port is not None:
            yield Finding(port, "has no effect without redirect_to_https", warning=True, about=(path,))
        return
    if listener.is_secure:
        message = "clients of this listener speak TLS already, and would be sent in a circle; take it away"
        yield Finding(path, message, about=((*at, "certificate"), (*at, "endpoint"), (*at, "secure")))
    elif listener.https_port is None and not any(one.is_secure for one in config.listener.values()):
        message = "no listener here speaks TLS: clients are sent to port 443; give one a certificate, or write https_port"
        yield Finding(path, message, warning=True, about=(("listener",),))
