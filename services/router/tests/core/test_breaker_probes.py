"""Probes that are judged before their end, and calls that are forced through a shut breaker."""

import pytest

from failsoft_router.core.breaker import Breaker, Permit, Result, State
from failsoft_router.core.policy import GPU_BREAKER, REMOTE_BREAKER, BreakerPolicy
from failsoft_router.core.window import Counts

START = 1000.0
NO_JITTER = 0.5
OK, FAILED, NO_EVIDENCE = Result.OK, Result.FAILED, Result.NO_EVIDENCE
NOTHING = Counts(calls=0, failures=0)


def report(breaker: Breaker, given: Permit, result: Result, now: float) -> None:
    breaker.record(given, result, now=now, draw=NO_JITTER)


def permit(breaker: Breaker, now: float) -> Permit:
    given = breaker.ask(now)
    assert given is not None
    return given


def forced(breaker: Breaker, now: float) -> Permit:
    given = breaker.force(now)
    assert given is not None
    assert given.forced
    return given


def state_of(breaker: Breaker) -> State:
    """A call, so that the type checker does not believe that a state lasts."""
    return breaker.state


def opened(policy: BreakerPolicy = REMOTE_BREAKER) -> Breaker:
    """A breaker that opened at `START` and is due 5 s later."""
    breaker = Breaker(policy, now=START)
    for _ in range(policy.consecutive_failures):
        report(breaker, permit(breaker, START), FAILED, START)
    assert breaker.due_in(START) == 5.0
    return breaker


DUE = START + 5.0


# Judged early.


def test_a_gpu_target_is_back_while_its_probe_still_speaks() -> None:
    """An answer takes a minute; that it is a good one shows in seconds."""
    breaker = opened(GPU_BREAKER)
    probe = permit(breaker, DUE)

    judged = breaker.record_early(probe, now=DUE + 5.0)

    assert judged.judged
    assert judged.started == DUE
    assert breaker.changed_at == DUE + 5.0
    assert state_of(breaker) is State.CLOSED
    assert not permit(breaker, DUE + 5.0).probe


def test_a_cut_after_the_judgement_is_not_lost() -> None:
    """Else a target that always dies half way would be well for ever."""
    breaker = opened(GPU_BREAKER)
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)

    report(breaker, judged, FAILED, DUE + 30.0)

    assert breaker.counts(DUE + 30.0) == Counts(calls=1, failures=1)
    assert breaker.consecutive_failures == 1


def test_a_judged_probe_counts_as_one_good_probe_and_not_as_two() -> None:
    breaker = opened()
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)

    report(breaker, judged, OK, DUE + 6.0)

    assert state_of(breaker) is State.HALF_OPEN
    report(breaker, permit(breaker, DUE + 6.0), OK, DUE + 7.0)
    assert state_of(breaker) is State.CLOSED


def test_a_judged_probe_is_judged_once() -> None:
    breaker = opened()
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)

    assert breaker.record_early(judged, now=DUE + 10.0) == judged
    assert state_of(breaker) is State.HALF_OPEN


def test_a_judged_probe_gives_its_place_back_once() -> None:
    breaker = opened()
    given = [permit(breaker, DUE) for _ in range(REMOTE_BREAKER.probes)]
    assert breaker.ask(DUE) is None

    judged = breaker.record_early(given[0], now=DUE + 5.0)
    permit(breaker, DUE + 5.0)
    assert breaker.ask(DUE + 5.0) is None
    report(breaker, judged, OK, DUE + 6.0)

    assert breaker.ask(DUE + 6.0) is None


def test_a_judged_probe_that_breaks_while_others_are_out_opens_again() -> None:
    breaker = opened()
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)
    assert breaker.consecutive_failures == 0

    report(breaker, judged, FAILED, DUE + 6.0)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(DUE + 6.0) == 10.0
    assert breaker.consecutive_failures == 1


def test_a_caller_who_leaves_a_judged_probe_takes_nothing_back() -> None:
    breaker = opened()
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)
    report(breaker, judged, NO_EVIDENCE, DUE + 6.0)

    report(breaker, permit(breaker, DUE + 6.0), OK, DUE + 7.0)

    assert state_of(breaker) is State.CLOSED


def test_a_judged_probe_reports_as_a_call_when_others_have_closed() -> None:
    breaker = opened()
    judged = breaker.record_early(permit(breaker, DUE), now=DUE + 5.0)
    report(breaker, permit(breaker, DUE + 5.0), OK, DUE + 6.0)
    assert state_of(breaker) is State.CLOSED

    report(breaker, judged, FAILED, DUE + 7.0)

    assert breaker.counts(DUE + 7.0) == Counts(calls=1, failures=1)


def test_a_probe_of_an_earlier_try_is_not_judged_early() -> None:
    breaker = opened()
    late = permit(breaker, DUE)
    report(breaker, permit(breaker, DUE), FAILED, DUE)
    now = DUE + breaker.due_in(DUE)
    permit(breaker, now)

    assert breaker.record_early(late, now=now) == late
    report(breaker, permit(breaker, now), OK, now)

    assert state_of(breaker) is State.HALF_OPEN


def test_a_call_of_a_closed_breaker_has_nothing_to_be_judged() -> None:
    breaker = Breaker(REMOTE_BREAKER, now=START)
    given = permit(breaker, START)

    assert breaker.record_early(given, now=START + 5.0) == given
    assert breaker.counts(START + 5.0) == NOTHING


def test_a_probe_that_others_overtook_reports_as_a_call_and_only_once() -> None:
    breaker = opened()
    slow = permit(breaker, DUE)
    for _ in range(2):
        report(breaker, permit(breaker, DUE), OK, DUE)
    assert state_of(breaker) is State.CLOSED

    assert breaker.record_early(slow, now=DUE + 5.0) == slow
    report(breaker, slow, OK, DUE + 6.0)

    assert breaker.counts(DUE + 6.0) == Counts(calls=1, failures=0)


# Forced.


def test_a_caller_whom_everybody_shut_out_is_let_through() -> None:
    breaker = opened()
    assert breaker.ask(START + 1.0) is None

    given = forced(breaker, START + 1.0)

    assert given.probe
    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START + 1.0) == 4.0


def test_one_forced_call_is_out_at_a_time() -> None:
    breaker = opened()
    given = forced(breaker, START + 1.0)
    assert breaker.force(START + 1.0) is None

    report(breaker, given, NO_EVIDENCE, START + 2.0)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START + 2.0) == 3.0
    forced(breaker, START + 2.0)


def test_who_would_be_let_through_anyway_is_not_forced() -> None:
    closed = Breaker(REMOTE_BREAKER, now=START).force(START)
    due = opened().force(DUE)

    assert closed is not None
    assert due is not None
    assert (closed.probe, closed.forced) == (False, False)
    assert (due.probe, due.forced) == (True, False)


def test_a_forced_call_takes_no_probes_place() -> None:
    breaker = opened()
    given = forced(breaker, START + 1.0)

    for _ in range(REMOTE_BREAKER.probes):
        permit(breaker, DUE)
    assert breaker.ask(DUE) is None
    report(breaker, given, NO_EVIDENCE, DUE)

    assert breaker.ask(DUE) is None


def test_a_good_forced_call_brings_a_gpu_target_back_before_it_is_due() -> None:
    breaker = opened(GPU_BREAKER)
    given = forced(breaker, START + 1.0)

    report(breaker, given, OK, START + 2.0)

    assert state_of(breaker) is State.CLOSED
    assert breaker.counts(START + 2.0) == NOTHING


def test_a_good_forced_call_is_the_first_of_a_remote_targets_good_probes() -> None:
    breaker = opened()
    report(breaker, forced(breaker, START + 1.0), OK, START + 2.0)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.changed_at == START + 2.0
    assert breaker.consecutive_failures == 0

    report(breaker, permit(breaker, START + 2.0), OK, START + 3.0)

    assert state_of(breaker) is State.CLOSED


def test_a_failed_forced_call_opens_anew_and_for_longer() -> None:
    breaker = opened()
    report(breaker, forced(breaker, START + 1.0), FAILED, START + 2.0)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START + 2.0) == 10.0
    assert breaker.consecutive_failures == 6
    assert breaker.changed_at == START + 2.0


def test_a_due_time_never_moves_back_when_a_forced_call_fails() -> None:
    """The jitter of the new open time may be shorter than what is left of the old one."""
    breaker = opened(BreakerPolicy(open_for=5.0, open_cap=5.0))
    given = forced(breaker, START)

    breaker.record(given, FAILED, now=START + 0.5, draw=0.0)

    assert breaker.due_in(START + 0.5) == 4.5


@pytest.mark.parametrize("result", Result)
def test_a_forced_call_that_ends_when_probes_are_out_says_nothing(result: Result) -> None:
    """It began before they did, and they find out more."""
    breaker = opened()
    given = forced(breaker, START + 4.0)
    permit(breaker, DUE)

    report(breaker, given, result, DUE + 1.0)

    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.consecutive_failures == REMOTE_BREAKER.consecutive_failures
    report(breaker, permit(breaker, DUE + 1.0), OK, DUE + 1.0)
    assert state_of(breaker) is State.HALF_OPEN


@pytest.mark.parametrize(
    ("result", "state"), [(OK, State.CLOSED), (FAILED, State.OPEN), (NO_EVIDENCE, State.HALF_OPEN)]
)
def test_a_forced_call_beside_the_probes_is_judged_like_one(result: Result, state: State) -> None:
    breaker = opened(GPU_BREAKER)
    permit(breaker, DUE)
    given = forced(breaker, DUE)

    report(breaker, given, result, DUE + 1.0)

    assert state_of(breaker) is state


def test_a_forced_call_beside_the_probes_leaves_them_their_places() -> None:
    breaker = opened()
    for _ in range(REMOTE_BREAKER.probes):
        permit(breaker, DUE)
    report(breaker, forced(breaker, DUE), OK, DUE + 1.0)
    assert state_of(breaker) is State.HALF_OPEN

    assert breaker.ask(DUE + 1.0) is None


def test_a_forced_call_is_judged_early_too_and_stays_the_one_that_is_out() -> None:
    breaker = opened()
    judged = breaker.record_early(forced(breaker, START + 1.0), now=START + 4.0)
    assert state_of(breaker) is State.HALF_OPEN
    for _ in range(REMOTE_BREAKER.probes):
        permit(breaker, START + 4.0)
    assert breaker.force(START + 4.0) is None

    report(breaker, judged, FAILED, START + 5.0)

    assert state_of(breaker) is State.OPEN
    forced(breaker, START + 5.0)


def test_a_forced_call_that_closed_the_breaker_early_goes_on_as_a_call() -> None:
    breaker = opened(GPU_BREAKER)
    judged = breaker.record_early(forced(breaker, START + 1.0), now=START + 4.0)
    assert state_of(breaker) is State.CLOSED

    report(breaker, judged, FAILED, START + 5.0)

    assert breaker.counts(START + 5.0) == Counts(calls=1, failures=1)
