"""The events that are kept, and their form."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, LogPublisher

from panolb.control.events import MOST_LINE, Events, skipped


def logger(events: Events) -> Logger:
    """One whose lines go to these."""
    return Logger("test", observer=LogPublisher(events))


def shown(events: Events, after: int = 0) -> list[dict[str, Any]]:
    """What those behind one say."""
    return [json.loads(one.line) for one in events.after(after)]


def test_a_line_is_an_event_if_it_says_so() -> None:
    """With what it said then, its level and its fields."""
    events = Events()
    log = logger(events)
    names = ["app/1"]
    log.info("nothing in particular")
    log.warn(
        "member {member}: {before} -> {after}",
        event="member.down",
        member=names[0],
        before="up",
        after="down",
    )
    log.info("{n} of {names}", event="reload.applied", n=2, names=names)
    names.append("later")
    first, second = shown(events)
    assert first.pop("time") > 1e9
    assert first == {
        "id": 1,
        "event": "member.down",
        "code": "PLB-1102",
        "level": "warn",
        "message": "member app/1: up -> down",
        "fields": {"member": "app/1", "before": "up", "after": "down"},
    }
    assert second["message"] == "2 of ['app/1']"
    assert second["fields"] == {"n": 2, "names": ["app/1"]}
    assert shown(events, 1) == [second]
    assert shown(events, 2) == shown(events, 99) == []


def test_the_last_ones_are_kept() -> None:
    """Whoever asks for older ones gets the oldest that there are."""
    events = Events(kept=10)
    log = logger(events)
    for number in range(1, 26):
        log.info("{number}", event="test", number=number)
    assert events.last == 25
    assert [one["id"] for one in shown(events)] == list(range(16, 26))
    assert [one["id"] for one in shown(events, 20)] == list(range(21, 26))
    found = events.next(3)
    assert found is not None
    assert found.id == 16
    assert events.next(25) is None


def test_following() -> None:
    """Each is told once, until it is ended."""
    events = Events()
    log = logger(events)
    told: list[int] = []
    end = events.follow(lambda: told.append(events.last))
    log.info("one", event="test")
    log.info("none")
    log.info("two", event="test")
    end()
    log.info("three", event="test")
    assert told == [1, 2]


def test_the_note_in_the_place_of_others() -> None:
    """It has the number of the last one, so that whoever goes on after it misses nothing more."""
    note = skipped(5, 9, 1764000000.1234)
    said = json.loads(note.line)
    assert (note.id, said["id"], said["event"], said["time"]) == (9, 9, "events.skipped", 1764000000.123)
    assert said["message"] == "5 events are not kept any longer"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["member", "why", "n", "format"]), values), st.integers(1, 5000))
def test_any_fields_will_do(fields: dict[str, Any], many: int) -> None:
    """They become JSON in one line of bounded size."""
    events = Events()
    events({"event": "test", "log_level": LogLevel.info, "log_time": 1e9, "log_format": "x" * many, **fields})
    (one,) = events.after(0)
    assert one.line.endswith(b"\n")
    assert one.line.count(b"\n") == 1
    assert len(one.line) <= MOST_LINE + 1

    def refuse(text: str) -> float:
        raise AssertionError(text)

    said = json.loads(one.line, parse_constant=refuse)
    assert said["fields"].keys() <= fields.keys()


def test_a_flood_in_one_event_is_cut() -> None:
    """A list of thousands keeps its beginning; what is too much in all goes without its fields."""
    events = Events()
    log = logger(events)
    log.info("many", event="test", names=["x"] * 5000)
    log.info("much", event="test", names=["x" * 900] * 5000, odd=math.inf)
    first, second = shown(events)
    assert len(first["fields"]["names"]) == 100
    assert second["fields"] == {}
