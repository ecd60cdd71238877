"""A breaker says whether anybody would be let through, and whether a permit still holds."""

from failsoft_router.core.breaker import Breaker, Permit, Result, State
from failsoft_router.core.policy import BreakerPolicy

START = 100.0
POLICY = BreakerPolicy(consecutive_failures=1, open_for=5.0, open_cap=5.0, probes=2, good_probes=1)


def opened() -> Breaker:
    """Open at the start, and due 5 s later."""
    breaker = Breaker(POLICY, now=START)
    report(breaker, ask(breaker, START), Result.FAILED, START)
    return breaker


def ask(breaker: Breaker, now: float) -> Permit:
    permit = breaker.ask(now)
    assert permit is not None
    return permit


def report(breaker: Breaker, permit: Permit, result: Result, now: float) -> None:
    breaker.record(permit, result, now=now, draw=0.5)


def test_a_closed_breaker_is_not_shut() -> None:
    assert not Breaker(POLICY, now=START).is_shut(START)


def test_an_open_breaker_is_shut_until_it_is_due() -> None:
    breaker = opened()

    assert breaker.is_shut(START)
    assert breaker.is_shut(START + 4.999)
    assert not breaker.is_shut(START + 5.0)
    assert breaker.state is State.OPEN


def test_a_half_open_breaker_is_shut_while_all_its_probes_are_out() -> None:
    breaker = opened()
    first = ask(breaker, START + 5.0)
    assert not breaker.is_shut(START + 5.0)

    ask(breaker, START + 5.0)
    assert breaker.is_shut(START + 5.0)

    report(breaker, first, Result.NO_EVIDENCE, START + 6.0)
    assert not breaker.is_shut(START + 6.0)


def test_a_forced_call_is_out_until_it_is_reported() -> None:
    breaker = opened()
    before, permit = breaker.forced_out, breaker.force(START + 1.0)
    during = breaker.forced_out
    assert permit is not None

    report(breaker, permit, Result.NO_EVIDENCE, START + 2.0)

    assert (before, during, breaker.forced_out) == (False, True, False)


def test_a_permit_is_current_until_the_next_transition() -> None:
    breaker = Breaker(POLICY, now=START)
    kept, used = ask(breaker, START), ask(breaker, START)
    before = breaker.is_current(kept)

    report(breaker, used, Result.FAILED, START)

    assert (before, breaker.is_current(kept)) == (True, False)
