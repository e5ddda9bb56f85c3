"""What the metrics are called, and what they mean; ``docs/metrics.rst`` has them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from .counting import Histogram

Labels = Sequence[str]
OF_MEMBER = ("balancer", "member")


def gauge(
    name: str, words: str, samples: Iterable[tuple[Labels, float]], labels: Labels = ()
) -> GaugeMetricFamily:
    """A number that goes up and down.

    :param name: without ``panolb_``.
    :param samples: the values of the labels, and the number.
    """
    family = GaugeMetricFamily(f"panolb_{name}", words, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def counter(
    name: str, words: str, samples: Iterable[tuple[Labels, float]], labels: Labels = ()
) -> CounterMetricFamily:
    """A number that only goes up; those for the same labels are added.

    :param name: without ``panolb_`` and ``_total``.
    """
    family = CounterMetricFamily(f"panolb_{name}", words, labels=labels)
    sums: dict[tuple[str, ...], float] = {}
    for values, number in samples:
        key = tuple(values)
        sums[key] = sums.get(key, 0) + number
    for key, number in sums.items():
        family.add_metric(key, number)
    return family


def histogram(
    name: str, words: str, samples: Iterable[tuple[Labels, Histogram]], labels: Labels = ()
) -> HistogramMetricFamily:
    """How many of something were in each bucket.

    :param name: without ``panolb_``.
    """
    family = HistogramMetricFamily(f"panolb_{name}", words, labels=labels)
    for values, found in samples:
        bounds = [*map(floatToGoString, found.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, accumulate(found.counts), strict=True)), found.sum)
    return family
