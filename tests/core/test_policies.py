"""Balancing methods: the sequences that Apache 2.4 was observed to produce, and what holds for all of them."""

from __future__ import annotations

from collections import Counter
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.member import Member
from panolb.core.policies import ByBusyness, ByRequests, ByTraffic, Policy

from .building import member


def team(*loadfactors: float) -> list[Member]:
    """Members with the routes 1, 2, ... and these loadfactors as they stand in a configuration."""
    return [member(str(n), loadfactor=int(factor * 100)) for n, factor in enumerate(loadfactors, 1)]


def picks(members: list[Member], count: int, policy: Policy | None = None) -> str:
    """Whom the method picks, ``count`` times in a row."""
    policy = policy or ByRequests()
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


# -- bybusyness ---------------------------------------------------------------------------------------------------------


def held(members: list[Member], count: int) -> str:
    """Whom ``lbmethod=bybusyness`` picks for requests of which none ends."""
    policy = ByBusyness()
    routes = ""
    for _ in range(count):
        member = policy.pick(members)
        member.busy += 1
        routes += member.spec.route.decode()
    return routes


def test_the_idle_one() -> None:
    """L19: while two members are held by slow requests, all new ones go to the third."""
    members = team(1, 1, 1)
    assert held(members, 2) == "12"
    assert picks(members, 5, ByBusyness()) == "33333"


def test_weights_decide_between_equals_only() -> None:
    """L20: eight requests at once are four for each member, whatever the weights; one by one, weights decide."""
    assert Counter(held(team(3, 1), 8)) == {"1": 4, "2": 4}
    assert picks(team(3, 1), 16, ByBusyness()) == "1121112111211121"


def test_bound_requests_count_among_equals() -> None:
    """As by requests: new users go where fewer requests went."""
    members = team(1, 1)
    policy = ByBusyness()
    for _ in range(2):
        policy.stuck(members[0], members)
    assert picks(members, 4, policy) == "2212"


@given(LOADFACTORS, st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_nobody_is_busier_than_need_be(factors: list[int], busy: list[int]) -> None:
    """Who is picked is among the least busy, and the first of equals in all; the counts add up to nothing."""
    members = team(*factors)
    for member_, count in zip(members, busy, strict=False):
        member_.busy = count
    before = {m: m.lbstatus + m.loadfactor for m in members}
    picked = ByBusyness().pick(members)
    assert picked is min(members, key=lambda m: (m.busy, -before[m]))
    assert sum(m.lbstatus for m in members) == 0


# -- bytraffic ----------------------------------------------------------------------------------------------------------


def served(members: list[Member], sizes: list[int], out: int = 500) -> str:
    """Whom ``lbmethod=bytraffic`` picks for requests of ``out`` bytes with answers of these sizes."""
    policy = ByTraffic()
    routes = ""
    for size in sizes:
        member = policy.pick(members)
        member.traffic_out += out
        member.traffic_in += size
        routes += member.spec.route.decode()
    return routes


def test_a_large_answer_counts() -> None:
    """L17: after 100 kB from one member, everybody else goes to the other until it is even."""
    assert served(team(1, 1), [100_000, *[1000] * 30]) == "1" + "2" * 30
    assert served(team(1, 1), [10_000, *[1000] * 10]) == "12222222121"


def test_equal_traffic() -> None:
    """The first of equals is picked, and requests count as well as answers."""
    assert served(team(1, 1, 1), [0] * 6) == "123123"
    assert served(team(1, 1), [100] * 6, out=0) == "121212"


def test_traffic_by_weight() -> None:
    """A member of weight 3 carries three times the bytes."""
    assert Counter(served(team(3, 1), [300] * 400, out=300)) == {"1": 300, "2": 100}


def test_a_few_bytes_are_nothing() -> None:
    """Apache divides whole numbers: less than loadfactor times 100 bytes in one direction does not count."""
    members = team(1, 1)
    members[0].traffic_in = members[0].traffic_out = 99
    assert picks(members, 2, ByTraffic()) == "11"
    members[0].traffic_in = 100
    assert picks(members, 2, ByTraffic()) == "22"


def test_a_late_comer_catches_up() -> None:
    """Nothing is forgotten: who joins later gets everybody until it has caught up."""
    members = team(1, 1, 1)
    assert served(members[:2], [500] * 6) == "121212"
    assert served(members, [500] * 5) == "33312"


def test_bound_traffic_counts_by_its_bytes() -> None:
    """A request that is bound to a member moves nothing by itself."""
    members = team(1, 1)
    ByTraffic().stuck(members[0], members)
    assert not any(m.lbstatus or m.traffic_in or m.traffic_out for m in members)
