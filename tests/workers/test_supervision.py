"""What is said of workers that end, and of those that cannot even be started."""

from __future__ import annotations

from typing import Any, Never

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from panolb.control.workers.supervision import Supervision


class Barren(Clock):
    """A reactor of a system that starts no process."""

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        """The channel, of which nothing comes."""

    def spawnProcess(self, *words: object, **more: object) -> Never:
        raise PermissionError(13, "Permission denied", "python3")


def test_one_that_cannot_be_started() -> None:
    """No process is named, and no user of it, since there was none; it is tried again, later and later."""
    reactor = Barren()
    supervision = Supervision(reactor, 1, {}, lambda worker: Deferred(), lambda worker: None)
    with capturedLogs() as said:
        supervision.start()
        reactor.advance(0)
    first, second = said
    assert formatEvent(first) == (
        "worker 1: it could not be started: [Errno 13] Permission denied: 'python3', after 0 s; it had no clients yet; "
        "another one is started at once"
    )
    assert (first["event"], second["event"]) == ("worker.died", "worker.backoff")
    assert "another one is started in 1 s" in formatEvent(second)
