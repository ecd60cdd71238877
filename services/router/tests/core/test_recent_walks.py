"""The share of fallbacks is of the last minutes, and says nothing where there was no walk."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import Degradation
from failsoft_router.core.recent_walks import BUCKETS, WINDOW_SECONDS, RecentWalks

NOW = 1000.0
BUCKET = WINDOW_SECONDS / BUCKETS
ENDS = st.lists(st.tuples(st.sampled_from([*Degradation, None]), st.floats(0.0, 90.0)), max_size=60)


def walked(*ends: Degradation | None, now: float = NOW) -> RecentWalks:
    recent = RecentWalks()
    for each in ends:
        recent.add(each, now=now)
    return recent


def test_without_a_walk_there_is_no_share() -> None:
    counts = RecentWalks().counts(NOW)

    assert (counts.ended, counts.fallback_share) == (0, None)
    assert counts.answered == dict.fromkeys(Degradation, 0)


def test_the_share_is_of_all_walks_that_ended_the_unanswered_ones_too() -> None:
    recent = walked(
        Degradation.NONE, Degradation.FALLBACK_TARGET, Degradation.MOCK, None, Degradation.NONE
    )

    counts = recent.counts(NOW)

    assert counts.fallback_share == pytest.approx(2 / 5)
    assert (counts.ended, counts.unanswered) == (5, 1)
    assert counts.answered[Degradation.MOCK] == 1


def test_a_walk_is_forgotten_when_the_window_has_passed() -> None:
    recent = walked(Degradation.MOCK)

    assert recent.counts(NOW + WINDOW_SECONDS - BUCKET).ended == 1
    assert recent.counts(NOW + WINDOW_SECONDS).ended == 0


def test_what_was_forgotten_does_not_come_back_with_the_next_walk() -> None:
    recent = walked(Degradation.MOCK)
    recent.add(Degradation.NONE, now=NOW + 10 * WINDOW_SECONDS)

    assert recent.counts(NOW + 10 * WINDOW_SECONDS).fallback_share == 0.0


@given(ENDS)
def test_every_end_of_the_window_is_counted_once(
    ends: list[tuple[Degradation | None, float]],
) -> None:
    """As many as a list of all of them would tell, to a bucket."""
    recent, now, told = RecentWalks(), NOW, []
    for got, later in ends:
        now += later
        recent.add(got, now=now)
        told.append((got, now))

    counts = recent.counts(now)

    oldest = now // BUCKET - BUCKETS
    kept = Counter(got for got, at in told if at // BUCKET > oldest)
    assert counts.unanswered == kept[None]
    assert counts.answered == {each: kept[each] for each in Degradation}
