"""Durations and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172800),
        ("30 s", 30),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Each unit means what operators take it to mean."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "1 minute", "1e3s", "1m30s", "s30", "30S", "٣s", "9" * 5000 + "s", "1s\n"]
)
def test_no_durations(text: str) -> None:
    """Nothing is guessed, and a hostile number of digits is refused before it is converted."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("16KiB", 16384),
        ("1MiB", 1 << 20),
        ("8kB", 8000),
        ("8KB", 8000),
        ("2MB", 2000000),
        ("1GiB", 1 << 30),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """Binary and decimal units are told apart."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "16", "KiB", "-1KiB", "1.5KiB", "16kib", "16K", "٣B", "9" * 5000 + "B"])
def test_no_sizes(text: str) -> None:
    """A unit is needed in text, and half bytes do not exist."""
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(0, 10**12).map(lambda ms: ms / 1000) | st.floats(1e-9, 1e12))
def test_durations_round_trip(seconds: float) -> None:
    """What is printed for the operator can be written into the file again, exactly."""
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 10**15))
def test_sizes_round_trip(size: int) -> None:
    """The same for sizes, exactly."""
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "250ms"), (75, "75s"), (300, "5m"), (86400, "1d"), (1e-5, "0.00001s")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """The unit is the largest that divides the time."""
    assert format_duration(seconds) == text
