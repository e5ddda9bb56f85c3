"""What supervisor and worker say to each other: orders that are answered, news that are not, and descriptors.

Messages are pickled, each with its length before it.  Both ends are the same program under the same user, and nobody
else can reach the pair of sockets between them.
"""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IFileDescriptorReceiver, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

log = Logger()

LARGEST: Final = (
    256 << 20
)  # bytes of a message; the largest is a list of all WebSockets, of some hundred bytes each


class Gone(Exception):
    """The other process has ended, or is about to."""


class Refusal(Exception):
    """The other process could not do what it was told; the message says why."""


Order = Callable[..., object]


@implementer(IFileDescriptorReceiver)
class Channel(Int32StringReceiver):
    """One end.

    :param orders: what the other end may have done here, by name; it may return a Deferred.
    :param lost: called when the other end is gone.
    """

    MAX_LENGTH = LARGEST

    def __init__(self, orders: Mapping[str, Order], lost: Callable[[], object]) -> None:
        self._orders = orders
        self._lost = lost
        self._numbers = count(1)
        self._waiting: dict[int, Deferred[Any]] = {}
        self._descriptors: deque[int] = deque()
        self._pressure = _Pressure()
        self._gone = False

    # -- saying -----------------------------------------------------------------------------------------------------

    def ask(self, order: str, *words: object, descriptors: Sequence[int] = ()) -> Deferred[Any]:
        """Have something done at the other end.

        :param descriptors: passed on; the other end gets copies of its own as the last of ``words``, a list.
        :returns: what it returns; fails with `Refusal` when it could not, with `Gone` when there is nobody.
        """
        answer: Deferred[Any] = Deferred()
        if self._gone:
            answer.errback(Gone())
            return answer
        # They are sent in a later turn, when the numbers may be those of others.
        copies = [os.dup(one) for one in descriptors]
        answer.addBoth(_close, copies)
        number = next(self._numbers)
        self._waiting[number] = answer
        self._say(number, order, words, copies)
        return answer

    def tell(self, order: str, *words: object) -> None:
        """Have something done at the other end, and expect no answer."""
        if not self._gone:
            self._say(0, order, words, ())

    def _say(self, number: int, order: str, words: Sequence[object], descriptors: Sequence[int]) -> None:
        message = pickle.dumps((number, order, words, len(descriptors)))
        if len(message) > LARGEST:  # the other end would hang up
            raise ValueError(f"{order}: a message of {len(message)} bytes is too long")
        transport: Any = self.transport
        for one in descriptors:
            transport.sendFileDescriptor(one)
        self.sendString(message)

    # -- hearing ----------------------------------------------------------------------------------------------------

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """It comes before the last byte of the message that it belongs to."""
        self._descriptors.append(descriptor)

    def stringReceived(self, string: bytes) -> None:
        number, order, words, descriptors = pickle.loads(string)  # noqa: S301  # see above
        if order == "answer":
            self._waiting.pop(number).callback(*words)
        elif order == "refusal":
            self._waiting.pop(number).errback(Refusal(*words))
        else:
            if descriptors:
                words = (*words, [self._descriptors.popleft() for _ in range(descriptors)])
            self._obey(number, order, words)

    def _obey(self, number: int, order: str, words: Sequence[object]) -> None:
        done = maybeDeferred(self._orders[order], *words)
        if number:
            done.addCallbacks(
                lambda value: self._reply(number, "answer", value),
                lambda failure: self._reply(number, "refusal", _in_words(order, failure)),
            ).addErrback(lambda failure: self._reply(number, "refusal", _in_words(order, failure)))
        else:
            done.addErrback(_not_done, order)

    def _reply(self, number: int, kind: str, value: object) -> None:
        if not self._gone:
            self._say(number, kind, (value,), ())

    @property
    def is_behind(self) -> bool:
        """Whether the other end does not take what it is told as fast as it is told."""
        return self._pressure.high

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.registerProducer(self._pressure, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone = True
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.errback(Gone())
        self._lost()


@implementer(IPushProducer)
class _Pressure:
    """Hears from a transport that it has much to send, and when that is gone."""

    high = False

    def pauseProducing(self) -> None:
        self.high = True

    def resumeProducing(self) -> None:
        self.high = False

    def stopProducing(self) -> None:
        """The channel is lost; its protocol hears of it too."""


def _close(result: Any, descriptors: Sequence[int]) -> Any:
    for one in descriptors:
        os.close(one)
    return result


def _in_words(order: str, failure: Failure) -> str:
    """Why something was not done; what nobody has foreseen stands in the log with its traceback too."""
    if failure.check(Refusal) is None:
        _not_done(failure, order)
    return str(failure.value) or repr(failure.value)


def _not_done(failure: Failure, order: str) -> None:
    log.failure("an order between the processes could not be carried out: {order}", failure, order=order)
