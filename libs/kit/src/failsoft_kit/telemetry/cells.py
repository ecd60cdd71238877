"""Where a metric's values add up: bound once, then one observation costs less than a microsecond.

A cell has no lock, because a lock would cost more than all the rest. So a cell has one writer:
the thread of the event loop. An engine's or a library's thread hands its values over by
`call_soon_threadsafe`. Reading is for the same thread, too: what another one reads may be half of
an observation (its bucket without its sum), but never breaks the cell.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from failsoft_kit.telemetry.context import SpanContext


class Counter:
    """A sum that only rises."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        """It is more by that; never less than 0, which nobody checks."""
        self.value += amount


class Gauge:
    """A value that rises and falls; for an up-down counter, too."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def set(self, value: float) -> None:
        """It is that now."""
        self.value = value

    def add(self, amount: float) -> None:
        """It is more by that, or less."""
        self.value += amount


class Exemplar(NamedTuple):
    """One observed value, and the trace that it comes from."""

    value: float
    context: SpanContext
    at: float
    """Seconds since the epoch."""


class Histogram:
    """How often there was a value of which size.

    Args:
        bounds: Upper bounds of the buckets, rising; a value that equals one is inside.
        unix: Tells the seconds since the epoch, for exemplars.
    """

    __slots__ = ("_bounds", "_unix", "counts", "exemplars", "sum")

    def __init__(self, bounds: tuple[float, ...], *, unix: Callable[[], float]) -> None:
        self._bounds = bounds
        self._unix = unix
        self.counts = [0] * (len(bounds) + 1)
        """Of each bucket alone; the last one is for what is greater than all bounds."""
        self.sum = 0.0
        self.exemplars: list[Exemplar | None] = [None] * len(self.counts)
        """The last one of each bucket."""

    def observe(self, value: float, context: SpanContext | None = None) -> None:
        """There was such a value.

        Args:
            context: The span that it was measured in; kept as an example if it is sampled.
        """
        bucket = bisect_left(self._bounds, value)
        self.counts[bucket] += 1
        self.sum += value
        if context is not None and context.sampled:
            self.exemplars[bucket] = Exemplar(value, context, self._unix())
