"""Each transition of the health breaker, by example."""

import pytest

from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import CLEAN_SECONDS, Breaker, Permit, Result, State
from failsoft_router.core.policy import GPU_BREAKER, BreakerPolicy
from failsoft_router.core.window import Counts

START = 1000.0
NO_JITTER = 0.5
POLICY = BreakerPolicy(
    window=60.0,
    failure_ratio=0.5,
    minimum_calls=10,
    consecutive_failures=5,
    open_for=5.0,
    open_cap=15.0,
    probes=3,
    good_probes=2,
)
OK, FAILED, NO_EVIDENCE = Result.OK, Result.FAILED, Result.NO_EVIDENCE


def new(policy: BreakerPolicy = POLICY) -> Breaker:
    return Breaker(policy, now=START)


def permit(breaker: Breaker, now: float) -> Permit:
    given = breaker.ask(now)
    assert given is not None
    return given


def report(
    breaker: Breaker, given: Permit, result: Result, now: float, *, draw: float = NO_JITTER
) -> None:
    breaker.record(given, result, now=now, draw=draw)


def call(breaker: Breaker, result: Result, now: float, *, draw: float = NO_JITTER) -> None:
    """A call that ends at the moment it begins."""
    report(breaker, permit(breaker, now), result, now, draw=draw)


def state_of(breaker: Breaker) -> State:
    """A call, so that the type checker does not believe that a state lasts."""
    return breaker.state


def trip(breaker: Breaker, now: float, *, draw: float = NO_JITTER) -> None:
    for _ in range(POLICY.consecutive_failures):
        call(breaker, FAILED, now, draw=draw)
    assert state_of(breaker) is State.OPEN


def close(breaker: Breaker, now: float) -> None:
    for _ in range(POLICY.good_probes):
        call(breaker, OK, now)
    assert state_of(breaker) is State.CLOSED


# Closed.


def test_a_new_breaker_lets_calls_through() -> None:
    breaker = new()

    assert not permit(breaker, START).probe
    assert state_of(breaker) is State.CLOSED
    assert breaker.transitions == 0
    assert breaker.changed_at == START
    assert breaker.due_in(START) == 0.0


def test_failures_in_a_row_open() -> None:
    breaker = new()
    for moment in (1.0, 2.0, 3.0, 4.0):
        call(breaker, FAILED, START + moment)
    assert state_of(breaker) is State.CLOSED
    assert breaker.consecutive_failures == 4

    call(breaker, FAILED, START + 5.0)

    assert state_of(breaker) is State.OPEN
    assert breaker.transitions == 1
    assert [breaker.entered(state) for state in State] == [0, 1, 0]
    assert breaker.changed_at == START + 5.0
    assert breaker.consecutive_failures == 5


def test_the_last_failure_is_told_until_the_next_one() -> None:
    breaker = new()
    told = [breaker.last_error]
    for result, error_class in (
        (FAILED, ErrorClass.STALL),
        (OK, None),
        (NO_EVIDENCE, ErrorClass.CALLER_FAULT),
        (FAILED, ErrorClass.TRANSIENT),
    ):
        given = permit(breaker, START)
        breaker.record(given, result, now=START, draw=NO_JITTER, error_class=error_class)
        told.append(breaker.last_error)

    stalled, transient = ErrorClass.STALL, ErrorClass.TRANSIENT
    assert told == [None, stalled, stalled, stalled, transient]


def test_a_success_breaks_the_row() -> None:
    breaker = new()
    for result in (FAILED, FAILED, FAILED, FAILED, OK, FAILED):
        call(breaker, result, START)

    assert state_of(breaker) is State.CLOSED
    assert breaker.consecutive_failures == 1


def test_half_of_ten_calls_failing_opens_without_a_row() -> None:
    breaker = new()
    for _ in range(4):
        call(breaker, OK, START)
        call(breaker, FAILED, START)
    call(breaker, OK, START)
    assert state_of(breaker) is State.CLOSED

    call(breaker, FAILED, START)

    assert state_of(breaker) is State.OPEN


def test_the_ratio_says_nothing_about_nine_calls() -> None:
    breaker = new()
    for _ in range(3):
        call(breaker, FAILED, START)
        call(breaker, FAILED, START)
        call(breaker, OK, START)

    assert breaker.counts(START) == Counts(calls=9, failures=6)
    assert state_of(breaker) is State.CLOSED


def test_a_success_never_opens() -> None:
    """Not even the tenth call of which six have failed."""
    breaker = new()
    for result in (FAILED, FAILED, OK) * 3:
        call(breaker, result, START)

    call(breaker, OK, START)

    assert breaker.counts(START) == Counts(calls=10, failures=6)
    assert state_of(breaker) is State.CLOSED


def test_a_ratio_that_is_met_exactly_opens_although_floats_are_not_exact() -> None:
    """0.07 * 100 is 7.000000000000001: seven failures in a hundred would not be enough."""
    breaker = new(BreakerPolicy(failure_ratio=0.07, minimum_calls=100, consecutive_failures=100))
    for _ in range(93):
        call(breaker, OK, START)
    for _ in range(6):
        call(breaker, FAILED, START)
    assert state_of(breaker) is State.CLOSED

    call(breaker, FAILED, START)

    assert state_of(breaker) is State.OPEN


def test_failures_that_left_the_window_do_not_open_by_ratio() -> None:
    breaker = new()
    for _ in range(4):
        call(breaker, FAILED, START)
    later = START + POLICY.window + 6.0
    for _ in range(8):
        call(breaker, OK, later)
    call(breaker, FAILED, later)
    call(breaker, FAILED, later)

    assert breaker.counts(later) == Counts(calls=10, failures=2)
    assert state_of(breaker) is State.CLOSED


def test_a_failure_older_than_the_window_still_counts_for_the_row() -> None:
    """Calls that hang for longer than the window would otherwise never open anything."""
    breaker = new()
    given = [permit(breaker, START) for _ in range(5)]
    much_later = START + 600.0
    for each in given:
        report(breaker, each, FAILED, much_later)

    assert state_of(breaker) is State.OPEN


def test_no_evidence_teaches_nothing() -> None:
    breaker = new()
    for _ in range(4):
        call(breaker, FAILED, START)
    for _ in range(100):
        call(breaker, NO_EVIDENCE, START)

    assert state_of(breaker) is State.CLOSED
    assert breaker.consecutive_failures == 4
    assert breaker.counts(START) == Counts(calls=4, failures=4)


# Open.


def test_an_open_breaker_refuses_until_it_is_due() -> None:
    breaker = new()
    trip(breaker, START)

    assert breaker.due_in(START) == 5.0
    assert breaker.ask(START + 4.999) is None
    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START + 4.0) == 1.0


def test_the_first_who_asks_when_it_is_due_is_a_probe() -> None:
    breaker = new()
    trip(breaker, START)

    probe = permit(breaker, START + 5.0)

    assert probe.probe
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.due_in(START + 5.0) == 0.0


def test_a_target_that_nobody_asks_for_stays_open_and_due() -> None:
    breaker = new()
    trip(breaker, START)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(START + 3600.0) == 0.0


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 4.0), (0.5, 5.0), (0.999999, 6.0)])
def test_the_open_time_is_spread_by_a_fifth_to_both_sides(draw: float, seconds: float) -> None:
    """So that replicas that fell together do not probe together."""
    breaker = new()
    trip(breaker, START, draw=draw)

    assert breaker.due_in(START) == pytest.approx(seconds, abs=1e-5)


def test_the_open_time_doubles_up_to_the_cap() -> None:
    breaker, now = new(), START
    trip(breaker, now)
    waits = [breaker.due_in(now)]
    for _ in range(4):
        now += breaker.due_in(now)
        call(breaker, FAILED, now)
        waits.append(breaker.due_in(now))

    assert waits == [5.0, 10.0, 15.0, 15.0, 15.0]


def test_the_cap_holds_although_the_last_draw_adds_a_fifth() -> None:
    breaker, now = new(), START
    trip(breaker, now, draw=0.999999)
    for _ in range(5):
        now += breaker.due_in(now)
        call(breaker, FAILED, now, draw=0.999999)
        assert breaker.due_in(now) <= POLICY.open_cap


def test_nobody_is_told_to_wait_a_hair_longer_than_the_cap() -> None:
    """(1009.003 + 15.0) - 1009.003 comes out as 15.000000000000114."""
    breaker = new(BreakerPolicy(open_for=15.0, open_cap=15.0))
    trip(breaker, 1009.003)

    assert breaker.due_in(1009.003) == 15.0


def test_no_open_time_is_shorter_for_a_good_past() -> None:
    breaker, now = new(), START + 3600.0
    trip(breaker, now)

    assert breaker.due_in(now) == 5.0


def test_each_minute_closed_takes_one_doubling_back() -> None:
    breaker, now = new(), START
    trip(breaker, now)
    now += breaker.due_in(now)
    call(breaker, FAILED, now)
    now += breaker.due_in(now)
    close(breaker, now)

    now += CLEAN_SECONDS
    trip(breaker, now)

    assert breaker.due_in(now) == 10.0


def test_a_flapping_target_gets_no_doubling_back() -> None:
    breaker, now = new(), START
    trip(breaker, now)
    now += breaker.due_in(now)
    close(breaker, now)

    now += CLEAN_SECONDS - 1.0
    trip(breaker, now)

    assert breaker.due_in(now) == 10.0


def test_a_long_outage_is_forgotten_in_minutes() -> None:
    """An hour of failed probes must not keep the open time at its cap for an hour after."""
    breaker, now = new(), START
    trip(breaker, now)
    for _ in range(240):
        now += breaker.due_in(now)
        call(breaker, FAILED, now)
    now += breaker.due_in(now)
    close(breaker, now)

    now += 2 * CLEAN_SECONDS
    trip(breaker, now)

    assert breaker.due_in(now) == 5.0


def test_a_cap_that_is_a_power_of_two_away_is_reached_once() -> None:
    breaker, now = new(BreakerPolicy(open_for=5.0, open_cap=10.0)), START
    trip(breaker, now)
    for _ in range(10):
        now += breaker.due_in(now)
        call(breaker, FAILED, now)
    assert breaker.due_in(now) == 10.0
    now += breaker.due_in(now)
    close(breaker, now)

    now += CLEAN_SECONDS
    trip(breaker, now)

    assert breaker.due_in(now) == 5.0


def test_an_open_time_longer_than_the_cap_is_cut_to_it() -> None:
    breaker = new(BreakerPolicy(open_for=60.0, open_cap=15.0))
    trip(breaker, START)

    assert breaker.due_in(START) == 15.0


# Half-open.


def half_open(policy: BreakerPolicy = POLICY) -> tuple[Breaker, float, Permit]:
    """A breaker with its first probe out."""
    breaker = new(policy)
    trip(breaker, START)
    now = START + breaker.due_in(START)
    return breaker, now, permit(breaker, now)


def test_no_more_probes_are_out_than_allowed() -> None:
    breaker, now, _ = half_open()

    assert permit(breaker, now).probe
    assert permit(breaker, now).probe
    assert breaker.ask(now) is None


def test_enough_good_probes_close_and_the_past_is_forgotten() -> None:
    breaker, now, first = half_open()
    second = permit(breaker, now)

    report(breaker, first, OK, now + 1.0)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.consecutive_failures == 0
    report(breaker, second, OK, now + 2.0)

    assert state_of(breaker) is State.CLOSED
    assert breaker.changed_at == now + 2.0
    assert breaker.counts(now + 2.0) == Counts(calls=0, failures=0)
    assert not permit(breaker, now + 2.0).probe


def test_one_good_probe_closes_a_gpu_target_and_only_one_is_out() -> None:
    breaker, now, first = half_open(GPU_BREAKER)
    assert breaker.ask(now) is None

    report(breaker, first, OK, now + 1.0)

    assert state_of(breaker) is State.CLOSED


def test_one_failed_probe_opens_again_and_for_longer() -> None:
    breaker, now, first = half_open()
    call(breaker, OK, now)

    report(breaker, first, FAILED, now + 1.0)

    assert state_of(breaker) is State.OPEN
    assert breaker.due_in(now + 1.0) == 10.0
    assert breaker.consecutive_failures == 1


def test_good_probes_of_an_earlier_try_do_not_add_up() -> None:
    breaker, now, first = half_open()
    call(breaker, OK, now)
    report(breaker, first, FAILED, now)
    now += breaker.due_in(now)

    call(breaker, OK, now)

    assert state_of(breaker) is State.HALF_OPEN


def test_minutes_that_a_probe_hangs_are_not_clean_ones() -> None:
    breaker, now, first = half_open()

    report(breaker, first, FAILED, now + 5 * CLEAN_SECONDS)

    assert breaker.due_in(now + 5 * CLEAN_SECONDS) == 10.0


def test_probes_of_an_earlier_try_take_no_place_in_the_next() -> None:
    """They may hang for minutes; what they say is void, so nobody needs to wait for it."""
    breaker, now, first = half_open()
    permit(breaker, now)
    permit(breaker, now)
    report(breaker, first, FAILED, now)
    now += breaker.due_in(now)

    for _ in range(POLICY.probes):
        assert permit(breaker, now).probe
    assert breaker.ask(now) is None


def test_an_abandoned_probe_gives_its_place_back() -> None:
    """A caller that hung up must not leave the target out of rotation."""
    breaker, now, first = half_open(GPU_BREAKER)

    report(breaker, first, NO_EVIDENCE, now + 1.0)

    assert state_of(breaker) is State.HALF_OPEN
    assert permit(breaker, now + 1.0).probe


def test_a_late_result_of_a_call_from_before_the_trouble_is_void() -> None:
    breaker = new()
    early = permit(breaker, START)
    trip(breaker, START)
    now = START + breaker.due_in(START)
    probe = permit(breaker, now)

    report(breaker, early, OK, now)
    report(breaker, early, FAILED, now)

    assert state_of(breaker) is State.HALF_OPEN
    report(breaker, probe, OK, now)
    call(breaker, OK, now)
    assert state_of(breaker) is State.CLOSED
    report(breaker, early, FAILED, now)
    assert breaker.counts(now) == Counts(calls=0, failures=0)


def test_a_late_probe_of_an_earlier_try_is_void() -> None:
    breaker, now, first = half_open()
    late = permit(breaker, now)
    report(breaker, first, FAILED, now)
    now += breaker.due_in(now)
    current = permit(breaker, now)

    report(breaker, late, FAILED, now)
    assert state_of(breaker) is State.HALF_OPEN
    report(breaker, late, OK, now)
    report(breaker, current, OK, now)

    assert state_of(breaker) is State.HALF_OPEN


def test_a_probe_that_ends_after_others_closed_counts_as_a_call() -> None:
    """Its answer began well enough to be waited for and is cut: that must not be lost."""
    breaker, now, slow = half_open()
    call(breaker, OK, now)
    call(breaker, OK, now)
    assert state_of(breaker) is State.CLOSED

    report(breaker, slow, FAILED, now + 1.0)

    assert breaker.counts(now + 1.0) == Counts(calls=1, failures=1)
    assert breaker.consecutive_failures == 1


def test_a_probe_speaks_only_for_the_epoch_that_its_siblings_closed_into() -> None:
    breaker, now, slow = half_open()
    call(breaker, OK, now)
    call(breaker, OK, now)
    trip(breaker, now)
    now += breaker.due_in(now)
    close(breaker, now)

    report(breaker, slow, FAILED, now)

    assert breaker.counts(now) == Counts(calls=0, failures=0)
    assert breaker.consecutive_failures == 0


def test_what_is_another_target_now_is_probed_at_once() -> None:
    """Its endpoints have gone and others have come: the open time was meant for those."""
    breaker = new()
    trip(breaker, START)
    assert breaker.ask(START + 1.0) is None
    breaker.look_again(START + 1.0)

    assert breaker.due_in(START + 1.0) == 0.0
    assert permit(breaker, START + 1.0).probe


def test_to_look_again_delays_no_probe_and_makes_none_of_a_call() -> None:
    breaker = new()
    breaker.look_again(START)
    assert not permit(breaker, START).probe

    trip(breaker, START)
    breaker.look_again(START + 100.0)
    assert breaker.due_at == START + 5.0
