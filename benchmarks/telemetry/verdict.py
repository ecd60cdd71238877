"""Whether telemetry costs too much. Pure: costs in, verdict out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.engine.verdict import Outcome, left_out

MOST: Mapping[str, float] = {"spans": 0.5, "metrics": 0.2}
"""Echoes a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What something adds to a request.

    Attributes:
        microseconds: Median of the starts' differences.
        echoes: The same in echoes.
        interval: The true median of `echoes` lies within, as sure as `SURE`.
        most: Echoes that it may cost; None: nothing is promised of it.
    """

    microseconds: float
    echoes: float
    interval: tuple[float, float]
    most: float | None

    @property
    def outcome(self) -> Outcome | None:
        """Missed only if noise does not explain it; None: nothing is promised."""
        if self.most is None:
            return None
        if self.echoes <= self.most:
            return Outcome.KEPT
        return Outcome.NOISE if self.interval[0] <= self.most else Outcome.MISSED


def judge(
    *, without: Sequence[float], told: Sequence[float], echo: float, most: float | None
) -> Verdict:
    """Compare the starts one by one.

    Args:
        without: CPU of a request where it is off, one figure a start; `told` where it is on.
        echo: CPU of an echo.

    Raises:
        ValueError: One has a gap, or there are too few starts for any interval.
    """
    differences = sorted(on - off for on, off in zip(told, without, strict=True))
    outside = left_out(len(differences))
    median = statistics.median(differences)
    return Verdict(
        microseconds=median,
        echoes=median / echo,
        interval=(differences[outside] / echo, differences[-1 - outside] / echo),
        most=most,
    )
