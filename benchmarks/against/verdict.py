"""Whether a walk has become dearer. Pure: costs in, verdict out."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 1.10
"""A healthy walk may cost a tenth more than before."""

MOST_ECHOES_TO_PLAN = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One kind of walk, then and now.

    Attributes:
        before: Median, in echoes.
        now: Likewise.
        ratio: Median of the rounds' ratios, now to then. Each round has its own, because
            what a neighbour does to the machine does it to both.
        spread: The middle half of the rounds' ratios lies within.
    """

    before: float
    now: float
    ratio: float
    spread: tuple[float, float]

    @property
    def kept(self) -> bool:
        """It has not become dearer by more than is allowed."""
        return self.ratio <= MOST


def judge(*, before: Sequence[float], now: Sequence[float], echo: Sequence[float]) -> Verdict:
    """Compare the rounds one by one.

    Args:
        before: CPU of a walk, one figure a round; `now` and `echo` likewise.

    Raises:
        ValueError: There are fewer than two rounds, or one has a gap.
    """
    ratios = [new / old for new, old in zip(now, before, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return Verdict(
        before=_in_echoes(before, echo),
        now=_in_echoes(now, echo),
        ratio=statistics.median(ratios),
        spread=(low, high),
    )


def _in_echoes(costs: Sequence[float], echo: Sequence[float]) -> float:
    return statistics.median(cost / each for cost, each in zip(costs, echo, strict=True))
