"""A target that answers every time, and every time too late; and a policy that changes."""

from dataclasses import replace

import pytest

from failsoft_router.core.breaker import Breaker, Permit, Result, State
from failsoft_router.core.policy import REMOTE_BREAKER, BreakerPolicy
from failsoft_router.core.window import Counts

START = 1000.0
NO_JITTER = 0.5
OK, FAILED, NO_EVIDENCE = Result.OK, Result.FAILED, Result.NO_EVIDENCE


def new(policy: BreakerPolicy = REMOTE_BREAKER) -> Breaker:
    return Breaker(policy, now=START)


def permit(breaker: Breaker, now: float = START) -> Permit:
    given = breaker.ask(now)
    assert given is not None
    return given


def call(
    breaker: Breaker, result: Result = OK, now: float = START, *, slow: bool = False, times: int = 1
) -> None:
    """Calls that end at the moment they begin."""
    for _ in range(times):
        breaker.record(permit(breaker, now), result, now=now, draw=NO_JITTER, slow=slow)


def state_of(breaker: Breaker) -> State:
    """A call, so that the type checker does not believe that a state lasts."""
    return breaker.state


def test_a_target_that_is_slow_eight_times_in_ten_is_taken_out() -> None:
    breaker = new()
    call(breaker, times=2)
    call(breaker, slow=True, times=7)
    assert state_of(breaker) is State.CLOSED

    call(breaker, slow=True)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START) == 5.0
    assert breaker.consecutive_failures == 0


def test_slow_calls_below_the_ratio_are_borne() -> None:
    breaker = new()
    call(breaker, times=3)
    call(breaker, slow=True, times=7)

    assert breaker.counts(START) == Counts(calls=10, failures=0, slow=7)
    assert state_of(breaker) is State.CLOSED


def test_nine_slow_calls_say_nothing() -> None:
    breaker = new()
    call(breaker, slow=True, times=9)

    assert state_of(breaker) is State.CLOSED


def test_a_quick_call_never_opens() -> None:
    """Not even the tenth, after nine slow ones."""
    breaker = new()
    call(breaker, slow=True, times=9)

    call(breaker)

    assert breaker.counts(START) == Counts(calls=10, failures=0, slow=9)
    assert state_of(breaker) is State.CLOSED


def test_a_quick_failure_is_not_held_against_the_slow_ones() -> None:
    breaker = new()
    call(breaker, slow=True, times=9)

    call(breaker, FAILED)

    assert state_of(breaker) is State.CLOSED


def test_a_slow_call_is_not_held_against_the_failed_ones() -> None:
    breaker = new()
    for _ in range(3):
        call(breaker, FAILED, times=2)
        call(breaker)

    call(breaker, slow=True)

    assert breaker.counts(START) == Counts(calls=10, failures=6, slow=1)
    assert state_of(breaker) is State.CLOSED


def test_a_call_that_was_slow_and_then_failed_is_both() -> None:
    breaker = new()
    call(breaker, FAILED, slow=True)

    assert breaker.counts(START) == Counts(calls=1, failures=1, slow=1)


def test_slow_calls_that_left_the_window_are_forgiven() -> None:
    breaker = new()
    call(breaker, slow=True, times=9)

    call(breaker, now=START + 66.0, slow=True)

    assert state_of(breaker) is State.CLOSED


def test_a_slow_call_without_evidence_teaches_nothing() -> None:
    breaker = new()
    call(breaker, NO_EVIDENCE, slow=True, times=20)

    assert breaker.counts(START) == Counts(calls=0, failures=0)


def test_slow_probes_are_good_ones() -> None:
    """Late is better than never: else a target that is always slow would be out for ever."""
    breaker = new()
    call(breaker, FAILED, times=5)

    call(breaker, now=START + 5.0, slow=True, times=2)

    assert state_of(breaker) is State.CLOSED
    assert breaker.counts(START + 5.0) == Counts(calls=0, failures=0)


# Another policy.


def test_new_thresholds_apply_from_the_next_call() -> None:
    breaker = new()
    call(breaker, FAILED, times=2)

    breaker.adopt(replace(REMOTE_BREAKER, consecutive_failures=3))
    assert state_of(breaker) is State.CLOSED
    call(breaker, FAILED)

    assert state_of(breaker) is State.OPEN


def test_an_edit_of_the_policy_does_not_close_an_open_breaker() -> None:
    """Nor does it shorten the open time that others were told."""
    breaker = new()
    call(breaker, FAILED, times=5)

    breaker.adopt(replace(REMOTE_BREAKER, open_for=1.0, open_cap=1.0))

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START) == 5.0
    assert breaker.ask(START + 4.9) is None


@pytest.mark.parametrize(("window", "calls"), [(60.0, 4), (30.0, 0)])
def test_counts_survive_unless_the_window_changes(window: float, calls: int) -> None:
    breaker = new()
    call(breaker, FAILED, times=4)

    breaker.adopt(replace(REMOTE_BREAKER, window=window, failure_ratio=0.9))

    assert breaker.counts(START).calls == calls
    assert breaker.consecutive_failures == 4


def test_a_new_window_forgets_after_its_own_time() -> None:
    breaker = new()
    breaker.adopt(replace(REMOTE_BREAKER, window=10.0))
    call(breaker)

    assert breaker.counts(START + 8.9).calls == 1
    assert breaker.counts(START + 11.0).calls == 0
