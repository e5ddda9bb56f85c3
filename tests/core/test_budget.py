"""How many retries there may be."""

from __future__ import annotations

from panolb.core.budget import FREE, SPAN, Budget


def retries(budget: Budget, now: float) -> int:
    """How many the budget allows at once."""
    count = 0
    while budget.retry(now):
        count += 1
    return count


def test_some_are_free() -> None:
    """Few users should not notice a dead member, whatever the share."""
    budget = Budget(0.0)
    assert retries(budget, 1000.0) == FREE
    assert retries(budget, 1000.0 + SPAN - 1) == 0
    assert retries(budget, 1000.0 + SPAN) == FREE


def test_requests_earn_a_share() -> None:
    """Those of the last seconds, and no others."""
    budget = Budget(0.25)
    for second in range(SPAN):
        for _ in range(100):
            budget.request(1000.0 + second)
    assert retries(budget, 1000.0 + SPAN - 1) == FREE + 250
    for _ in range(8):
        budget.request(1000.0 + 2 * SPAN)
    assert retries(budget, 1000.0 + 2 * SPAN) == FREE + 2


def test_seconds_count_one_by_one() -> None:
    """What was taken is free again when it is ten seconds old."""
    budget = Budget(0.0)
    for second in range(SPAN):
        taken = [budget.retry(1000.5 + second) for _ in range(10)]
        assert all(taken)
    assert not budget.retry(1000.0 + SPAN - 0.1)
    for second in range(SPAN, 3 * SPAN):
        assert retries(budget, 1000.5 + second) == 10


def test_a_long_rest() -> None:
    """A day without a request costs no more than a second without one, and nothing is saved up."""
    budget = Budget(1.0)
    for _ in range(1000):
        budget.request(5.0)
    assert retries(budget, 5.0 + 86400.0) == FREE
