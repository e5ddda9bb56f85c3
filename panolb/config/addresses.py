"""Checks and takes apart what names a place on the net or in a tree of paths: member URLs, hosts, location paths."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
"""Of members: what each of them is, as WebSockets begin as requests."""
_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")
"""RFC 3986 section 3.3: what may stand in a path as it is."""


def explain_url(url: str) -> str | None:
    """Say why a member's URL cannot be used, or return None."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f'is not a URL ({error}); write it like "http://localhost:8080/panopticon"'
    if parts.scheme not in _SCHEMES or not url.lower().startswith(f"{parts.scheme}://") or not host:
        return 'must be a URL like "http://localhost:8080/panopticon"'
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or a password"
    if "?" in url or "#" in url:
        return "must end with the path; a query or a fragment has no meaning here"
    if port == 0 or parts.netloc.endswith(":"):
        return f"needs a port from 1 to 65535, or none for port {_PORTS[_SCHEMES[parts.scheme]]}"
    return explain_host(_bare_host(parts)) or explain_path(parts.path or "/")


def split_url(url: str) -> tuple[str, int, str]:
    """Return host (IPv6 without brackets), port and path (may be empty) of a URL that has no complaint."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[_SCHEMES.get(parts.scheme, "http")], parts.path


def plain_url(url: str) -> str:
    """Return a member's URL with ``http`` for ``ws`` and ``https`` for ``wss``: one server serves both."""
    scheme, mark, rest = url.partition("://")
    return _SCHEMES.get(scheme.lower(), scheme) + mark + rest


def is_secure(url: str) -> bool:
    """Whether a member's URL asks for TLS."""
    return url.partition("://")[0].lower() in ("https", "wss")


def explain_host(host: str) -> str | None:
    """Say why a host name, IPv4 address or bracketed IPv6 address (no port) cannot be used, or return None."""
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return "has brackets, but no IPv6 address between them"
        return None
    if _HOST.fullmatch(host):
        return None
    if re.fullmatch(r".+:[0-9]+", host):
        return "must be a host name alone, without a port"
    return 'must be a host name like "panopticon.example.org"'


def explain_server(name: str) -> str | None:
    """Say why a text is neither a host name nor an IP address (IPv6 without brackets), or return None."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return explain_host(name) if not name.startswith("[") else "must be an address without brackets"
    return None


def explain_pattern(host: str) -> str | None:
    """Say why a text is neither a host nor ``*.`` and a domain, or return None."""
    return explain_host(host.removeprefix("*."))


def explain_path(path: str) -> str | None:
    """Say why a URL path cannot be used, or return None."""
    if not path.startswith("/"):
        return 'must start with "/"'
    if "?" in path or "#" in path:
        return "must be a path alone, without a query or a fragment"
    if not _PATH.fullmatch(path):
        return "has characters that must be written as %XX in a URL path"
    if any(segment in (".", "..") for segment in path.lower().replace("%2e", ".").split("/")):
        return 'must not have "." or ".." as a segment'
    return None


def _bare_host(parts: SplitResult) -> str:
    """Return the host as written, with the brackets of an IPv6 address and without the port."""
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host
