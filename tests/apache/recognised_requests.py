"""How to know a difference on purpose in what a member gets.

Each function is shown what was sent and what both made of it.  It says what Apache's side would look like if Apache did as
panolb does; whatever it does not know it leaves alone.
"""

from __future__ import annotations

from dataclasses import replace

from .exchanges import Arrived, Ask, Lines
from .recognising import like, value

PREFIXES = (("/panopticon", "/panopticon"), ("/app", "/app"), ("/shop", "/inner"), ("", ""))
"""Paths of the configurations, and what members have instead."""


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
