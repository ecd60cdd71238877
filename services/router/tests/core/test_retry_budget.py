"""Retries stay a small share of the calls, whatever fails."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.retry_budget import CALLS_PER_RETRY, STORE, RetryBudget

START = 1000.0


def spent_at_once(budget: RetryBudget, now: float) -> int:
    """How many retries it gives at this moment."""
    spent = 0
    while budget.try_spend(now):
        spent += 1
    return spent


def test_the_first_call_that_fails_may_be_retried() -> None:
    """A target that is called once an hour has saved nothing yet."""
    budget = RetryBudget(now=START)

    assert budget.try_spend(START)
    assert not budget.try_spend(START)


def test_every_tenth_call_pays_for_a_retry() -> None:
    budget = RetryBudget(now=START)
    budget.try_spend(START)
    for _ in range(9):
        budget.deposit(START)
    assert not budget.try_spend(START)

    budget.deposit(START)

    assert budget.try_spend(START)


def test_every_second_pays_for_a_retry() -> None:
    budget = RetryBudget(now=START)
    budget.try_spend(START)

    assert not budget.try_spend(START + 0.999)
    assert budget.try_spend(START + 1.0)
    assert not budget.try_spend(START + 1.0)


def test_asking_takes_nothing() -> None:
    """The walk asks before it knows whether the wait would fit."""
    budget = RetryBudget(now=START)

    assert budget.allows(START)
    assert budget.allows(START)
    assert budget.try_spend(START)
    assert not budget.allows(START)


def test_a_quiet_hour_saves_ten_retries_and_no_more() -> None:
    """Seen elsewhere: what was saved overnight came down on a provider in its first second."""
    assert spent_at_once(RetryBudget(now=START), START + 3600.0) == STORE


def test_a_busy_second_saves_ten_retries_and_no_more() -> None:
    budget = RetryBudget(now=START)
    for _ in range(10_000):
        budget.deposit(START)

    assert spent_at_once(budget, START) == STORE


def test_a_clock_that_is_asked_out_of_order_pays_nothing_twice() -> None:
    budget = RetryBudget(now=START)
    budget.try_spend(START)
    budget.deposit(START + 0.5)
    budget.deposit(START)

    assert not budget.try_spend(START + 0.5)


@given(
    steps=st.lists(
        st.tuples(st.floats(0.0, 3.0), st.integers(0, 30), st.integers(0, 10)), max_size=40
    )
)
def test_retries_are_at_most_a_tenth_of_the_calls_and_one_a_second(
    steps: list[tuple[float, int, int]],
) -> None:
    budget, now, calls, retries = RetryBudget(now=START), START, 0, 0
    for pause, begun, wanted in steps:
        now += pause
        for _ in range(begun):
            budget.deposit(now)
        calls += begun
        retries += sum(budget.try_spend(now) for _ in range(wanted))

        assert retries <= calls / CALLS_PER_RETRY + (now - START) + 1.0 + 1e-6
