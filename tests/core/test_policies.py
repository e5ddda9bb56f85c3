"""Balancing methods: the sequences that Apache 2.4 was observed to produce, and what holds for all of them."""

from __future__ import annotations

from collections import Counter
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.member import Member
from panolb.core.policies import ByRequests

from .building import member


def team(*loadfactors: float) -> list[Member]:
    """Members with the routes 1, 2, ... and these loadfactors as they stand in a configuration."""
    return [member(str(n), loadfactor=int(factor * 100)) for n, factor in enumerate(loadfactors, 1)]


def picks(members: list[Member], count: int) -> str:
    """Whom the method picks, ``count`` times in a row."""
    policy = ByRequests()
    return "".join(policy.pick(members).spec.route.decode() for _ in range(count))


@pytest.mark.parametrize(
    ("loadfactors", "sequence"),
    [
        ((1,), "1111"),
        ((1, 1), "12121212"),
        ((3, 1), "1121112111211121"),
        ((5, 1, 1), "11213111121311"),
        ((1, 1, 1, 2), "412344123441234412344123"),
        ((1.5, 1), "121211212112121"),
        ((1, 1, 1), "123123123"),
    ],
)
def test_sequences_of_apache(loadfactors: tuple[float, ...], sequence: str) -> None:
    """Operators who reason about who gets the next user are not surprised (L12-L14, lbmethod=byrequests)."""
    assert picks(team(*loadfactors), len(sequence)) == sequence


def test_bound_requests_count() -> None:
    """L15: after six requests bound to 1, the next six new users go to 2, and then it is even again."""
    members = team(1, 1)
    policy = ByRequests()
    assert picks(members, 4) == "1212"
    for _ in range(6):
        policy.stuck(members[0], members)
    assert picks(members, 9) == "222222121"


def test_the_absent_do_not_save_up() -> None:
    """L16: the count of a member that is no candidate stands still, so that it gets no burst when it is back."""
    members = team(1, 1, 1)
    assert picks(members, 3) == "123"
    assert picks(members[:2], 100) == "12" * 50
    assert picks(members, 6) == "123123"


def test_a_bound_request_moves_only_who_could_serve() -> None:
    """Likewise for requests that are bound to a member."""
    members = team(1, 1, 1)
    ByRequests().stuck(members[0], members[:2])
    assert [m.lbstatus for m in members] == [-100, 100, 0]


LOADFACTORS = st.lists(st.integers(1, 20), min_size=1, max_size=6)


@given(LOADFACTORS)
def test_shares(factors: list[int]) -> None:
    """In each full turn every member gets exactly its share, and the next turn is the same."""
    members = team(*factors)
    turn = sum(factors) // gcd(*factors)
    first = picks(members, turn)
    assert Counter(first) == {str(n): factor // gcd(*factors) for n, factor in enumerate(factors, 1)}
    assert not any(m.lbstatus for m in members)
    assert picks(members, turn) == first


@given(
    LOADFACTORS,
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sets(st.integers(0, 5))), max_size=60),
)
def test_counts_stay_small(factors: list[int], steps: list[tuple[bool, int, set[int]]]) -> None:
    """Whoever takes part, the counts always add up to nothing, and who is picked was a candidate."""
    members = team(*factors)
    policy = ByRequests()
    for bound, who, absent in steps:
        present = [m for n, m in enumerate(members) if n not in absent] or members
        if bound:
            policy.stuck(present[who % len(present)], present)
        else:
            assert policy.pick(present) in present
        assert sum(m.lbstatus for m in members) == 0
