"""Configurations drawn by chance: every table, every key, every kind of value."""

from __future__ import annotations

import tomllib
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal, get_args, get_origin

import attrs
from hypothesis import strategies as st

from panolb.config import Config, Listener, Location
from panolb.config.rules import (
    VERIFIED,
    Auto,
    Compression,
    Each,
    Lane,
    Names,
    Rule,
    Seconds,
    Size,
    StatusRange,
    Unverified,
    Workers,
)
from panolb.config.tables import Field, example, keys, optional

PRINTED = st.characters(exclude_characters="\x7f", exclude_categories=["Cs"], min_codepoint=0x20)
TOKENS = st.text("abXY09!#$%&'*+.^_`|~-", min_size=1, max_size=12)
PATTERNS = st.sampled_from([r"^/a/(\d+)$", "it's", r"""it's "\w" """, '"', r"\\", "ü|\\.js$", "x" * 200])
STATUSES = st.sampled_from(["200", "404", "300-399"])
NETWORKS = st.ip_addresses().map(lambda one: IPv4Network(one) if one.version == 4 else IPv6Network(one))


def pool(one: Field, kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, some of which the key's rule allows."""
    if attrs.has(kind):
        return table(kind)
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        names = st.text("aZ0._~-", min_size=1, max_size=8) if attrs.has(inner) else TOKENS | STATUSES
        return st.dictionaries(names, pool(one, inner), max_size=3)
    if kind == Unverified:
        return st.lists(st.sampled_from(VERIFIED), unique=True)
    if get_origin(kind) is list or kind == Names:
        inner = str if kind == Names else get_args(kind)[0]
        return st.lists(pool(one, inner), max_size=4).map(partial(right_elements, one))
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    by_type: list[tuple[Any, st.SearchStrategy[Any]]] = [
        (Auto, st.sampled_from(["auto", True, False])),
        (Lane, st.sampled_from(["splice", "messages", True, False])),
        (Compression, st.sampled_from(["offload", True, False])),
        (Seconds, st.integers(0, 9999).map(float) | st.floats(0.1, 9999)),
        (Size, st.integers(0, 9999) | st.integers(1, 2**20).map(lambda count: count * 16)),
        (StatusRange, STATUSES),
        (Workers, st.sampled_from(["auto", 1, 2, 4])),
        (IPv4Network | IPv6Network, NETWORKS),
        (int, st.integers(1, 600) | st.sampled_from([1000, 1012, 4999])),
        (float, st.integers(1, 100).map(float) | st.floats(1, 100)),
        (bool, st.booleans()),
        (str, st.text(PRINTED, max_size=20) | TOKENS | PATTERNS),
    ]
    return next(found for wanted, found in by_type if wanted == kind)


def right_elements(one: Field, elements: list[Any]) -> list[Any]:
    """Leave out what the key's rule forbids."""
    rule = one.validator
    return [e for e in elements if not isinstance(rule, Each) or rule.rule.complaint(e) is None]


def table(kind: Any) -> st.SearchStrategy[Any]:
    """Objects of a class of the model with any of its keys set."""
    chosen = {name: pool(one, optional(one.type)) for name, one in keys(kind).items()}
    shown = {
        name: st.sampled_from([tomllib.loads(f"x = {example(one)}")["x"]])
        for name, one in keys(kind).items()
        if optional(one.type) is str and one.metadata["example"]
    }
    both = {name: drawn | shown[name] if name in shown else drawn for name, drawn in chosen.items()}
    return st.fixed_dictionaries({}, optional=both).map(partial(build, kind))


def build(kind: Any, drawn: dict[str, Any]) -> Any:
    """Leave out what the rules forbid; what must be there gets its stand-in."""
    given_: dict[str, Any] = {}
    for name, one in keys(kind).items():
        rule = one.validator
        if name in drawn and not (isinstance(rule, Rule) and list(rule.complaints(drawn[name]))):
            given_[name] = drawn[name]
        elif one.default is attrs.NOTHING:
            given_[name] = one.metadata["stand_in"]
    return kind(**given_)


def agreed(config: Config) -> Config:
    """Let the keys agree with each other where chance alone would hardly ever manage it."""
    listeners = config.listener or {"public": Listener(endpoint="tcp:1")}
    listener = {
        name: attrs.evolve(one, endpoint=f"tcp:{port}", max_head=max(one.max_head, one.max_target))
        for port, (name, one) in enumerate(listeners.items(), 20000)
    }
    balancer = {
        name: attrs.evolve(
            one,
            member=[
                attrs.evolve(member, url=f"http://h:{port}/a'b", route=f"{port}")
                for port, member in enumerate(one.member, 1)
            ],
            cookie=attrs.evolve(one.cookie, samesite="Lax", name=None),
        )
        for name, one in config.balancer.items()
        if one.member
    }
    location = []
    for index, one in enumerate(config.location or [Location(path="/")]):
        path, match = (f"/{index}", None) if index % 3 else (None, one.match or "x")
        somewhere: dict[str, Any] = {"path": path, "match": match, "listener": sorted(listener)[:index]}
        end: dict[str, Any] = dict.fromkeys(("balancer", "files", "redirect", "status", "target"))
        if balancer and index % 2:
            end["balancer"] = next(iter(balancer))
        elif one.files:
            end["files"] = one.files
        else:
            end["status"] = 404
        if one.keys_that_need_messages and one.websocket == "splice":
            end["websocket"] = "messages"
        location.append(attrs.evolve(one, **somewhere, **end))
    return attrs.evolve(config, listener=listener, balancer=balancer, location=location)
