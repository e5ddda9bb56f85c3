"""Answers of several workers, as far as they come in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, returnValue

from .channel import Refusal
from .process import Worker

PATIENCE = 2.0  # seconds for an answer; whoever asks at night does not wait for a worker that hangs


@inlineCallbacks
def settled(asked: Mapping[Worker, Deferred[Any]], reactor: Any, patience: float = PATIENCE) -> Any:
    """The answers that are there in time, by worker.

    One may be a `Refusal`; who is gone or late has none.

    :param reactor: an IReactorTime.
    :param patience: seconds.
    """
    # Who is late is not waited for; what it says then is heard all the same.
    awaited = [_echo(answer).addTimeout(patience, reactor) for answer in asked.values()]
    answers = yield DeferredList(awaited, consumeErrors=True)
    found: dict[Worker, Any] = {}
    for worker, (well, answer) in zip(asked, answers, strict=True):
        if well:
            found[worker] = answer
        elif answer.check(Refusal):
            found[worker] = answer.value
    returnValue(found)


def _echo(answer: Deferred[Any]) -> Deferred[Any]:
    """The same result, which need not be waited for."""
    result: Deferred[Any] = Deferred(lambda _: None)
    answer.addBoth(lambda found: None if result.called else result.callback(found))
    return result
