"""SIGINT, SIGTERM and SIGHUP end the benchmark like an exception, so that every ``with`` ends what it has started."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


class Interruption:
    """What a signal does: it raises SystemExit(128 + N), or cancels the event loop's work first if there is one.

    Raising inside an event loop would strike whatever task happens to run, and be reported by each of them.
    """

    def __init__(self) -> None:
        self._work: asyncio.Task[Any] | None = None
        self._number = 0

    def watch(self) -> None:
        """From now on."""
        for number in SIGNALS:
            signal.signal(number, self._received)

    def ignore(self) -> None:
        """No longer: the last clean-up must not be interrupted."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        if self._work is None:
            raise SystemExit(128 + number)
        self._work.get_loop().call_soon_threadsafe(self._work.cancel)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """``asyncio.run`` that a signal ends in good order."""

        async def watched() -> T:
            self._work = asyncio.current_task()
            try:
                return await work
            finally:
                self._work = None

        try:
            return asyncio.run(watched())
        except asyncio.CancelledError:
            raise SystemExit(128 + self._number)


interruption = Interruption()
