"""Each gate closes for one reason, and none for ever."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.walk import ErrorClass
from failsoft_router.core.gate import (
    LONGEST_HINT_SECONDS,
    QUARANTINE_SECONDS,
    RATE_LIMITED_SECONDS,
    SPENT_SECONDS,
    Closure,
    Isolation,
    IsolationOrder,
    Quarantine,
    QuotaGate,
    TargetGate,
    quota_seconds,
)

NOW = 1000.0
RATE_LIMITED, QUOTA = ErrorClass.RATE_LIMITED, ErrorClass.QUOTA
MOMENTS = st.floats(0.0, 1e6)


def closure(*, until: float, since: float = NOW, why: ErrorClass = RATE_LIMITED) -> Closure:
    return Closure(since=since, until=until, why=why)


# Quota, target.


@pytest.mark.parametrize("kind", [QuotaGate, TargetGate])
def test_a_new_gate_is_open_at_any_time(kind: type[QuotaGate | TargetGate]) -> None:
    assert kind().admits(-1e9)
    assert kind().due_in(-1e9) == 0.0


@pytest.mark.parametrize("kind", [QuotaGate, TargetGate])
def test_it_opens_at_the_moment_that_was_named(kind: type[QuotaGate | TargetGate]) -> None:
    gate = kind()
    gate.close(closure(until=NOW + 30.0))

    assert not gate.admits(NOW)
    assert gate.due_in(NOW) == 30.0
    assert not gate.admits(NOW + 29.999)
    assert gate.admits(NOW + 30.0)
    assert gate.due_in(NOW + 31.0) == 0.0


def test_who_shuts_an_open_gate_is_told_so_and_nobody_else() -> None:
    """The log has one line for it, however many refusals there are."""
    gate = QuotaGate()

    assert gate.close(closure(until=NOW + 30.0))
    assert not gate.close(closure(until=NOW + 60.0))
    assert not gate.close(closure(until=NOW))
    assert gate.close(closure(since=NOW + 60.0, until=NOW + 90.0))


def test_another_refused_secret_is_news() -> None:
    quarantine = Quarantine()

    assert quarantine.shut("old", closure(until=NOW + 30.0))
    assert not quarantine.shut("old", closure(until=NOW + 30.0))
    assert quarantine.shut("new", closure(until=NOW + 30.0))


def test_a_second_refusal_with_a_shorter_hint_does_not_shorten_the_first() -> None:
    """Seen elsewhere: "Retry-After: 1" undid the minute before it, and the next call failed."""
    gate = QuotaGate()
    gate.close(closure(until=NOW + 60.0))
    gate.close(closure(until=NOW + 1.0))

    assert gate.due_in(NOW) == 60.0


def test_a_second_refusal_with_a_longer_hint_counts() -> None:
    """Seen elsewhere: the first hint of a second stayed, and a dead account was called on."""
    gate = QuotaGate()
    gate.close(closure(until=NOW + 1.0))
    gate.close(closure(until=NOW + 60.0))

    assert gate.due_in(NOW) == 60.0


@given(closings=st.lists(MOMENTS, min_size=1), now=MOMENTS)
def test_whatever_comes_in_whatever_order_the_latest_moment_holds(
    closings: list[float], now: float
) -> None:
    gate = QuotaGate()
    for until in closings:
        gate.close(closure(since=-1.0, until=until))

    assert gate.admits(now) == (now >= max(closings))
    assert gate.admits(now) == (gate.due_in(now) == 0.0)


@pytest.mark.parametrize(
    ("error_class", "hint", "seconds"),
    [
        (RATE_LIMITED, None, RATE_LIMITED_SECONDS),
        (QUOTA, None, SPENT_SECONDS),
        (RATE_LIMITED, 2.0, 2.0),
        (QUOTA, 20.0, 20.0),
        (RATE_LIMITED, 0.0, 0.0),
        (RATE_LIMITED, -5.0, 0.0),
        (RATE_LIMITED, 1e9, LONGEST_HINT_SECONDS),
    ],
)
def test_a_hint_is_believed_within_reason(
    error_class: ErrorClass, hint: float | None, seconds: float
) -> None:
    assert quota_seconds(error_class, hint) == seconds


@pytest.mark.parametrize("kind", [QuotaGate, TargetGate])
def test_it_remembers_the_last_time_that_it_was_closed(kind: type[QuotaGate | TargetGate]) -> None:
    gate = kind()
    assert gate.last is None

    gate.close(closure(until=NOW + 5.0))
    later = closure(since=NOW + 5.0, until=NOW + 6.0, why=QUOTA)
    gate.close(later)

    assert gate.last == later


def test_a_gate_that_is_kept_shut_is_shut_since_the_first_refusal() -> None:
    gate = QuotaGate()
    gate.close(closure(until=NOW + 5.0))
    gate.close(closure(since=NOW + 1.0, until=NOW + 2.0, why=QUOTA))
    assert gate.last == closure(until=NOW + 5.0)

    gate.close(closure(since=NOW + 1.0, until=NOW + 60.0, why=QUOTA))

    assert gate.last == closure(until=NOW + 60.0, why=QUOTA)


def test_a_refusal_until_the_same_moment_is_not_what_shut_the_gate() -> None:
    gate = QuotaGate()
    gate.close(closure(until=NOW + 5.0))
    gate.close(closure(since=NOW + 1.0, until=NOW + 5.0, why=QUOTA))

    assert gate.last == closure(until=NOW + 5.0)


def test_a_hint_of_no_time_closes_nothing() -> None:
    gate = QuotaGate()
    gate.close(closure(until=NOW))

    assert gate.last is None


# Quarantine.


def quarantined() -> Quarantine:
    quarantine = Quarantine()
    quarantine.shut("old", closure(until=NOW + QUARANTINE_SECONDS))
    return quarantine


def test_a_secret_that_nobody_refused_may_be_presented() -> None:
    assert Quarantine().admits("any", NOW)
    assert Quarantine().admits(None, NOW)
    assert Quarantine().due_in(NOW) == 0.0


def test_a_refused_secret_is_left_alone_for_fifteen_minutes() -> None:
    quarantine = quarantined()

    assert not quarantine.admits("old", NOW)
    assert quarantine.due_in(NOW) == 900.0
    assert not quarantine.admits("old", NOW + 899.0)
    assert quarantine.admits("old", NOW + 900.0)
    assert quarantine.due_in(NOW + 901.0) == 0.0


def test_a_new_key_is_used_at_once() -> None:
    """The operator who mends the file does not wait for a quarter of an hour."""
    assert quarantined().admits("new", NOW)


def test_a_key_that_was_taken_away_is_not_the_quarantines_to_refuse() -> None:
    assert quarantined().admits(None, NOW)


def test_who_is_refused_without_a_key_is_left_alone_until_there_is_one() -> None:
    quarantine = Quarantine()
    quarantine.shut(None, closure(until=NOW + QUARANTINE_SECONDS))

    assert not quarantine.admits(None, NOW)
    assert quarantine.admits("new", NOW)
    assert quarantine.admits(None, NOW + QUARANTINE_SECONDS)


def test_putting_the_refused_key_back_does_not_lift_its_quarantine() -> None:
    quarantine = quarantined()
    quarantine.admits("new", NOW + 1.0)

    assert not quarantine.admits("old", NOW + 2.0)


def test_a_second_refusal_of_one_secret_takes_the_later_moment() -> None:
    quarantine = quarantined()
    quarantine.shut("old", closure(until=NOW + 1.0))
    assert quarantine.due_in(NOW) == 900.0

    quarantine.shut("old", closure(until=NOW + 1000.0))

    assert quarantine.due_in(NOW) == 1000.0


def test_the_refusal_of_a_new_secret_takes_the_place_of_the_old_one() -> None:
    quarantine = quarantined()
    quarantine.shut("new", closure(until=NOW + 1.0))

    assert quarantine.last == closure(until=NOW + 1.0)
    assert quarantine.admits("old", NOW)
    assert not quarantine.admits("new", NOW)
    assert quarantine.due_in(NOW) == 1.0


# Isolation.

ORDER = IsolationOrder(since=NOW, until=NOW + 600.0, actor="ada", reason="maintenance")


def test_nothing_is_isolated_without_an_order() -> None:
    assert Isolation().order(NOW) is None


def test_an_order_holds_until_its_end() -> None:
    isolation = Isolation()
    isolation.isolate(ORDER)

    assert isolation.order(NOW) == ORDER
    assert isolation.order(NOW + 599.9) == ORDER
    assert isolation.order(NOW + 600.0) is None


def test_callers_are_told_who_took_the_target_out_and_why() -> None:
    assert ORDER.sentence == "isolated by ada: maintenance"


def test_an_operator_can_shorten_an_order() -> None:
    """A person's word, unlike a provider's, replaces the one before it."""
    shorter = IsolationOrder(since=NOW, until=NOW + 5.0, actor="ada", reason="a test")
    isolation = Isolation()
    isolation.isolate(ORDER)
    isolation.isolate(shorter)

    assert isolation.order(NOW) == shorter
    assert isolation.order(NOW + 5.0) is None


def test_a_release_ends_the_order_at_once() -> None:
    isolation = Isolation()
    isolation.isolate(ORDER)
    isolation.release(NOW)

    assert isolation.order(NOW) is None


def test_an_order_is_remembered_with_its_true_end() -> None:
    isolation = Isolation()
    assert isolation.last is None

    isolation.isolate(ORDER)
    isolation.release(NOW + 1.0)
    isolation.release(NOW + 2.0)

    assert isolation.last == replace(ORDER, until=NOW + 1.0)


def test_releasing_what_is_not_isolated_is_no_mistake() -> None:
    isolation = Isolation()
    isolation.release(NOW)

    assert isolation.order(NOW) is None


# Opened by hand.


def test_a_gate_that_is_opened_is_as_one_whose_time_is_over() -> None:
    gate = QuotaGate()
    gate.close(closure(until=NOW + 60.0))

    assert gate.open(NOW + 1.0)

    assert gate.admits(NOW + 1.0)
    assert gate.last == closure(until=NOW + 1.0)
    assert not gate.open(NOW + 1.0)


def test_what_was_never_shut_cannot_be_opened() -> None:
    assert not QuotaGate().open(NOW)
    assert not Quarantine().open(NOW)


def test_a_quarantine_that_is_ended_lets_the_refused_key_through() -> None:
    quarantine = quarantined()

    assert quarantine.open(NOW)

    assert quarantine.admits("old", NOW)
    assert not quarantine.open(NOW)
