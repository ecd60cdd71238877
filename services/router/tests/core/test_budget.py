"""A hop gets no more time than there is, and leaves some to those behind it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.budget import (
    FLOOR,
    REPLY,
    first_content_limit,
    has_time_to_look_up,
    last_turn,
)
from failsoft_router.core.plan import HopKind, PlannedHop

TARGET, CACHE, MOCK = HopKind.TARGET, HopKind.CACHE, HopKind.MOCK


def behind(*kinds: HopKind) -> tuple[PlannedHop, ...]:
    return tuple(
        PlannedHop(position=position, name=kind.value, kind=kind)
        for position, kind in enumerate(kinds, start=2)
    )


def test_with_all_the_time_of_the_world_a_target_gets_its_own_limit() -> None:
    assert first_content_limit(math.inf, limit=10.0, behind=behind(TARGET, CACHE, MOCK)) == 10.0


def test_the_last_hop_gets_all_but_what_the_reply_needs() -> None:
    assert first_content_limit(5.0, limit=10.0, behind=()) == 5.0 - REPLY


def test_each_target_behind_is_left_two_seconds() -> None:
    limit = first_content_limit(10.0, limit=10.0, behind=behind(TARGET, TARGET))

    assert limit == 10.0 - (REPLY + 2 * 2.0)


def test_when_time_is_short_the_targets_share_it_equally() -> None:
    assert first_content_limit(1.0, limit=10.0, behind=behind(TARGET)) == 1.0 - (REPLY + 0.5)


def test_stored_and_mock_answers_are_left_fifty_milliseconds_each() -> None:
    limit = first_content_limit(5.0, limit=10.0, behind=behind(CACHE, MOCK))

    assert limit == 5.0 - (REPLY + 0.05 + 0.05)


def test_a_hop_that_would_get_too_little_is_skipped() -> None:
    assert first_content_limit(REPLY + FLOOR - 0.001, limit=10.0, behind=()) is None
    assert first_content_limit(REPLY + FLOOR, limit=10.0, behind=()) == FLOOR


def test_a_target_whose_own_limit_is_tiny_is_called_all_the_same() -> None:
    """The floor is about the time that is left, not about what the operator wrote."""
    assert first_content_limit(10.0, limit=0.01, behind=()) == 0.01


@given(
    left=st.floats(-10.0, 1000.0),
    limit=st.floats(0.001, 600.0),
    kinds=st.lists(st.sampled_from([TARGET, TARGET, CACHE, MOCK]), max_size=6),
)
def test_a_limit_is_bounded_and_leaves_the_reserve(
    left: float, limit: float, kinds: list[HopKind]
) -> None:
    given_limit = first_content_limit(left, limit=limit, behind=behind(*kinds))

    if given_limit is None:
        assert left < 2.0 * len(kinds) + REPLY + FLOOR
    else:
        targets = kinds.count(TARGET)
        share = min(2.0, left / (targets + 1))
        assert 0.0 < given_limit <= limit
        kept = REPLY + targets * share + 0.05 * (len(kinds) - targets)
        assert left - given_limit >= kept - 1e-9


@given(left=st.floats(max_value=0.0))
def test_no_time_at_all_is_too_little(left: float) -> None:
    assert first_content_limit(left, limit=10.0, behind=()) is None


@pytest.mark.parametrize("left", [1.0, 3.0, 5.0, 100.0])
def test_the_last_target_has_its_turn_when_the_one_before_has_had_its_time(left: float) -> None:
    assert last_turn(left) == pytest.approx(
        first_content_limit(left, limit=left, behind=behind(TARGET))
    )


def test_the_cache_is_asked_only_when_its_slowest_look_up_leaves_time_for_the_reply() -> None:
    """50 ms for the look-up, and what is left of the reply's time when a limit rang late."""
    assert has_time_to_look_up(math.inf)
    assert has_time_to_look_up(0.07)
    assert has_time_to_look_up(0.05 + REPLY / 2)
    assert not has_time_to_look_up(0.0599)
    assert not has_time_to_look_up(-1.0)
    assert has_time_to_look_up(0.1101, times=2)
    assert not has_time_to_look_up(0.1099, times=2)
