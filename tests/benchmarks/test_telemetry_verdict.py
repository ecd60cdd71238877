"""What decides whether `make bench-telemetry` passes."""

import pytest

from benchmarks.engine.verdict import Outcome
from benchmarks.telemetry.verdict import judge

STARTS = 9
ECHO = 200.0


def test_what_costs_as_much_as_is_promised_is_kept_and_what_costs_more_is_not() -> None:
    without = [1000.0] * STARTS
    kept = judge(without=without, told=[1100.0] * STARTS, echo=ECHO, most=0.5)
    missed = judge(without=without, told=[1101.0] * STARTS, echo=ECHO, most=0.5)
    assert (kept.outcome, missed.outcome) == (Outcome.KEPT, Outcome.MISSED)


def test_nothing_is_said_where_nothing_is_promised() -> None:
    verdict = judge(without=[0.0] * STARTS, told=[9.0] * STARTS, echo=ECHO, most=None)
    assert verdict.outcome is None


def test_a_median_beyond_it_that_noise_explains_is_no_miss() -> None:
    told = [1000.0, 1020.0, 1050.0, 1110.0, 1120.0, 1130.0, 1140.0, 1150.0, 1300.0]
    verdict = judge(without=[1000.0] * STARTS, told=told, echo=ECHO, most=0.5)
    assert verdict.echoes == 0.6
    assert verdict.outcome is Outcome.NOISE


def test_a_start_in_which_the_machine_was_busy_decides_nothing() -> None:
    verdict = judge(
        without=[1000.0] * 8 + [5000.0], told=[1050.0] * 8 + [9000.0], echo=ECHO, most=0.5
    )
    assert verdict.microseconds == 50.0
    assert verdict.outcome is Outcome.KEPT


def test_a_start_without_its_other_half_is_none() -> None:
    with pytest.raises(ValueError):
        judge(without=[1000.0] * STARTS, told=[1000.0] * 8, echo=ECHO, most=0.5)
