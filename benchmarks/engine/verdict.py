"""Whether the service costs more beside its engine than it may. Pure: costs in, verdict out."""

import enum
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 1.05
"""A token through the service may cost a twentieth more than from the bare engine."""
SURE = 0.95
"""How sure it must be that the true median is within the interval."""


class Outcome(enum.Enum):
    """What the rounds say of the target."""

    KEPT = "yes"
    """The median is within it."""
    NOISE = "within the noise"
    """The median is beyond it, and the true one may be within."""
    MISSED = "no"
    """The whole interval is beyond it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One number of streams, both ways.

    Attributes:
        bare: Median CPU seconds of a token from the bare engine.
        service: Likewise, from the service.
        ratio: Median of the rounds' ratios, service to bare. Each round has its own, because what
            a neighbour does to the machine does it to both.
        interval: The true median of the ratios lies within, as sure as `SURE`.
    """

    bare: float
    service: float
    ratio: float
    interval: tuple[float, float]

    @property
    def outcome(self) -> Outcome:
        """Missed only if noise does not explain it."""
        if self.ratio <= MOST:
            return Outcome.KEPT
        return Outcome.NOISE if self.interval[0] <= MOST else Outcome.MISSED


def judge(*, bare: Sequence[float], service: Sequence[float]) -> Verdict:
    """Compare the rounds one by one.

    Args:
        bare: CPU seconds of a token, one figure a round; `service` likewise.

    Raises:
        ValueError: One has a gap, or there are too few rounds for any interval.
    """
    ratios = sorted(ours / theirs for ours, theirs in zip(service, bare, strict=True))
    outside = left_out(len(ratios))
    return Verdict(
        bare=statistics.median(bare),
        service=statistics.median(service),
        ratio=statistics.median(ratios),
        interval=(ratios[outside], ratios[-1 - outside]),
    )


def left_out(rounds: int) -> int:
    """How many of the ordered rounds may be left out at either end.

    The median's interval by ranks, which supposes nothing of how the noise is spread: each round
    lies above the true median as likely as below, so the interval misses it only if as many fall on
    one side as a coin that is thrown so often shows heads by chance.

    Raises:
        ValueError: So few rounds are never sure enough.
    """
    tail, outside = 0.0, -1
    while True:
        tail += math.comb(rounds, outside + 1) / 2**rounds
        if 2.0 * tail > 1.0 - SURE:
            break
        outside += 1
    if outside < 0:
        raise ValueError(f"{rounds} rounds are too few to be sure of anything")
    return outside
