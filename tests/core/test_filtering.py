"""Message filters, one after the other: what each leaves is what the next one sees."""

from __future__ import annotations

import pytest

from panolb.core.filtering import FilterFailed, Filters, MessageFilter
from panolb.core.request import Request

from .building import ask

Result = bytes | None | Exception


class Filter:
    """Notes what it is shown; answers with what it was given for that sender, or lets the message pass."""

    def __init__(self, results: dict[str, Result]) -> None:
        self.results = results
        self.seen: list[tuple[str, bytes, bool]] = []

    def message(self, sender: str, payload: bytes, binary: bool) -> bytes | None:
        self.seen.append((sender, payload, binary))
        result = self.results.get(sender, payload)
        if isinstance(result, Exception):
            raise result
        return result


class Maker:
    """Makes one filter, and notes for which request."""

    def __init__(self, name: str, made: Filter | Exception) -> None:
        self.name = name
        self.made = made
        self.asked: list[Request] = []

    def filter(self, request: Request) -> MessageFilter:
        self.asked.append(request)
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


def test_filters_follow_each_other() -> None:
    """The second one sees what the first one has made of a message, and both are told who sent it and what kind it is."""
    first, second = Filter({"client": b"changed"}), Filter({"member": b"back"})
    handshake = ask()
    makers = [Maker("first", first), Maker("second", second)]
    filters = Filters(makers, handshake)
    assert filters.passed("client", b"said", False) == b"changed"
    assert filters.passed("member", b"answer", True) == b"back"
    assert first.seen == [("client", b"said", False), ("member", b"answer", True)]
    assert second.seen == [("client", b"changed", False), ("member", b"answer", True)]
    assert [maker.asked for maker in makers] == [[handshake], [handshake]]


def test_dropped_message_is_not_shown_to_the_next() -> None:
    """Dropped is dropped."""
    second = Filter({})
    filters = Filters([Maker("first", Filter({"client": None})), Maker("second", second)], ask())
    assert filters.passed("client", b"said", False) is None
    assert second.seen == []


def test_empty_message_is_a_message() -> None:
    """Nothing said is not the same as nothing to be said."""
    filters = Filters([Maker("first", Filter({"client": b""}))], ask())
    assert filters.passed("client", b"said", False) == b""
    assert filters.passed("member", b"", True) == b""


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (RuntimeError("no"), RuntimeError),
        ("a str", TypeError),
        (bytearray(b"no bytes"), TypeError),
        (b"no \xff text", UnicodeDecodeError),
    ],
)
def test_failure_names_the_filter(result: Result, cause: type[Exception]) -> None:
    """An exception, what is no bytes, and what would be sent as a text and is none: the name is known, and why."""
    filters = Filters([Maker("good", Filter({})), Maker("bad", Filter({"client": result}))], ask())
    assert filters.passed("member", b"fine", False) == b"fine"
    with pytest.raises(FilterFailed) as caught:
        filters.passed("client", b"said", False)
    assert caught.value.name == "bad"
    assert isinstance(caught.value.__cause__, cause)


def test_bytes_that_are_no_text_may_be_binary() -> None:
    """Only a text has to be UTF-8."""
    filters = Filters([Maker("first", Filter({"client": b"\xff"}))], ask())
    assert filters.passed("client", b"said", True) == b"\xff"


def test_filter_that_cannot_be_made() -> None:
    """The maker's exception is told the same way."""
    with pytest.raises(FilterFailed) as caught:
        Filters([Maker("good", Filter({})), Maker("bad", ValueError("no"))], ask())
    assert caught.value.name == "bad"
    assert isinstance(caught.value.__cause__, ValueError)
