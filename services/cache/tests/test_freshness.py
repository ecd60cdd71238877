import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_cache.core.entry import Entry, Windows
from failsoft_cache.core.freshness import (
    BYPASS,
    MISS,
    Accept,
    Verdict,
    judge,
    left_of,
    not_of_the_future,
)
from failsoft_model.walk import CacheStatus

CREATED = 1_800_000_000.0
SECONDS = st.floats(min_value=0.0, max_value=1e7)


def entry(
    *, fresh_for: float = 0.0, stale_while_revalidate: float = 0.0, stale_if_error: float = 0.0
) -> Entry:
    windows = Windows(
        fresh_for=fresh_for,
        stale_while_revalidate=stale_while_revalidate,
        stale_if_error=stale_if_error,
    )
    return Entry(answer=b"", created=CREATED, windows=windows)


ENTRIES = st.builds(
    entry, fresh_for=SECONDS, stale_while_revalidate=SECONDS, stale_if_error=SECONDS
)


def fresh(age: float) -> Verdict:
    return Verdict(status=CacheStatus.HIT_FRESH, age=age)


def stale(age: float) -> Verdict:
    return Verdict(status=CacheStatus.HIT_STALE, age=age)


@pytest.mark.parametrize(
    ("age", "accept", "verdict"),
    [
        (0.0, Accept.FRESH, fresh(0.0)),
        (299.0, Accept.FRESH, fresh(299.0)),
        (299.0, Accept.STALE, fresh(299.0)),
        (300.0, Accept.FRESH, MISS),
        (300.0, Accept.STALE, stale(300.0)),
        (899.0, Accept.STALE, stale(899.0)),
        (900.0, Accept.STALE, MISS),
        (0.0, Accept.KEY_ONLY, BYPASS),
    ],
)
def test_an_answer_is_fresh_then_stale_then_useless(
    age: float, accept: Accept, verdict: Verdict
) -> None:
    kept = entry(fresh_for=300.0, stale_if_error=600.0)

    assert judge(kept, now=CREATED + age, accept=accept) == verdict


def test_an_answer_of_a_fallback_target_is_never_fresh() -> None:
    """It may serve a later outage, never a healthy minute."""
    kept = entry(stale_if_error=600.0)

    assert judge(kept, now=CREATED, accept=Accept.FRESH) == MISS
    assert judge(kept, now=CREATED, accept=Accept.STALE) == stale(0.0)


def test_while_nothing_is_refreshed_that_window_counts_as_stale() -> None:
    kept = entry(fresh_for=300.0, stale_while_revalidate=60.0)

    assert judge(kept, now=CREATED + 310.0, accept=Accept.FRESH) == MISS
    assert judge(kept, now=CREATED + 310.0, accept=Accept.STALE) == stale(310.0)


def test_a_caller_may_ask_for_a_younger_answer() -> None:
    kept = entry(fresh_for=300.0)

    assert judge(kept, now=CREATED + 60.0, accept=Accept.FRESH, max_age=60.0) == fresh(60.0)
    assert judge(kept, now=CREATED + 61.0, accept=Accept.FRESH, max_age=60.0) == MISS


def test_too_old_for_the_caller_is_stale_to_who_takes_stale_answers() -> None:
    """Else a younger answer would be refused where an older one, past its lifetime, is given."""
    kept = entry(fresh_for=300.0, stale_if_error=600.0)

    assert judge(kept, now=CREATED + 61.0, accept=Accept.STALE, max_age=60.0) == stale(61.0)
    assert judge(kept, now=CREATED + 301.0, accept=Accept.STALE, max_age=60.0) == stale(301.0)


def test_an_answer_from_the_future_is_new() -> None:
    """The router's clock may be a little ahead of ours."""
    kept = entry(fresh_for=300.0)

    assert judge(kept, now=CREATED - 5.0, accept=Accept.FRESH) == fresh(0.0)


def test_an_answer_from_the_future_lives_no_longer_than_others() -> None:
    kept = not_of_the_future(entry(fresh_for=300.0), now=CREATED - 1e6)

    assert left_of(kept, now=CREATED - 1e6) == 300.0
    assert judge(kept, now=CREATED, accept=Accept.STALE) == MISS


@given(kept=ENTRIES, age=SECONDS)
def test_nothing_is_handed_out_after_its_time(kept: Entry, age: float) -> None:
    """Valkey and the local tier drop an entry by `left_of`: the two must agree."""
    verdict = judge(kept, now=CREATED + age, accept=Accept.STALE)

    assert (verdict == MISS) == (left_of(kept, now=CREATED + age) <= 0.0)


@given(kept=ENTRIES, age=SECONDS, older=SECONDS, max_age=st.none() | SECONDS)
def test_an_answer_never_gets_fresher(
    kept: Entry, age: float, older: float, max_age: float | None
) -> None:
    order = [CacheStatus.HIT_FRESH, CacheStatus.HIT_STALE, CacheStatus.MISS]
    first = judge(kept, now=CREATED + age, accept=Accept.STALE, max_age=max_age)
    then = judge(kept, now=CREATED + age + older, accept=Accept.STALE, max_age=max_age)

    assert order.index(first.status) <= order.index(then.status)


@given(kept=ENTRIES, age=st.floats(-1e7, 1e7), accept=st.sampled_from(Accept), max_age=SECONDS)
def test_a_stale_answer_is_given_only_to_who_asked_for_one(
    kept: Entry, age: float, accept: Accept, max_age: float
) -> None:
    verdict = judge(kept, now=CREATED + age, accept=accept, max_age=max_age)

    assert verdict.status is not CacheStatus.HIT_SWR
    assert verdict.status is not CacheStatus.HIT_STALE or accept is Accept.STALE
    assert (verdict.age is not None) == (
        verdict.status in {CacheStatus.HIT_FRESH, CacheStatus.HIT_STALE}
    )
