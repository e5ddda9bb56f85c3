"""Every target with its corpus, and with some mutations of it; `make fuzz` tries more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from .house import Houses
from .mutations import mutated
from .targets import LARGEST, TARGETS, Target

BUDGET = {"requests": 250, "answers": 150, "frames": 250, "toml": 250, "httpd": 80}
"""Mutations of each target, some 3 s each."""


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    """Houses for the tests of this module."""
    houses = Houses()
    yield houses
    houses.close()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_corpus(houses: Houses, target: Target) -> None:
    """What was found once stays found."""
    assert target.corpus
    for path in target.corpus:
        try:
            target.run(houses, path.read_bytes())
        except Exception as error:
            error.add_note(f"the input is {path}")
            raise


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_mutations(houses: Houses, target: Target) -> None:
    """What is nearly that holds too."""
    seeds = [path.read_bytes() for path in target.corpus]

    @settings(
        max_examples=BUDGET[target.name],
        derandomize=True,  # "make fuzz" looks for something new
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(mutated(seeds, target.words, LARGEST))
    def hold(data: bytes) -> None:
        target.run(houses, data)

    hold()


def test_corpus_is_small() -> None:
    """It is read at every run of the tests."""
    sizes = [path.stat().st_size for target in TARGETS.values() for path in target.corpus]
    assert sum(sizes) < 300_000
    assert max(sizes) <= LARGEST


@pytest.mark.parametrize("data", [b"", b"a", b"a\r\nb\r\n" * 300])
def test_pieces(data: bytes) -> None:
    """Cut input is the same input, and cut the same way each time."""
    from .cuts import pieces_of

    pieces = pieces_of(data)
    assert b"".join(pieces) == data
    assert all(pieces)
    assert pieces == pieces_of(data)
