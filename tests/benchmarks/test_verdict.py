"""What decides whether `make bench-against` passes."""

import pytest

from benchmarks.against.verdict import judge

ECHO = [100.0, 200.0, 100.0]


def test_a_walk_that_costs_a_tenth_more_is_kept_and_one_that_costs_more_is_not() -> None:
    before = [500.0, 500.0, 500.0]
    assert judge(before=before, now=[550.0] * 3, echo=ECHO).kept
    assert not judge(before=before, now=[551.0] * 3, echo=ECHO).kept


def test_a_round_in_which_the_machine_was_busy_decides_nothing() -> None:
    """It makes both routers dearer, and its own ratio is still a fair one."""
    verdict = judge(before=[500.0, 5000.0, 500.0], now=[505.0, 5100.0, 505.0], echo=ECHO)
    assert verdict.ratio == pytest.approx(1.01)
    assert verdict.kept


def test_costs_are_told_in_echoes_of_their_own_round() -> None:
    verdict = judge(before=[500.0, 1000.0, 500.0], now=[600.0, 1200.0, 600.0], echo=ECHO)
    assert (verdict.before, verdict.now) == (5.0, 6.0)


def test_one_round_tells_nothing() -> None:
    with pytest.raises(ValueError):
        judge(before=[500.0], now=[500.0], echo=[100.0])
