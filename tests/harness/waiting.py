"""Waiting for a condition, and ports to wait on."""

from __future__ import annotations

import os
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

ADDRESS = "127.0.0.1"
PATIENCE = 30.0
"""Seconds after which what has not come is a failure; far above what a sound balancer needs."""

RUNNERS = 16
"""Processes that can run tests at the same time, at most."""

Value = TypeVar("Value")

_given: deque[int] = deque(maxlen=200)  # the last of this process's ports, a fifth of all it has


def until(
    condition: Callable[[], Value], what: str, *, seconds: float = PATIENCE, every: float = 0.01
) -> Value:
    """Ask again and again until the answer is true, and return it; an ``OSError`` means "not yet".

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


def steady(value: Callable[[], int], what: str, *, seconds: float = 0.5) -> int:
    """Wait until a number is above zero and has not changed for ``seconds``; return it."""
    since = time.monotonic()
    last = 0

    def still() -> bool:
        nonlocal last, since
        now = value()
        if now != last:
            last, since = now, time.monotonic()
        return last > 0 and time.monotonic() - since > seconds

    until(still, what)
    return last


def free_port() -> int:
    """A free port of the loopback address, below the range that the system gives to outgoing connections.

    A port of that range could be taken by any client while nobody listens on it.  Nobody listens yet on what is
    returned: so it is not returned again soon, and each of several processes that run tests at the same time
    (pytest-xdist) has ports of its own.
    """
    runner = int(os.environ.get("PYTEST_XDIST_WORKER", f"gw{RUNNERS - 1}").removeprefix("gw"))
    for port in random.sample(range(15000 + runner % RUNNERS, 32000, RUNNERS), 200):
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            _given.append(port)
            return port
    raise AssertionError("no free port")
