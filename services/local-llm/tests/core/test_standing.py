"""Whether callers are let in, and when they may try again."""

import pytest

from failsoft_local_llm.core.standing import (
    FIRST_START_SECONDS,
    SOONEST_RETRY_SECONDS,
    Standing,
    State,
)

NOW = 1000.0


def standing() -> Standing:
    return Standing(2, now=NOW)


def test_it_begins_with_loading_and_lets_nobody_in() -> None:
    begun = standing()

    assert (begun.state, begun.state.lets_in) == (State.LOADING, False)
    assert begun.retry_after(now=NOW + 4.0) == FIRST_START_SECONDS - 4.0


def test_a_model_that_sleeps_lets_callers_in_until_it_cannot_be_woken() -> None:
    asleep = standing()
    asleep.answers(0, took=5.0, why="it answers")
    lets_in = [asleep.state.lets_in]
    asleep.falls_asleep()
    lets_in.append(asleep.state.lets_in)
    asleep.wakes(0, now=NOW)
    lets_in.append(asleep.state.lets_in)
    asleep.fails(0, now=NOW, why="out of memory")
    lets_in.append(asleep.state.lets_in)

    assert lets_in == [True, True, True, False]
    assert (asleep.state, asleep.why) == (State.DOWN, "out of memory")


def test_a_start_is_thought_to_take_as_long_as_the_last_one_of_that_model() -> None:
    down = standing()
    down.answers(0, took=40.0, why="it answers")
    down.fails(0, now=NOW, why="killed")
    assert down.retry_after(now=NOW) == 40.0

    down.starts(1, at=NOW + 2.0)
    assert down.retry_after(now=NOW) == 2.0 + FIRST_START_SECONDS


@pytest.mark.parametrize("late", [0.0, 3600.0])
def test_nobody_is_asked_to_come_back_at_once(late: float) -> None:
    assert standing().retry_after(now=NOW + FIRST_START_SECONDS + late) == SOONEST_RETRY_SECONDS
