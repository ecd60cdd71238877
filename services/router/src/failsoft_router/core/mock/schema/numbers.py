"""Numbers within bounds and on steps, counted exactly."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema.work import Unfit

_GREATEST = 10**300
"""Beyond it, not every reader of JSON takes a number."""

_SPAN = 100
"""How far from a lone bound numbers are looked for."""

_TRIED = 48
_PARTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """An interval; None: open-ended. An end that is `open` does not belong to it."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    def above(self, low: Fraction, *, is_open: bool) -> "Bounds":
        """The part above `low` as well."""
        if self.low is not None and (self.low, self.low_open) >= (low, is_open):
            return self
        return Bounds(low=low, low_open=is_open, high=self.high, high_open=self.high_open)

    def below(self, high: Fraction, *, is_open: bool) -> "Bounds":
        """The part below `high` as well."""
        if self.high is not None and (self.high, is_open) <= (high, self.high_open):
            return self
        return Bounds(low=self.low, low_open=self.low_open, high=high, high_open=is_open)

    def holds(self, number: Fraction) -> bool:
        """Whether the number is within."""
        if self.low is not None and number < self.low:
            return False
        if self.high is not None and number > self.high:
            return False
        open_ends = (self.low if self.low_open else None, self.high if self.high_open else None)
        return number not in open_ends

    def ends(self) -> tuple[Fraction, Fraction]:
        """Both ends; where one is missing, a place not far from the other."""
        if self.low is not None:
            return self.low, self.low + _SPAN if self.high is None else self.high
        if self.high is not None:
            return self.high - _SPAN, self.high
        return Fraction(0), Fraction(_SPAN)


def exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth.

    Raises:
        Unfit: It is infinite, no number, or too great for most readers of JSON.
    """
    if not -_GREATEST <= number <= _GREATEST:
        raise Unfit("the schema holds a number that is too great for most readers of JSON")
    return Fraction(str(number))


def is_on_steps(number: float, steps: Iterable[float]) -> bool:
    """Whether it is a multiple of each, exactly and by a float's division as well."""
    value = exact(number)
    return all(
        value % exact(step) == 0 and (number / step).is_integer()  # both kinds of reader agree
        for step in steps
    )


def candidates(
    bounds: Bounds, steps: Iterable[float], *, whole: bool, draws: Draws
) -> Iterator[float]:
    """Numbers that may fit; few, in an order that is drawn.

    Args:
        whole: Only integers are wanted.
    """
    low, high = bounds.ends()
    if low > high:
        return
    grid = _common(exact(step) for step in steps)
    if whole:
        grid = _common([grid or Fraction(1), Fraction(1)])
    if grid is not None:
        yield from _on_grid(low, high, grid, draws)
        return
    yield from _on_grid(low, high, Fraction(1), draws)
    yield from _on_grid(low, high, Fraction(1, 10), draws)
    yield from (_written(low + (high - low) * part / _PARTS) for part in range(_PARTS + 1))


def _common(steps: Iterable[Fraction]) -> Fraction | None:
    """The least number that is a multiple of all steps; None: there are none."""
    common: Fraction | None = None
    for step in steps:
        if common is None:
            common = step
            continue
        whole = math.lcm(common.numerator * step.denominator, step.numerator * common.denominator)
        common = Fraction(whole, common.denominator * step.denominator)
    return common


def _on_grid(low: Fraction, high: Fraction, grid: Fraction, draws: Draws) -> Iterator[float]:
    first, last = math.ceil(low / grid), math.floor(high / grid)
    count = last - first + 1
    if count <= 0:
        return
    start = draws.below(min(count, _SPAN))
    for place in range(min(count, _TRIED)):
        yield _written((first + (start + place) % count) * grid)


def _written(number: Fraction) -> float:
    return number.numerator if number.denominator == 1 else float(number)
