"""What metrics say at one moment: values, for whoever sends or shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from failsoft_kit.telemetry.cells import Exemplar
from failsoft_kit.telemetry.names import MetricName

LabelValues: TypeAlias = tuple[str, ...]
"""One for each label of the metric, in the order of its declaration; empty: it does not apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What a histogram's cell says; `counts` and `exemplars` are those of each bucket alone."""

    counts: tuple[int, ...]
    sum: float
    exemplars: tuple[Exemplar | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One series of a metric."""

    labels: LabelValues
    value: float | Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric, with at least one series."""

    name: MetricName
    points: Sequence[Point]
