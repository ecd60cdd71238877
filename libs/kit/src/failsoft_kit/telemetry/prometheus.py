"""Metrics as Prometheus reads them, by its own library.

Names follow OpenTelemetry's rule: dots become underscores, the unit is written out at the end,
and the library adds `_total` to a counter's.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as PrometheusExemplar

from failsoft_kit.telemetry.cells import Exemplar
from failsoft_kit.telemetry.names import MetricName, MetricType
from failsoft_kit.telemetry.readings import Distribution, Reading

Read = Callable[[], Sequence[Reading]]

_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}
_NO_WORD = re.compile(r"[^A-Za-z0-9_]")

_Bucket = tuple[str, float] | tuple[str, float, PrometheusExemplar]


def prometheus_name(name: MetricName) -> str:
    """What a metric is called there, without what its type adds."""
    word = prometheus_label(name.name)
    unit = _unit(name)
    return f"{word}_{unit}" if unit else word


def prometheus_label(name: str) -> str:
    """What a label is called there."""
    return _NO_WORD.sub("_", name)


class MeterCollector(Collector):
    """All that one meter reads, in the library's words.

    Args:
        read: Called in whatever thread collects.
    """

    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return [family(reading) for reading in self._read()]


def family(reading: Reading) -> Metric:
    """One metric with all its series."""
    match reading.name.type:
        case MetricType.HISTOGRAM:
            return _histogram(reading)
        case MetricType.COUNTER:
            return _values(reading, CounterMetricFamily)
        case MetricType.GAUGE | MetricType.UP_DOWN_COUNTER:
            return _values(reading, GaugeMetricFamily)


def _values(
    reading: Reading, kind: type[CounterMetricFamily] | type[GaugeMetricFamily]
) -> CounterMetricFamily | GaugeMetricFamily:
    name = reading.name
    metric = kind(prometheus_name(name), name.description, labels=_labels(name), unit=_unit(name))
    for point in reading.points:
        if not isinstance(point.value, Distribution):
            metric.add_metric(point.labels, point.value)
    return metric


def _histogram(reading: Reading) -> HistogramMetricFamily:
    name = reading.name
    metric = HistogramMetricFamily(
        prometheus_name(name), name.description, labels=_labels(name), unit=_unit(name)
    )
    for point in reading.points:
        if isinstance(point.value, Distribution):
            buckets = list(_buckets(name.buckets, point.value))
            metric.add_metric(point.labels, buckets, point.value.sum)
    return metric


def _labels(name: MetricName) -> list[str]:
    return [prometheus_label(label.name) for label in name.labels]


def _buckets(bounds: Sequence[float], value: Distribution) -> Iterator[_Bucket]:
    """Upper bound, how many values are not greater, an example if there is one."""
    words = [*map(str, map(float, bounds)), "+Inf"]
    counts = accumulate(value.counts)
    for bound, count, exemplar in zip(words, counts, value.exemplars, strict=True):
        yield (bound, count) if exemplar is None else (bound, count, _example(exemplar))


def _example(exemplar: Exemplar) -> PrometheusExemplar:
    context = exemplar.context
    labels = {"trace_id": context.trace_hex, "span_id": f"{context.span_id:016x}"}
    return PrometheusExemplar(labels, exemplar.value, exemplar.at)


def _unit(name: MetricName) -> str:
    """The unit in words; none for mere counts, which UCUM puts in braces."""
    if name.unit.startswith("{"):
        return ""
    return _UNITS.get(name.unit, prometheus_label(name.unit))
