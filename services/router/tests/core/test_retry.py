"""A second attempt at the same target: when it is made, when it is not, after how long."""

import math
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.budget import FLOOR
from failsoft_router.core.outcome import Lesson, Next, Verdict
from failsoft_router.core.policy import TargetKind
from failsoft_router.core.retry import (
    BASE,
    CAP,
    MAX_ATTEMPTS,
    MAX_ATTEMPTS_PER_HOP,
    WAITED_HINT,
    delay,
)

ILL = Verdict(next=Next.HOP, again=True, lesson=Lesson.HEALTH)
SILENT = Verdict(next=Next.HOP, again=False, lesson=Lesson.HEALTH)
RATE_LIMITED = Verdict(next=Next.HOP, again=True, lesson=Lesson.QUOTA)
HALF = 0.5


class Facts(TypedDict, total=False):
    """The arguments of `delay`."""

    verdict: Verdict
    attempts_on_hop: int
    attempts_in_walk: int
    kind: TargetKind
    hint: float | None
    slice_left: float
    later_real_hop: bool
    draw: float
    budget_allows: bool


def wait(**changed: Unpack[Facts]) -> float | None:
    """After the first attempt at an ill remote target with all the time there is."""
    usual: Facts = {
        "verdict": ILL,
        "attempts_on_hop": 1,
        "attempts_in_walk": 1,
        "kind": TargetKind.REMOTE,
        "hint": None,
        "slice_left": 10.0,
        "later_real_hop": True,
        "draw": HALF,
        "budget_allows": True,
    }
    usual.update(changed)
    return delay(**usual)


def test_a_remote_target_is_tried_once_more_after_a_moment() -> None:
    assert wait(draw=0.0) == 0.0
    assert wait(draw=HALF) == HALF * 2 * BASE
    assert wait(draw=1 - 1e-9) == pytest.approx(2 * BASE)


def test_a_remote_target_is_not_tried_a_third_time() -> None:
    assert wait(attempts_on_hop=2) is None


def test_a_gpu_target_is_tried_once() -> None:
    assert wait(kind=TargetKind.GPU) is None


def test_a_target_that_was_silent_is_not_tried_again() -> None:
    assert wait(verdict=SILENT) is None
    assert wait(verdict=SILENT, hint=0.1, later_real_hop=False) is None


@pytest.mark.parametrize("made", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_a_walk_makes_six_attempts_and_no_more(made: int) -> None:
    assert wait(attempts_in_walk=MAX_ATTEMPTS - 1) is not None
    assert wait(attempts_in_walk=made) is None


def test_no_retry_goes_out_when_the_targets_budget_is_spent() -> None:
    """Else every caller of a dead target would call it twice."""
    assert wait(budget_allows=False) is None
    assert wait(budget_allows=False, hint=0.1, later_real_hop=False) is None


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    assert wait(slice_left=0.25 + FLOOR) == 0.25
    assert wait(slice_left=0.25 + FLOOR - 1e-9) is None
    assert wait(slice_left=-1.0, draw=0.0) is None


# Hints.


def test_a_short_hint_is_waited_for_although_another_target_is_there() -> None:
    """A second at the usual target is better than a cold start at the next one."""
    assert wait(hint=1.0, draw=0.0) == 1.0
    assert wait(hint=WAITED_HINT, draw=0.0) == WAITED_HINT


def test_a_longer_hint_is_not_waited_for_while_another_target_can_answer() -> None:
    assert wait(hint=WAITED_HINT + 0.001) is None


def test_a_longer_hint_is_waited_for_when_nobody_else_can_answer() -> None:
    assert wait(hint=8.0, later_real_hop=False, draw=0.0) == 8.0


def test_a_hint_that_does_not_fit_is_never_waited_for() -> None:
    """Waiting out the deadline would leave nothing for the cache and the mock."""
    longest = 10.0 - FLOOR
    assert wait(hint=longest, later_real_hop=False) == longest
    assert wait(hint=longest + 0.001, later_real_hop=False) is None
    assert wait(hint=2.0, slice_left=2.0) is None


def test_those_who_were_given_one_hint_do_not_come_back_at_one_moment() -> None:
    assert wait(hint=1.0, draw=HALF) == 1.0 + HALF * 2 * BASE


def test_a_hint_that_just_fits_is_waited_for_with_less_jitter() -> None:
    assert wait(hint=1.0, slice_left=1.1 + FLOOR, draw=0.9) == pytest.approx(1.1)


def test_a_spent_quota_is_tried_again_only_by_a_hint() -> None:
    """Without one nobody knows that half a second makes a difference."""
    assert wait(verdict=RATE_LIMITED, hint=1.0, draw=0.0) == 1.0
    assert wait(verdict=RATE_LIMITED) is None
    assert wait(verdict=RATE_LIMITED, later_real_hop=False) is None


def test_an_ill_target_that_gives_a_hint_is_taken_at_its_word() -> None:
    assert wait(hint=0.0, draw=0.0) == 0.0
    assert wait(hint=60.0) is None


@given(
    facts=st.fixed_dictionaries(
        {
            "attempts_on_hop": st.integers(1, 8),
            "attempts_in_walk": st.integers(1, 8),
            "kind": st.sampled_from(TargetKind),
            "hint": st.none() | st.floats(0.0, 1e6),
            "slice_left": st.floats(-10.0, 1e3) | st.just(math.inf),
            "later_real_hop": st.booleans(),
            "draw": st.floats(0.0, 1.0, exclude_max=True),
        }
    )
)
def test_whatever_happens_a_wait_fits_and_honours_the_hint(facts: Facts) -> None:
    found = wait(**facts)

    if found is not None:
        hint = facts["hint"] or 0.0
        assert facts["attempts_on_hop"] < MAX_ATTEMPTS_PER_HOP[facts["kind"]]
        assert facts["attempts_in_walk"] < MAX_ATTEMPTS
        assert hint <= found <= min(hint + CAP, facts["slice_left"] - FLOOR)
