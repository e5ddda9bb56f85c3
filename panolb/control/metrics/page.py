"""``/metrics``: the metrics as text, in Prometheus's own format or in that of OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred, returnValue

from .house import House
from .rendering import Rendered
from .sheet import Export, merged

Ask = Callable[[], Iterable[Export] | Deferred[Iterable[Export]]]


class MetricsPage:
    """What a scrape gets.

    :param house: what there is once.
    :param ask: for the exports of all processes that serve users.
    """

    def __init__(self, house: House, ask: Ask) -> None:
        self._house = house
        self._ask = ask

    @inlineCallbacks
    def answer(self, accept: str) -> Any:
        """The type of the content, and the content.

        :param accept: what the client asked for (the Accept field).
        """
        exports = yield maybeDeferred(self._ask)
        registry = CollectorRegistry()
        registry.register(Rendered(merged([self._house.export(), *exports])))
        encode, content_type = choose_encoder(accept)
        returnValue((content_type, encode(registry)))
