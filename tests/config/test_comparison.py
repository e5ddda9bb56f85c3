"""Every change of a configuration is told, as exactly what it is; and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from panolb.config import Config
from panolb.config.comparison import Comparison, compare, members_of
from panolb.config.entries import Entry
from panolb.config.places import KeyPath, dotted
from panolb.config.tables import Field, keys, optional

from .conftest import Read
from .drawn import agreed, build, pool, table

CONFIGS = table(Config).map(agreed)
SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
IDENTITIES = {"Member": ("url", "route"), "Location": ("host", "path", "match", "requests")}

TWO_MEMBERS = """
[listener.public]
endpoint = "tcp:10080"

[[location]]
path = "/app"
balancer = "app"

[balancer.app]
health.uri = "/app/"

[[balancer.app.member]]
url = "http://localhost:8080/app"
route = "1"

[[balancer.app.member]]
url = "http://localhost:8081/app"
route = "2"
"""


def told(comparison: Comparison) -> list[str]:
    """Everything that is told of changed keys, as places like ``listener.public.max_head``."""
    places = [
        f"{title} {entry.name}: {change.key}"
        for title, table in comparison.tables.items()
        for entry in table.changed
        for change in entry.changes
    ]
    return places + [change.key for change in comparison.others]


def single_keys(value: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, Field]]:
    """Every key of a configuration that could be changed alone, with the table that has it."""
    for name, one in keys(type(value)).items():
        inner, path = getattr(value, name), (*at, name)
        if attrs.has(type(inner)):
            yield from single_keys(inner, path)
        elif isinstance(inner, dict | list) and any(attrs.has(type(each)) for each in _elements(inner)):
            for part, each in inner.items() if isinstance(inner, dict) else enumerate(inner):
                yield from single_keys(each, (*path, part))
        elif not _is_of_tables(one) and name not in IDENTITIES.get(type(value).__name__, ()):
            yield path, value, one


def _elements(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _is_of_tables(one: Field) -> bool:
    kind = optional(one.type)
    return attrs.has(kind) or any(map(attrs.has, getattr(kind, "__args__", ())))


def replaced(value: Any, path: KeyPath, new: Any) -> Any:
    """The same with another value at one place."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, first: replaced(value[str(first)], rest, new)}
    if isinstance(value, list):
        return [replaced(one, rest, new) if place == first else one for place, one in enumerate(value)]
    return attrs.evolve(value, **{str(first): replaced(getattr(value, str(first)), rest, new)})


def place(config: Config, comparison: Comparison, path: KeyPath) -> str:
    """How a changed key is to be told."""
    match path:
        case ("balancer", str(name), "member", int(number), *rest):
            member = config.balancer[name].member[number]
            return f"members {name}/{member.route}: {dotted(tuple(rest))}"
        case (("listener" | "balancer") as title, name, *rest):
            return f"{title}s {name}: {dotted(tuple(rest))}"
        case ("location", int(number), *rest):
            return f"locations {comparison.locations.entries[number].name}: {dotted(tuple(rest))}"
    return dotted(path)


@SLOW
@given(CONFIGS)
def test_nothing_changes_by_itself(config: Config) -> None:
    """Compared with itself, and with one that was built anew, everything is kept."""
    for other in (config, attrs.evolve(config)):
        comparison = compare(config, other)
        assert not comparison.changes
        assert comparison.lines() == []
        report = comparison.as_json()
        assert len(report["members"]["kept"]) == len(members_of(config))
        assert not any(
            report[title][what] for title in comparison.tables for what in ("changed", "added", "removed")
        )


@SLOW
@given(CONFIGS, st.data())
def test_a_single_key_is_told_and_nothing_else(config: Config, data: st.DataObject) -> None:
    """Whatever key of whatever table gets another value: it is told, and it alone."""
    path, owner, one = data.draw(st.sampled_from(list(single_keys(config))))
    drawn = pool(one, optional(one.type)).map(
        lambda value: build(type(owner), {**_own(owner), one.name: value})
    )
    value = getattr(data.draw(drawn), one.name)
    assume(value != getattr(owner, one.name))
    comparison = compare(config, replaced(config, path, value))
    assert comparison.changes
    assert told(comparison) == [place(config, comparison, path)]
    assert json.dumps(comparison.as_json(), allow_nan=False)
    assert not any(table.added or table.removed for table in comparison.tables.values())


def _own(owner: Any) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in keys(type(owner))}


@SLOW
@given(CONFIGS, CONFIGS)
def test_forth_and_back_are_symmetric(old: Config, new: Config) -> None:
    """What one way adds the other removes; what changes, changes back."""
    forth, back = compare(old, new), compare(new, old)
    assert forth.changes == back.changes
    for title, table_ in forth.tables.items():
        other = back.tables[title]
        assert _names(table_.added) == _names(other.removed)
        assert _names(table_.removed) == _names(other.added)
        assert _names(table_.kept) == _names(other.kept)
    before = {(change.key, repr(change.before), repr(change.after)) for change in forth.others}
    assert before == {(change.key, repr(change.after), repr(change.before)) for change in back.others}


def _names(entries: list[Entry[Any]]) -> set[str]:
    return {repr(one.identity) for one in entries}


def test_says_it_as_an_operator_would(read: Read) -> None:
    """Durations and sizes have units, and each line says what becomes of whom."""
    new = (
        TWO_MEMBERS.replace(
            'endpoint = "tcp:10080"', 'endpoint = "tcp:10443"\nmax_body = "10MiB"\nidle_timeout = 90'
        )
        .replace("[balancer.app]\n", '[balancer.app]\nresponse_timeout = "60s"\nhealth.interval = "10s"\n')
        .replace('8081/app"\nroute = "2"', '8081/app"\nroute = "3"')
        .replace('route = "1"', 'route = "1"\nloadfactor = 2')
        .replace(
            '[[location]]\npath = "/app"',
            '[[location]]\npath = "/other"\nstatus = 404\n\n[[location]]\npath = "/app"',
        )
    )
    new += '[websockets]\nclose_rate = 50\n[admin]\nendpoint = "tcp:10088"\n'
    comparison = compare(read(TWO_MEMBERS), read(new))
    assert comparison.lines() == [
        "listener public: endpoint: tcp:10080 -> tcp:10443, max_body: not set -> 10MiB, idle_timeout: 75s -> 90s",
        "balancer app: response_timeout: 5m -> 1m, health.interval: 5s -> 10s",
        "member app/2: removed",
        "member app/3: added",
        "member app/1: loadfactor: 1 -> 2",
        "location /other: added",
        'admin: not set -> {"endpoint": "tcp:10088"}',
        "websockets.close_rate: 100 -> 50",
    ]
    report = comparison.as_json()
    assert report["listeners"]["changed"][0]["reopens"] is True
    assert report["members"]["changed"] == [
        {
            "name": "app/1",
            "balancer": "app",
            "url": "http://localhost:8080/app",
            "route": "1",
            "keys": [{"key": "loadfactor", "from": 1, "to": 2}],
        }
    ]
    assert report["others"][1] == {"key": "websockets.close_rate", "from": 100, "to": 50}


def test_consequences_end_the_lines(read: Read) -> None:
    """Who knows what runs can add what it means for users."""
    comparison = compare(read(TWO_MEMBERS), read(TWO_MEMBERS.rpartition("[[balancer")[0]))
    (gone,) = comparison.members.removed
    assert comparison.lines({gone: "3 WebSockets are closed"}) == [
        "member app/2: removed; 3 WebSockets are closed"
    ]
    assert comparison.as_json({gone: {"websockets": 3}})["members"]["removed"][0]["websockets"] == 3


@pytest.mark.parametrize("order", ["longest", "first"])
def test_the_order_of_locations_counts_where_it_decides(read: Read, order: str) -> None:
    """Locations that are asked in turn: the one that was moved is told, not those that it passed."""
    paths = ("/a", "/b", "/c", "/d")

    def written(*some: str) -> Config:
        listener = f'location_order = "{order}"\n[listener.public]\nendpoint = "tcp:1"\n'
        return read(listener + "".join(f'[[location]]\npath = "{path}"\nstatus = 404\n' for path in some))

    comparison = compare(written(*paths), written("/d", "/a", "/b", "/c"))
    expected = ["location /d: order: 4 -> 1"] if order == "first" else []
    assert comparison.lines() == expected
    assert comparison.changes is (order == "first")


def test_members_that_share_a_route_are_told_apart(read: Read) -> None:
    """A name that two members have is none: their addresses stand in."""
    comparison = compare(
        read(TWO_MEMBERS.replace('route = "2"', 'route = "1"')),
        read(TWO_MEMBERS.replace('route = "2"', 'route = "1"\nlbset = 1')),
    )
    assert comparison.lines() == ["member app/localhost:8081: lbset: 0 -> 1"]


def test_the_order_of_members_is_the_balancers(read: Read) -> None:
    """Members that only change places stay; the balancer's line says that their order is another."""
    head, first, second = TWO_MEMBERS.split("[[balancer.app.member]]")
    swapped = f"{head}[[balancer.app.member]]{second}[[balancer.app.member]]{first}"
    comparison = compare(read(TWO_MEMBERS), read(swapped))
    assert [entry.name for entry in comparison.members.kept] == ["app/2", "app/1"]
    assert [change.key for change in comparison.balancers.changed[0].changes] == ["order of members"]
