"""From numbers to prometheus_client's own objects, which it writes in whichever format is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from .families import Family, Kind
from .sheet import Export, Value


class Rendered(Collector):
    """A family of an export, for prometheus_client.  Without any numbers it is named all the same."""

    def __init__(self, family: Family, export: Export) -> None:
        self._family = family
        self._export = export

    def collect(self) -> Iterator[Metric]:
        """The family."""
        yield _rendered(self._family, self._export)


def _rendered(family: Family, export: Export) -> Metric:
    samples = sorted(export.get(family.name, {}).items())
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.words, labels=family.labels)
        bounds = [*map(floatToGoString, family.bounds), "+Inf"]
        for labels, value in samples:
            assert isinstance(value, list)
            *counts, total = value
            histogram.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        return histogram
    metric = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    found = metric(family.name, family.words, labels=family.labels)
    for labels, value in samples:
        found.add_metric(labels, _number(value))
    return found


def _number(value: Value) -> float:
    if isinstance(value, frozenset):
        return len(value)
    assert not isinstance(value, list)
    return value
