"""How to know a difference on purpose in what the client gets, or in who serves it.

Each function is shown what was sent and what both made of it.  It says what Apache's side would look like if Apache did as
panolb does; whatever it does not know it leaves alone.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .exchanges import Ask, Seen
from .recognised_requests import called
from .recognising import Parted, Sent, like, value

BROKEN = ("close", "reset", "garbage", "no colon")
IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")


def own_pages(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Pages of our own have our words; the status is the same."""
    if not (apache.own and panolb.own and apache.status == panolb.status >= 400):
        return apache
    names = (
        "content-type",
        "content-length",
        "connection",
        "cache-control",
        "allow",
        "accept",
        "retry-after",
    )
    body = apache.body if b"<html" not in apache.body.lower() else panolb.body
    return replace(apache, reason=panolb.reason, body=body, fields=like(apache.fields, panolb.fields, *names))


def server_and_date(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """What the member does not say of itself, panolb does not say for it."""
    return replace(apache, fields=like(apache.fields, panolb.fields, "date", "server"))


def persistence(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Which answers end the client's connection."""
    return replace(apache, fields=like(apache.fields, panolb.fields, "connection", "keep-alive"))


def via_back(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """The same in the answer."""
    return replace(apache, fields=called(apache.fields, panolb.fields))


def framing(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Apache says another framing of an answer that has no body: to a HEAD, or of no chunks."""
    if apache.body or panolb.body:
        return apache
    if sent.ask.method != "HEAD" and value(apache.fields, "content-length") != "0":
        return apache
    return replace(apache, fields=like(apache.fields, panolb.fields, "content-length", "transfer-encoding"))


def refused(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Requests that no location is looked for get no headers of one."""
    if not (apache.own and panolb.own and apache.status == panolb.status == 400):
        return apache
    return replace(apache, fields=like(apache.fields, panolb.fields, "x-always"))


def hidden_cookie(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """A value in the URL that names no route does not hide the cookie."""
    if re.search(r"[?&;](ROUTEID|jsessionid)=[^?&.]+$", sent.ask.target) and cookie_routes(sent.ask):
        raise Parted
    return apache


def once_more(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Idempotent requests that a member has broken off are repeated on another one, and on a new connection."""
    if sent.reply.failure not in BROKEN or sent.ask.method not in IDEMPOTENT:
        return apache
    repeated = len(panolb.arrived) > len(apache.arrived) and set(panolb.members) >= set(apache.members)
    in_vain = (apache.status, panolb.status) == (502, 503)
    if repeated or in_vain:
        raise Parted
    return apache


def garbage(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """What is no HTTP is no answer."""
    if sent.reply.failure == "garbage" and apache.status == 200 and panolb.status == 502:
        raise Parted
    return apache


def forced_recovery(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Before anybody is told that nobody can serve him, those in error are tried."""
    if sent.failed and apache.status == 503 and not apache.arrived and panolb.arrived:
        raise Parted
    return apache


def cookie_routes(ask: Ask) -> bool:
    """Whether some cookie may name a route."""
    return any(line.startswith("Cookie:") and "ID" in line for line in ask.fields)


def raw_bytes(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """A target that is none by RFC 9112 is refused."""
    if panolb.status == 400 and not panolb.arrived and not sent.ask.target.isascii():
        raise Parted
    return apache


def excluded(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Path parameters do not lead around a ProxyPass PATH !"""
    path = re.sub("/+", "/", re.sub(";[^/?]*", "", sent.ask.target))
    if (
        panolb.status == 404
        and not panolb.arrived
        and ";" in sent.ask.target
        and path.startswith("/shop/static")
    ):
        raise Parted
    return apache


def steps_out(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Dots that lead out of the prefix for someone are refused."""
    if panolb.status in {400, 404} and not panolb.arrived and re.search(r";.*/\.\.", sent.ask.target):
        raise Parted
    return apache


def dots(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Dots are not resolved, so what leads out of a prefix by them is refused."""
    if panolb.status in {400, 404} and not panolb.arrived and "/.." in sent.ask.target:
        raise Parted
    return apache


def slashes_first(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """Where the prefix has to be replaced, slashes before it are not."""
    if panolb.status == 404 and not panolb.arrived and sent.ask.target.startswith("//shop"):
        raise Parted
    return apache


def not_proxied(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
    """What is not proxied is a missing file to Apache, and some methods are answered without looking for it."""
    if apache.members or panolb.members or panolb.status != 404 or apache.status not in {200, 405}:
        return apache
    return panolb if value(apache.fields, "allow") is not None else apache
