"""Requests that one client may send, and who counts as one."""

from __future__ import annotations

import pytest

from panolb.core.clients import network_of
from panolb.core.rates import Rates


def test_a_burst_and_then_the_rate() -> None:
    """A full bucket at once, then as many as come; who waits as long as he is told gets one."""
    rates = Rates(2.0, 3)
    assert [rates.take(b"a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rates.take(b"a", 0.0) == 0.5
    assert rates.take(b"a", 0.25) == 0.25
    assert rates.take(b"a", 0.5) == 0.0
    assert rates.take(b"a", 0.5) == 0.5
    assert rates.take(b"b", 0.5) == 0.0


def test_a_refusal_costs_nothing() -> None:
    """However often a client asks in vain, it does not wait longer for that."""
    rates = Rates(1.0, 1)
    assert rates.take(b"a", 0.0) == 0.0
    for _ in range(1000):
        assert rates.take(b"a", 0.5) == 0.5
    assert rates.take(b"a", 1.0) == 0.0


def test_full_buckets_are_forgotten() -> None:
    """Who has been quiet takes no memory."""
    rates = Rates(10.0, 5)
    for number in range(1000):
        rates.take(b"%d" % number, number * 1.0)
    assert len(rates) <= 3


def test_the_table_is_bounded() -> None:
    """A flood of addresses drops those that were seen longest ago, and nobody who goes on."""
    rates = Rates(0.001, 2, most=100)
    for number in range(10_000):
        rates.take(b"%d" % number, 0.0)
        if number % 50 == 0:
            rates.take(b"busy", 0.0)
    assert len(rates) <= 101
    assert rates.take(b"0", 0.0) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b"192.0.2.1", b"192.0.2.2", False),
        (b"2001:db8::1", b"2001:db8::ffff:1", True),
        (b"2001:db8:0:1::1", b"2001:db8:0:2::1", False),
        (b"2001:DB8:0:0:1::", b"2001:db8::9", True),
        (b"12:34", b"12:35", False),  # as little as a proxy may say
        (b"unix", b"unix", True),
    ],
)
def test_who_is_one_client(one: bytes, other: bytes, same: bool) -> None:
    """An IPv4 address, or a /64 of IPv6."""
    assert (network_of(one) == network_of(other)) is same
