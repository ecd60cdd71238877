"""The metrics of one process: makes them, and reads all of them at once.

Not thread-safe, as cells are not: make, observe and read on the thread of the event loop.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.cells import Counter, Gauge, Histogram
from failsoft_kit.telemetry.family import Allowed, C, Family, Labels
from failsoft_kit.telemetry.names import MetricName, MetricType, NameRegistry
from failsoft_kit.telemetry.readings import Distribution, LabelValues, Point, Reading

Watch: TypeAlias = Callable[[], Mapping[LabelValues, float]]
"""Tells what is so now, by its labels' values. Quick."""

_log: FilteringBoundLogger = structlog.get_logger()

_VALUES = (MetricType.GAUGE, MetricType.UP_DOWN_COUNTER)


class Meter:
    """Makes metrics, and reads all of them.

    A metric that is made twice is the same one; its labels may have the values of both.

    Args:
        names: The declared names; a strict registry is asked about every metric and its labels.
    """

    def __init__(self, *, clock: Clock, names: NameRegistry | None = None) -> None:
        self._clock = clock
        self._names = names if names is not None and names.strict else None
        self._labels: dict[MetricName, Labels] = {}
        self._counters: dict[MetricName, Family[Counter]] = {}
        self._gauges: dict[MetricName, Family[Gauge]] = {}
        self._histograms: dict[MetricName, Family[Histogram]] = {}
        self._watches: dict[MetricName, Watch] = {}
        self.started_at = clock.unix()
        """When every sum was 0; seconds since the epoch."""

    def counter(self, name: MetricName, values: Allowed | None = None) -> Family[Counter]:
        """The cells of a counter."""
        _check_type(name, MetricType.COUNTER)
        return self._family(self._counters, name, values, Counter)

    def gauge(self, name: MetricName, values: Allowed | None = None) -> Family[Gauge]:
        """The cells of a gauge, or of an up-down counter."""
        _check_type(name, *_VALUES)
        return self._family(self._gauges, name, values, Gauge)

    def histogram(self, name: MetricName, values: Allowed | None = None) -> Family[Histogram]:
        """The cells of a histogram."""
        _check_type(name, MetricType.HISTOGRAM)

        def make() -> Histogram:
            return Histogram(name.buckets, unix=self._clock.unix)

        return self._family(self._histograms, name, values, make)

    def watch(self, name: MetricName, read: Watch, values: Allowed | None = None) -> None:
        """A metric without cells: `read` is asked each time; only the latest one is.

        A counter's must never tell less than before.
        """
        _check_type(name, MetricType.COUNTER, *_VALUES)
        self._declare(name, values)
        self._watches[name] = read

    def read(self) -> Sequence[Reading]:
        """What all metrics say now; one that has no series is left out."""
        return [reading for reading in self._readings() if reading.points]

    def made(self) -> frozenset[MetricName]:
        """Every metric that there is, whether it has a series yet or not."""
        return frozenset(self._labels)

    def _family(
        self,
        families: dict[MetricName, Family[C]],
        name: MetricName,
        values: Allowed | None,
        make: Callable[[], C],
    ) -> Family[C]:
        labels = self._declare(name, values)
        if name not in families:
            families[name] = Family(labels, make)
        return families[name]

    def _declare(self, name: MetricName, values: Allowed | None) -> Labels:
        if self._names is not None:
            self._names.check_metric(name)
        if name not in self._labels:
            self._labels[name] = Labels(name, strict=self._names is not None)
        self._labels[name].allow(values or {})
        return self._labels[name]

    def _readings(self) -> Iterator[Reading]:
        for values in (self._counters, self._gauges):
            for name, family in values.items():
                points = [
                    Point(labels=labels, value=cell.value) for labels, cell in family.cells.items()
                ]
                yield Reading(name=name, points=points)
        for name, histograms in self._histograms.items():
            distributions = [
                Point(labels=labels, value=_distribution(cell))
                for labels, cell in histograms.cells.items()
            ]
            yield Reading(name=name, points=distributions)
        for name, read in self._watches.items():
            yield Reading(name=name, points=self._watched(name, read))

    def _watched(self, name: MetricName, read: Watch) -> Sequence[Point]:
        """What a watch tells; one that cannot be read costs itself alone."""
        try:
            told = read()
        except Exception as error:
            _log.error("telemetry.metric_unreadable", metric=name.name, problem=repr(error))
            return ()
        sums: dict[LabelValues, float] = defaultdict(float)
        for labels, value in told.items():
            sums[self._labels[name].bounded(labels)] += value
        return [Point(labels=labels, value=value) for labels, value in sums.items()]


def _check_type(name: MetricName, *types: MetricType) -> None:
    if name.type not in types:
        raise ValueError(f"{name.name!r} is declared as a {name.type.value}")


def _distribution(cell: Histogram) -> Distribution:
    return Distribution(counts=tuple(cell.counts), sum=cell.sum, exemplars=tuple(cell.exemplars))
