"""Waiting for a condition, with a time limit that says what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(condition: Callable[[], Value], what: str, *, seconds: float = 30.0, every: float = 0.05) -> Value:
    """Ask again and again until the answer is true, and return it.

    An ``OSError`` counts as "not yet": the usual answer of a server that is still starting.

    :raises AssertionError: nothing true within ``seconds``; carries ``what`` and the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            answer = condition()
            if answer:
                return answer
            last = answer
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}; last answer: {last!r}")
        time.sleep(every)
