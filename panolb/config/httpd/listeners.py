"""What a server says about its clients' connections becomes the Listener of each ``Listen``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from panolb.config.httpd.addresses import Door
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import atoi, duration
from panolb.config.httpd.scopes import Scope
from panolb.config.httpd.tls import Secured
from panolb.config.model import Listener

EVERYBODY: Final = ("0.0.0.0/0", "::/0")
"""Networks of peers whose X-Forwarded-For Apache appends to."""

_KIB: Final = 1024
_ANY_NUMBER: Final = 10_000  # of fields; max_head is the limit long before


def listener(door: Door, secured: Secured, remarks: Remarks, *, exact: bool) -> Listener | None:
    """Make the listener of a door; None when there is a problem, which has then been told.

    As in Apache the first virtual host of the address decides, since nobody knows the request's host yet.
    """
    server = door.servers[0]
    values: dict[str, Any] = {
        "endpoint": door.endpoint(),
        "certificate": secured.certificates,
        "tls": secured.tls,
    }
    if exact:
        # Apache's defaults where panolb's are others.
        values |= {"idle_timeout": 5.0, "max_requests": 100, "body_rate": 0}
    for name, read in _READ.items():
        node = server.last(name)
        if node is not None:
            try:
                values |= read(node, remarks)
            except ValueError as error:
                remarks.problem(node, str(error))
    trusted = _trusted(server, remarks)
    if trusted or exact:
        values["trusted_proxies"] = [ip_network(text) for text in (EVERYBODY if exact else trusted)]
    values |= _announced(server, remarks)
    if values.get("max_target", 0) > values.get("max_head", 32 * _KIB):
        values["max_head"] = values["max_target"] + 32 * _KIB
    try:
        return Listener(**values)
    except ValueError as error:
        remarks.problem(door.node, str(error))
        return None


def _keepalive(node: Directive, remarks: Remarks) -> dict[str, Any]:
    return {} if node.args[0].lower() == "on" else {"keepalive": False}


def _requests(node: Directive, remarks: Remarks) -> dict[str, Any]:
    number = atoi(node.args[0])
    return {"max_requests": number or None}


def _idle(node: Directive, remarks: Remarks) -> dict[str, Any]:
    return {"idle_timeout": duration(node.args[0], "s")}


def _line(node: Directive, remarks: Remarks) -> dict[str, Any]:
    number = atoi(node.args[0])
    if number < 0:
        raise ValueError("must be a non-negative integer")
    return {"max_target": max(256, number)}


def _field(node: Directive, remarks: Remarks) -> dict[str, Any]:
    number = atoi(node.args[0])
    if number < 0:
        raise ValueError("must be a non-negative integer")
    if number + 8 * _KIB <= 32 * _KIB:
        words = (
            "max_head counts the whole head, not one field; what panolb takes by itself is enough for this."
        )
        remarks.say(node, Verdict.RUN, words)
        return {}
    return {"max_head": min(_KIB * _KIB, number + 8 * _KIB)}


def _fields(node: Directive, remarks: Remarks) -> dict[str, Any]:
    number = atoi(node.args[0])
    return {"max_fields": max(10, min(number, _ANY_NUMBER)) if number else _ANY_NUMBER}


def _timeout(node: Directive, remarks: Remarks) -> dict[str, Any]:
    return {"body_timeout": float(max(1, atoi(node.args[0])))}


def _reading(node: Directive, remarks: Remarks) -> dict[str, Any]:
    """``handshake=5 header=20-40,MinRate=500 body=20,MinRate=500``: of a range of times the longest counts."""
    found: dict[str, Any] = {}
    for word in node.args:
        match = re.fullmatch(
            r"(header|body|handshake)=(\d+)(?:-(\d+))?(?:,minrate=(\d+))?", word, re.IGNORECASE
        )
        if match is None:
            raise ValueError(f"{word} is not understood; write it like header=20-40,MinRate=500")
        stage, longest = match[1].lower(), float(match[3] or match[2])
        if longest > 0:
            found[_STAGES[stage]] = longest
        if stage == "body":
            found["body_rate"] = min(int(match[4] or 0), _KIB * _KIB)
    return found


_STAGES: Final = {"handshake": "tls_timeout", "header": "header_timeout", "body": "body_timeout"}

_READ: Final = {
    "KeepAlive": _keepalive,
    "KeepAliveTimeout": _idle,
    "MaxKeepAliveRequests": _requests,
    "LimitRequestLine": _line,
    "LimitRequestFieldSize": _field,
    "LimitRequestFields": _fields,
    "Timeout": _timeout,
    "RequestReadTimeout": _reading,
}


def _trusted(server: Scope, remarks: Remarks) -> list[str]:
    """Return the proxies in front of us."""
    found: list[str] = []
    header = server.word("RemoteIPHeader").lower()
    nodes = server.all("RemoteIPTrustedProxy", "RemoteIPInternalProxy")
    if header and header != "x-forwarded-for":
        node = server.last("RemoteIPHeader")
        assert node is not None
        remarks.lost(node, "panolb knows the client by X-Forwarded-For only.")
        return []
    for node in nodes if header or _is_announced(server) else ():
        found += _networks(node, remarks)
    return list(dict.fromkeys(found))


def _is_announced(server: Scope) -> bool:
    return server.on("RemoteIPProxyProtocol")


def _announced(server: Scope, remarks: Remarks) -> dict[str, Any]:
    """Return how clients are announced by the PROXY protocol."""
    if not _is_announced(server):
        return {}
    found: list[str] = []
    for node in server.all("RemoteIPProxyProtocolExceptions"):
        found += _networks(node, remarks)
    return {"proxy_protocol": True, "proxy_protocol_exceptions": [ip_network(text) for text in found]}


def _networks(node: Directive, remarks: Remarks) -> Iterator[str]:
    """Yield the networks that a line names; names are lost."""
    for word in node.args:
        try:
            yield str(ip_network(word, strict=False))
        except ValueError:
            remarks.lost(node, f"{word} is a name; write the proxy's address or network.")
