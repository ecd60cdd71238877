"""What decides whether `make outage` passes: each promise can be broken."""

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from benchmarks.outage.promises import (
    Allowance,
    Course,
    Rules,
    Sample,
    hold,
    most_half_opens,
    p99,
    probers,
    seconds_until_back,
)

COURSE = Course(
    fault="hangs", well_from=0.0, begun=10.0, repaired=50.0, over=60.0, open_left=3.0, calls=8
)
USUAL = 0.2


def served(begun: float) -> Sample:
    """By the first target, as always."""
    return Sample(begun=begun, seconds=USUAL, first=True, asked=True, calls=1)


def skipped(begun: float, seconds: float = USUAL) -> Sample:
    """By the second target, at no cost."""
    return Sample(begun=begun, seconds=seconds)


def probed(begun: float, lost: float) -> Sample:
    """By the second target, after a wait for a probe of the first."""
    return Sample(begun=begun, seconds=lost + USUAL, asked=True, calls=1, lost=lost)


def paid(begun: float, limit: float = 2.0) -> Sample:
    """By the second target, after the first one's limit."""
    return Sample(
        begun=begun, seconds=limit + USUAL, asked=True, calls=1, lost=limit, timed_out=True
    )


def outage(*changed: Sample) -> list[Sample]:
    """Ten callers a second: well, five who pay, all others skipped, and well again."""
    tenths = [tenth / 10 for tenth in range(600)]
    well = [served(at) for at in tenths if at < 10.0 or at >= 53.5]
    wave = [paid(10.0 + number / 10) for number in range(5)]
    out = [skipped(at) for at in tenths if 10.5 <= at < 53.5]
    samples = {sample.begun: sample for sample in (*well, *wave, *out)}
    return list({**samples, **{sample.begun: sample for sample in changed}}.values())


def broken(samples: Iterable[Sample], course: Course = COURSE) -> set[str]:
    promises = hold(course, samples, rules=Rules(), allowance=Allowance())
    return {promise.name for promise in promises if not promise.kept}


def test_an_outage_as_it_should_be_breaks_no_promise() -> None:
    assert broken(outage()) == set()


def test_half_of_all_callers_being_slow_breaks_the_median() -> None:
    slow = [skipped(at / 10, seconds=0.25) for at in range(105, 500)]
    assert "median" in broken(outage(*slow))


def test_two_in_a_hundred_being_slow_after_the_limit_has_fired_break_p99() -> None:
    slow = [skipped(at / 10, seconds=1.0) for at in range(130, 500, 40)]
    assert broken(outage(*slow)) == {"p99 after the first failure"}


def test_who_pays_the_limit_although_it_has_fired_for_others_breaks_a_promise() -> None:
    in_flight = [paid(10.0 + number / 10) for number in range(20)]
    before_it_opened = [paid(12.0 + number / 10) for number in range(5)]
    assert "paid the limit" not in broken(outage(*in_flight, *before_it_opened))
    assert "paid the limit" in broken(outage(*in_flight, *before_it_opened, paid(12.6)))


def test_more_calls_than_the_policy_lets_through_break_a_promise() -> None:
    wave, retries, probes = 5, 5, 3 * 4
    most = wave + retries + probes
    assert broken(outage(), replace(COURSE, calls=most)) == set()
    assert broken(outage(), replace(COURSE, calls=most + 1)) == {"calls into the dead target"}


def test_calls_that_the_target_cannot_count_are_those_that_the_replies_tell() -> None:
    many = replace(skipped(30.0), calls=40)
    assert broken(outage(many), replace(COURSE, calls=None)) == {"calls into the dead target"}


def test_a_probe_may_be_waited_for_as_long_as_the_target_usually_takes_twice() -> None:
    assert broken(outage(probed(20.0, lost=0.4))) == set()
    late = probed(20.0, lost=0.5)
    assert broken(outage(late)) == {"waited for a probe"}


def test_who_was_asked_before_the_breaker_opened_was_no_probe() -> None:
    assert probers([paid(1.0), paid(2.0), skipped(3.0), paid(4.0)]) == [paid(4.0)]


def test_traffic_that_is_back_later_than_the_open_time_and_a_second_breaks_a_promise() -> None:
    assert broken(outage(), replace(COURSE, open_left=2.4)) == {"back after"}


def test_traffic_is_back_when_nobody_is_answered_by_another_target_any_more() -> None:
    late = [served(51.0), skipped(52.0), served(53.0), served(54.0)]
    assert seconds_until_back(COURSE, late) == 3.0
    assert seconds_until_back(COURSE, [*late, skipped(55.0)]) == math.inf


def test_a_caller_without_an_answer_breaks_a_promise() -> None:
    assert broken(outage(replace(skipped(30.0), answered=False))) == {"without an answer"}


def test_evidence_can_be_counted_apart_where_an_outage_is_short() -> None:
    slow = [probed(at / 10, lost=0.4) for at in range(130, 500, 40)]
    apart = Allowance(apart=True)
    promises = hold(COURSE, outage(*slow), rules=Rules(), allowance=apart)
    assert all(promise.kept for promise in promises)


def test_who_is_waiting_when_it_begins_is_not_among_the_healthy() -> None:
    """Their connections were cut: a p99 of theirs would allow everything."""
    cut = replace(served(9.9), seconds=3.0)
    late = [skipped(at / 10, seconds=1.0) for at in range(130, 500, 40)]
    assert broken(outage(cut, *late)) == {"p99 after the first failure"}


def test_samples_of_other_outages_do_not_count() -> None:
    strangers = [replace(skipped(at), answered=False) for at in (-1.0, 60.5)]
    assert broken([*outage(), *strangers]) == set()


def test_an_outage_that_nobody_saw_is_no_proof() -> None:
    with pytest.raises(ValueError):
        broken([served(5.0)])


@pytest.mark.parametrize(
    ("seconds", "times"), [(4.0, 0), (4.1, 1), (12.1, 2), (24.1, 3), (36.1, 4), (48.1, 5)]
)
def test_half_opens_are_counted_with_the_shortest_open_times(seconds: float, times: int) -> None:
    assert most_half_opens(seconds, Rules()) == times


def test_p99_is_the_time_within_which_99_of_100_were_answered() -> None:
    assert p99([skipped(0.0, seconds=float(number)) for number in range(1, 101)]) == 99.0
    assert p99([]) == 0.0
