"""The differences between Apache and panolb that a comparison accepts: each with its id, and how to know it.

Each function is shown what was sent and what both made of it.  It says what Apache's side would look like if Apache did as
panolb does; whatever it does not know it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .exchanges import Arrived, Ask, Lines, Reply, Seen

PREFIXES = (("/panopticon", "/panopticon"), ("/app", "/app"), ("/shop", "/inner"), ("", ""))
"""Paths of the configurations, and what members have instead."""


@dataclass(frozen=True)
class Sent:
    """One exchange, and where it stands.

    :ivar failed: whether a member has refused connections in this play.
    """

    ask: Ask
    reply: Reply
    configuration: str
    failed: bool


BROKEN = ("close", "reset", "garbage", "no colon")
IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")


class Parted(Exception):  # it is no error
    """The difference is one on purpose, and from here on both go ways of their own."""


Alike = Callable[[Sent, Seen, Seen], Seen]


@dataclass(frozen=True)
class Accepted:
    """A difference on purpose.

    :ivar id: its name in the table of deliberate differences, or, in brackets, why it is none.
    :ivar compat: whether the strict mode differs too.
    """

    id: str
    alike: Alike
    compat: bool = True


def requests(change: Callable[[Ask, Arrived, Arrived], Arrived]) -> Alike:
    """A difference of what a member gets."""

    def alike(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
        if apache.members != panolb.members:
            return apache
        pairs = zip(apache.arrived, panolb.arrived, strict=True)
        return replace(apache, arrived=[change(sent.ask, one, other) for one, other in pairs])

    return alike


def value(lines: Lines, name: str) -> str | None:
    """The value of a header."""
    return next((found for key, found in lines if key == name), None)


def like(lines: Lines, others: Lines, *names: str) -> Lines:
    """The lines with those of these names taken from the other side."""
    taken = [line for line in others if line[0] in names]
    return sorted([line for line in lines if line[0] not in names] + taken)


# -- what a member gets -------------------------------------------------------------------------------------------------


def forwarded_proto(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """panolb adds how the client came; nothing else may be in these headers."""
    if value(other.fields, "x-forwarded-proto") != "http":
        return one
    return replace(one, fields=like(one.fields, other.fields, "x-forwarded-proto", "x-forwarded-port"))


def small_bodies(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """Apache gives small chunked bodies a length, panolb passes chunks on as they come."""
    if not ask.chunked or value(other.fields, "transfer-encoding") != "chunked" or one.body != other.body:
        return one
    return replace(one, fields=like(one.fields, other.fields, "transfer-encoding", "content-length"))


def kept_connections(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """HTTP/1.1 connections are kept without a word."""
    if value(one.fields, "connection") != "Keep-Alive" or value(other.fields, "connection") is not None:
        return one
    return replace(one, fields=like(one.fields, other.fields, "connection"))


def cookies(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """Several Cookie headers are joined as RFC 6265 joins them."""
    given = [line.split(": ", 1)[1] for line in ask.fields if line.startswith("Cookie: ")]
    if len(given) < 2 or value(one.fields, "cookie") != ", ".join(given):
        return one
    return replace(one, fields=sorted([*like(one.fields, [], "cookie"), ("cookie", "; ".join(given))]))


def separate(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """Headers of the same name stay separate: the same values, one by one."""
    fields = list(one.fields)
    for name in {name for name, _ in other.fields}:
        values = [text for key, text in other.fields if key == name]
        joined = value(fields, name)
        if len(values) > 1 and joined is not None and sorted(joined.split(", ")) == sorted(values):
            fields = like(fields, other.fields, name)
    return replace(one, fields=sorted(fields))


def verbatim(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """The path as the client wrote it, but for the prefix."""
    as_written = [
        f"{ask.method} {inner}{ask.target.removeprefix(prefix)} HTTP/1.1"
        for prefix, inner in PREFIXES
        if ask.target.startswith(prefix)
    ]
    return replace(one, line=other.line) if other.line in as_written else one


def hops(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """Max-Forwards is not counted down."""
    given = [line.split(": ", 1)[1] for line in ask.fields if line.startswith("Max-Forwards: ")]
    if given != [value(other.fields, "max-forwards")]:
        return one
    return replace(one, fields=like(one.fields, other.fields, "max-forwards"))


def via(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """What we call ourselves in Via."""
    return replace(one, fields=called(one.fields, other.fields))


def called(lines: Lines, others: Lines) -> Lines:
    """The Via of the other side, if it is the same but for the name at its end."""
    texts = ", ".join(text for name, text in lines if name == "via")
    other = value(others, "via") or ""
    if other.endswith("1.1 panolb") and texts.rpartition("1.1 ")[0] + "1.1 panolb" == other:
        return like(lines, others, "via")
    return lines


def forwarded_host(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """The host that a trusted proxy names is kept."""
    name = "x-forwarded-host"
    mine, theirs = value(other.fields, name), value(one.fields, name)
    if mine is None or theirs is None or not theirs.startswith(f"{mine}, "):
        return one
    return replace(one, fields=like(one.fields, other.fields, name))


def forwarded(ask: Ask, one: Arrived, other: Arrived) -> Arrived:
    """What strangers say in X-Forwarded-* is replaced, not appended to."""
    fields = one.fields
    for name in ("x-forwarded-for", "x-forwarded-host", "x-forwarded-server"):
        mine, theirs = value(other.fields, name), value(fields, name)
        if mine is not None and theirs is not None and theirs.endswith(f", {mine}"):
            fields = like(fields, other.fields, name)
    return replace(one, fields=fields)


# -- what the client gets -----------------------------------------------------------------------------------------------


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


# -- what is another member, or none ------------------------------------------------------------------------------------


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
    """With one member drained and the others in error, these are tried."""
    if (
        sent.configuration == "tiers"
        and sent.failed
        and apache.status == 503
        and not apache.arrived
        and panolb.arrived
    ):
        raise Parted
    return apache


def cookie_routes(ask: Ask) -> bool:
    """Whether some cookie may name a route."""
    return any(line.startswith("Cookie:") and "ID=" in line for line in ask.fields)


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


DIFFERENCES: tuple[Accepted, ...] = (
    Accepted("forwarded-proto-port", requests(forwarded_proto)),
    Accepted("small-bodies-stay-chunked", requests(small_bodies)),
    Accepted("(framing of HTTP/1.1)", requests(kept_connections)),
    Accepted("cookie-joined", requests(cookies)),
    Accepted("fields-stay-apart", requests(separate)),
    Accepted("verbatim-path", requests(verbatim), compat=False),
    Accepted("forwarded-for-everybody", requests(forwarded), compat=False),
    Accepted("max-forwards", requests(hops)),
    Accepted("via-name", requests(via)),
    Accepted("via-name", via_back),
    Accepted("forwarded-host-kept", requests(forwarded_host)),
    Accepted("url-value-without-route", hidden_cookie),
    Accepted("failover-once-more", once_more),
    Accepted("garbage-502", garbage),
    Accepted("forced-recovery", forced_recovery),
    Accepted("raw-bytes-in-target", raw_bytes),
    Accepted("parameters-and-exclusions", excluded),
    Accepted("case-of-paths", steps_out),
    Accepted("slashes-before-prefix", slashes_first, compat=False),
    Accepted("headers-of-refused", refused),
    Accepted("(framing of HTTP/1.1)", framing),
    Accepted("(what is not proxied)", not_proxied),
    Accepted("(words of our own pages)", own_pages),
    Accepted("(who says Date and Server)", server_and_date),
    Accepted("(framing of HTTP/1.1)", persistence),
)


def as_panolb(sent: Sent, apache: Seen, panolb: Seen, *, compat: bool) -> Seen:
    """Apache's side of an exchange with all that is accepted taken out.

    :raises Parted: when there is nothing more to compare.
    """
    for difference in DIFFERENCES:
        if difference.compat or not compat:
            apache = difference.alike(sent, apache, panolb)
    return apache
