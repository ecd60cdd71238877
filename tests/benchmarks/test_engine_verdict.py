"""What decides whether `make bench-engine` passes."""

import itertools
import math

import pytest

from benchmarks.engine.verdict import SURE, Outcome, judge, left_out

ROUNDS = 11


def outcome(*ratios: float) -> Outcome:
    """Of rounds in which the service cost that many times as much."""
    return judge(bare=[2.0] * len(ratios), service=[2.0 * each for each in ratios]).outcome


def test_a_median_within_the_target_keeps_it_whatever_single_rounds_say() -> None:
    assert outcome(*[1.04] * 6, *[1.5] * 5) is Outcome.KEPT


def test_a_median_beyond_the_target_that_noise_may_explain_is_told_apart() -> None:
    assert outcome(*[1.04] * 2, *[1.06] * 9) is Outcome.NOISE


def test_rounds_that_are_surely_beyond_the_target_miss_it() -> None:
    assert outcome(1.0, *[1.06] * 10) is Outcome.MISSED


def test_a_machine_that_slows_down_both_changes_nothing() -> None:
    bare = [1.0, 5.0, 1.0, 3.0, 2.0, 9.0]

    verdict = judge(bare=bare, service=[1.03 * each for each in bare])

    assert verdict.ratio == pytest.approx(1.03)
    assert verdict.interval == pytest.approx((1.03, 1.03))


@pytest.mark.parametrize("rounds", range(6, 40))
def test_the_interval_is_as_narrow_as_it_may_be(rounds: int) -> None:
    """A coin that is thrown as often: left out are as many heads as are rarer than it must be."""

    def missed(outside: int) -> float:
        rare = sum(math.comb(rounds, heads) for heads in range(outside + 1))
        return 2.0 * rare / 2.0**rounds

    outside = left_out(rounds)

    assert missed(outside) <= 1 - SURE < missed(outside + 1)


def test_the_intervals_ranks_are_those_of_all_outcomes_of_a_few_rounds() -> None:
    """Seven rounds, each above the true median or below it."""
    falls = list(itertools.product((False, True), repeat=7))
    outside = left_out(7)

    caught = [fall for fall in falls if outside < sum(fall) < 7 - outside]

    assert outside == 0
    assert len(caught) / len(falls) >= SURE


@pytest.mark.parametrize("rounds", [0, 1, 5])
def test_few_rounds_are_refused(rounds: int) -> None:
    with pytest.raises(ValueError):
        left_out(rounds)


def test_a_round_that_one_side_lacks_is_refused() -> None:
    with pytest.raises(ValueError):
        judge(bare=[1.0] * ROUNDS, service=[1.0] * (ROUNDS - 1))
