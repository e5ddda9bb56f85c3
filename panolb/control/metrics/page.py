"""``/metrics``: the metrics as text, in Prometheus's own format or in that of OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from twisted.internet.defer import Deferred, inlineCallbacks, returnValue
from twisted.internet.task import Cooperator

from .families import FAMILIES
from .house import House
from .rendering import Rendered
from .sheet import Export, merged

Ask = Callable[[], Deferred[Iterable[Export]]]


class MetricsPage:
    """What a scrape gets.

    :param reactor: an IReactorTime.
    :param house: what there is once.
    :param ask: for the exports of all processes that serve users.
    """

    def __init__(self, reactor: Any, house: House, ask: Ask) -> None:
        self._house = house
        self._ask = ask
        # One family per turn of the reactor: the text of 50 members takes 100 ms, for which nobody else shall wait.
        self._cooperator = Cooperator(
            terminationPredicateFactory=lambda: lambda: True, scheduler=partial(reactor.callLater, 0)
        )

    @inlineCallbacks
    def answer(self, accept: str) -> Any:
        """The type of the content, and the content.

        :param accept: what the client asked for (the Accept field).
        """
        exports = yield self._ask()
        encode, content_type = choose_encoder(accept)
        parts: list[bytes] = []
        writing = _write(merged([self._house.export(), *exports]), encode, parts)
        yield self._cooperator.cooperate(writing).whenDone()
        returnValue((content_type, b"".join(parts)))


def _write(
    export: Export, encode: Callable[[CollectorRegistry], bytes], parts: list[bytes]
) -> Iterator[None]:
    """Write the text of one family after the other."""
    end = encode(CollectorRegistry())  # all that is there without any family
    for family in FAMILIES.values():
        registry = CollectorRegistry()
        registry.register(Rendered(family, export))
        parts.append(encode(registry).removesuffix(end))
        yield
    parts.append(end)
