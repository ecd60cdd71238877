"""Extra calls stay a small share of the calls, whatever fails."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.extra_calls import PROBES, RETRIES, Allowance, ExtraCalls

START = 1000.0


def spent_at_once(budget: ExtraCalls, now: float) -> int:
    """How many extra calls it gives at this moment."""
    spent = 0
    while budget.try_spend(now):
        spent += 1
    return spent


def test_the_first_call_that_fails_may_be_retried() -> None:
    """A target that is called once an hour has saved nothing yet."""
    budget = ExtraCalls(RETRIES, now=START)

    assert budget.try_spend(START)
    assert not budget.try_spend(START)


def test_every_tenth_call_pays_for_a_retry() -> None:
    budget = ExtraCalls(RETRIES, now=START)
    budget.try_spend(START)
    for _ in range(9):
        budget.deposit(START)
    assert not budget.try_spend(START)

    budget.deposit(START)

    assert budget.try_spend(START)


def test_every_second_pays_for_a_retry() -> None:
    budget = ExtraCalls(RETRIES, now=START)
    budget.try_spend(START)

    assert not budget.try_spend(START + 0.999)
    assert budget.try_spend(START + 1.0)
    assert not budget.try_spend(START + 1.0)


def test_asking_takes_nothing() -> None:
    """The walk asks before it knows whether the wait would fit."""
    budget = ExtraCalls(RETRIES, now=START)

    assert budget.allows(START)
    assert budget.allows(START)
    assert budget.try_spend(START)
    assert not budget.allows(START)


def test_what_was_taken_and_what_is_left_is_told() -> None:
    budget = ExtraCalls(RETRIES, now=START)
    assert (budget.spent, budget.left(START), budget.left(START + 0.5)) == (0, 1.0, 1.5)

    assert budget.try_spend(START + 0.5)
    assert not budget.try_spend(START + 0.5)
    assert (budget.spent, budget.left(START + 0.5)) == (1, 0.5)

    budget.give_back()
    assert (budget.spent, budget.left(START + 0.5)) == (0, 1.5)


def test_a_quiet_hour_saves_ten_retries_and_no_more() -> None:
    """Seen elsewhere: what was saved overnight came down on a provider in its first second."""
    assert spent_at_once(ExtraCalls(RETRIES, now=START), START + 3600.0) == RETRIES.store


def test_a_busy_second_saves_ten_retries_and_no_more() -> None:
    budget = ExtraCalls(RETRIES, now=START)
    for _ in range(10_000):
        budget.deposit(START)

    assert spent_at_once(budget, START) == RETRIES.store


def test_a_clock_that_is_asked_out_of_order_pays_nothing_twice() -> None:
    budget = ExtraCalls(RETRIES, now=START)
    budget.try_spend(START)
    budget.deposit(START + 0.5)
    budget.deposit(START)

    assert not budget.try_spend(START + 0.5)


def test_every_fiftieth_call_and_every_ten_seconds_pay_for_a_probe() -> None:
    account = ExtraCalls(PROBES, now=START)
    assert spent_at_once(account, START) == 1
    for _ in range(49):
        account.deposit(START)
    assert not account.try_spend(START)

    account.deposit(START)

    assert spent_at_once(account, START) == 1
    assert not account.try_spend(START + 9.9)
    assert account.try_spend(START + 10.0)


def test_what_was_no_extra_call_is_given_back() -> None:
    """A probe that answers its own caller has cost nothing extra."""
    account = ExtraCalls(PROBES, now=START)
    account.try_spend(START)

    account.give_back()

    assert spent_at_once(account, START) == 1


@given(
    allowance=st.sampled_from((RETRIES, PROBES)),
    steps=st.lists(
        st.tuples(st.floats(0.0, 30.0), st.integers(0, 100), st.integers(0, 10)), max_size=40
    ),
)
def test_extra_calls_are_at_most_their_share_of_the_calls_and_of_the_time(
    allowance: Allowance, steps: list[tuple[float, int, int]]
) -> None:
    account, now, calls, extra = ExtraCalls(allowance, now=START), START, 0, 0
    for pause, begun, wanted in steps:
        now += pause
        for _ in range(begun):
            account.deposit(now)
        calls += begun
        extra += sum(account.try_spend(now) for _ in range(wanted))

        share, rest = calls / allowance.calls, (now - START) / allowance.seconds
        assert extra <= share + rest + 1.0 + 1e-6
