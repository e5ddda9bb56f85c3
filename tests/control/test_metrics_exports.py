"""Several processes, one page: what they have counted is added, and never goes backwards."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as parse
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from panolb.control.metrics import families
from panolb.control.metrics.exports import Exports
from panolb.control.metrics.families import FAMILIES, Family, Kind
from panolb.control.metrics.page import MetricsPage
from panolb.control.metrics.rendering import Rendered
from panolb.control.metrics.sheet import Export, Sheet, Value, merged
from panolb.core.histogram import LAGS, Histogram

_NAMES = st.sampled_from(["", "one", "two"])
_NUMBERS = st.integers(0, 1000)


def _value(family: Family) -> st.SearchStrategy[Value]:
    if family.kind is Kind.HISTOGRAM:
        size = len(family.bounds) + 2
        return st.lists(st.integers(0, 100), min_size=size, max_size=size)
    if family is families.MEMBER_SESSIONS:
        return st.frozensets(st.integers(0, 5))
    return _NUMBERS


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """What a process may have to say."""
    sheet = Sheet()
    for family in draw(st.lists(st.sampled_from(list(FAMILIES.values())), max_size=5, unique=True)):
        for labels in draw(st.lists(st.tuples(*[_NAMES] * len(family.labels)), max_size=3, unique=True)):
            sheet.add(family, draw(_value(family)), *labels)
    return sheet.numbers


def text(export: Export) -> str:
    """What Prometheus gets of it."""
    registry = CollectorRegistry()
    for family in FAMILIES.values():
        registry.register(Rendered(family, export))
    return generate_latest(registry).decode()


def counted(export: Export) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All numbers that only go up."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text(export))
        if family.type != "gauge"
        for sample in family.samples
    }


@given(exports(), exports(), exports())
def test_merging(one: Export, two: Export, three: Export) -> None:
    """The order does not matter, nothing is changed by it, and a process alone stays as it is."""
    before = pickle.dumps(one)
    assert merged([one, two, three]) == merged([three, merged([two, one])])
    assert merged([one]) == one
    assert pickle.dumps(one) == before
    assert pickle.loads(before) == one


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | exports()), max_size=8))
def test_nothing_goes_backwards(events: list[tuple[str, Export | None]]) -> None:
    """Whatever processes end, and new ones take their place: what was counted stays."""
    all_of_them, so_far = Exports(), dict[str, Export]()
    shown = counted(merged(all_of_them.all()))
    for worker, more in events:
        if more is None:
            all_of_them.ended(worker)
            so_far.pop(worker, None)
        else:
            so_far[worker] = merged([so_far.get(worker, {}), more])
            all_of_them.came(worker, so_far[worker])
        now = counted(merged(all_of_them.all()))
        assert {name: value for name, value in shown.items() if now.get(name, -1) < value} == {}
        shown = now


def test_a_process_that_is_gone_holds_nothing() -> None:
    """Connections and the like end with it."""
    sheet = Sheet()
    sheet.add(families.OPEN_CONNECTIONS, 7, "public")
    sheet.add(families.REQUESTS, 7, "app", "app/1", "2xx", "GET")
    all_of_them = Exports()
    all_of_them.came("1", sheet.numbers)
    all_of_them.came("2", sheet.numbers)
    all_of_them.ended("1")
    found = merged(all_of_them.all())
    assert found["panolb_open_connections"] == {("public",): 7}
    assert found["panolb_requests"] == {("app", "app/1", "2xx", "GET"): 14}


def test_members_that_are_gone() -> None:
    """What processes that are gone had counted of them goes too; what no member got stays with its balancer."""
    sheet = Sheet()
    kept = [("app", "app/1"), ("app", ""), ("", "")]
    for balancer, member in [*kept, ("app", "app/2"), ("other", ""), ("other", "other/1")]:
        sheet.add(families.MEMBER_CHOSEN, 1, balancer, member)
    sheet.add(families.PIN_BROKEN, 1, "app", "moved")
    sheet.add(families.PIN_BROKEN, 1, "other", "moved")
    sheet.add(families.LIMIT_EXCEEDED, 1, "token")
    all_of_them = Exports()
    all_of_them.came("1", sheet.numbers)
    all_of_them.ended("1")
    all_of_them.keep(["app"], ["app/1"])
    found = merged(all_of_them.all())
    assert set(found["panolb_member_chosen"]) == set(kept)
    assert set(found["panolb_pin_broken"]) == {("app", "moved")}
    assert found["panolb_limit_exceeded"] == {("token",): 1}


def test_sessions_in_several_processes() -> None:
    """A user whose WebSockets are in two processes is one user."""
    one, two = Sheet(), Sheet()
    one.add(families.MEMBER_SESSIONS, frozenset([1, 2]), "app", "app/1")
    two.add(families.MEMBER_SESSIONS, frozenset([2, 3]), "app", "app/1")
    assert 'panolb_member_sessions{balancer="app",member="app/1"} 3.0' in text(
        merged([one.numbers, two.numbers])
    )


class Turns(Clock):
    """A reactor that does in each turn what was due at its beginning, as real ones do; `Clock` does what comes meanwhile too."""

    def turn(self) -> None:
        due, self.calls = self.calls, []
        for call in due:
            call.func(*call.args, **call.kw)


class Nothing:
    """What there is once, in a house that is empty."""

    def export(self) -> Export:
        return {}


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_the_page_waits_for_exports(accept: str) -> None:
    """Which may come later; and it is written in small pieces, with which others take turns."""
    reactor, asked = Turns(), Deferred[Iterable[Export]]()
    house: Any = Nothing()
    answers: list[Any] = []
    MetricsPage(reactor, house, lambda: asked).answer(accept).addCallback(answers.append)
    reactor.turn()
    assert not answers
    sheet = Sheet()
    sheet.add(families.OPEN_CONNECTIONS, 7, "public")
    asked.callback([sheet.numbers, sheet.numbers])
    turns = 0
    while not answers:
        reactor.turn()
        turns += 1
    assert turns >= len(FAMILIES)
    (content_type, content) = answers[0]
    assert content_type.startswith(accept.partition(";")[0])
    assert b'panolb_open_connections{listener="public"} 14.0\n' in content
    assert content.count(b"# EOF") == ("openmetrics" in accept)


def test_loop_lags_stay_apart() -> None:
    """One process that is late must not disappear among many that are not."""
    late, idle = Histogram(LAGS), Histogram(LAGS)
    late.add(3.0)
    idle.add(0.0)
    one, two = Sheet(), Sheet()
    one.add_histogram(families.LOOP_LAG, late, "1")
    two.add_histogram(families.LOOP_LAG, idle, "2")
    found = text(merged([one.numbers, two.numbers]))
    assert 'panolb_loop_lag_seconds_bucket{le="2.5",worker="1"} 0.0' in found
    assert 'panolb_loop_lag_seconds_bucket{le="5.0",worker="1"} 1.0' in found
    assert 'panolb_loop_lag_seconds_bucket{le="0.001",worker="2"} 1.0' in found


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_is_named(family: Family) -> None:
    """Also while there is nothing to say of it."""
    assert f"# HELP {family.name}" in text({})
