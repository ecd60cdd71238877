"""What a target did lately decides how long it is waited for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.history import ENOUGH, FACTOR, FLOOR, LENGTH, History, is_slow

POLICY = 10.0
TIMES = st.lists(st.floats(0.0, 60.0), max_size=100)


def answered(*times: float) -> History:
    history = History()
    for each in times:
        history.add(each)
    return history


def test_nobody_knows_what_is_usual_for_a_new_target() -> None:
    assert History().usual() is None
    assert History().patience(POLICY) == POLICY


def test_the_usual_time_is_the_median() -> None:
    assert answered(0.2).usual() == 0.2
    assert answered(0.9, 0.1, 0.2).usual() == 0.2
    assert answered(0.1, 0.4, 0.2, 30.0).usual() == 0.4


def test_what_is_long_past_is_forgotten() -> None:
    history = answered(*[9.0] * LENGTH, *[0.5] * LENGTH)

    assert history.usual() == 0.5
    assert history.patience(POLICY) == FLOOR


def test_a_fast_target_that_hangs_costs_less_than_the_policys_limit() -> None:
    assert answered(*[1.0] * ENOUGH).patience(POLICY) == FACTOR * 1.0


def test_a_few_answers_are_too_few_to_shorten_the_wait() -> None:
    assert answered(*[1.0] * (ENOUGH - 1)).patience(POLICY) == POLICY


def test_the_slowest_answer_decides_and_not_the_usual_one() -> None:
    """One long prompt among short ones must not be cut off."""
    history = answered(*[0.1] * LENGTH, 2.0)

    assert history.usual() == 0.1
    assert history.patience(POLICY) == FACTOR * 2.0


def test_a_very_fast_target_still_gets_two_seconds() -> None:
    assert answered(*[0.01] * ENOUGH).patience(POLICY) == FLOOR


def test_the_policys_limit_holds_for_a_slow_target() -> None:
    assert answered(*[9.0] * ENOUGH).patience(POLICY) == POLICY


def test_a_policy_below_the_floor_holds() -> None:
    assert answered(*[0.01] * ENOUGH).patience(1.0) == 1.0


@given(answers=TIMES, policy=st.floats(0.05, 120.0))
def test_the_patience_is_never_over_the_policys_limit_and_never_under_the_floor(
    answers: list[float], policy: float
) -> None:
    assert min(FLOOR, policy) <= answered(*answers).patience(policy) <= policy


@pytest.mark.parametrize(("seconds", "slow"), [(0.1, False), (5.0, False), (5.001, True)])
def test_slow_is_later_than_half_the_limit(seconds: float, slow: bool) -> None:
    assert is_slow(seconds, policy_limit=POLICY) is slow


def test_a_share_of_the_answers_came_within_the_time_of_the_slowest_of_them() -> None:
    history = answered(*[each / 10 for each in range(1, 21)])

    assert history.share_within(0.5) == 1.0
    assert history.share_within(0.95) == 1.9
    assert history.share_within(1.0) == 2.0
    assert answered(0.3).share_within(0.95) == 0.3
    assert answered().share_within(0.5) is None
