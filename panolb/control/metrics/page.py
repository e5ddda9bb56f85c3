"""``/metrics``: the metrics as text, in Prometheus's own format or in that of OpenMetrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from .collecting import House


class MetricsPage:
    """What a scrape gets."""

    def __init__(self, house: House) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(house)
        ProcessCollector(registry=self._registry)

    def answer(self, accept: str) -> tuple[str, bytes]:
        """The type of the content, and the content.

        :param accept: what the client asked for (the Accept field).
        """
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)
