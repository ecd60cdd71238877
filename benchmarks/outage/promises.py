"""What an outage may cost, held against what callers saw. Pure: no clock, no sockets.

All times are seconds; moments are of one clock.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHORTEST_PATIENCE = 0.1
"""A probe's caller waits twice the target's usual time, and this at least."""

TRAVEL = 0.02
"""From a caller to the router, whose moments are later than the caller's by that."""

RETRIES_SAVED = 10
"""A retry budget never holds more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one caller saw.

    Attributes:
        begun: When it asked.
        seconds: From its call to the whole answer.
        first: It was answered by the route's first target.
        asked: The first target was called for it.
        calls: How often.
        lost: Seconds from the first target's hop to the next one's; 0 without a next one.
        timed_out: The first target's limit passed for it.
        answered: It has got an answer.
    """

    begun: float
    seconds: float
    first: bool = False
    asked: bool = False
    calls: int = 0
    lost: float = 0.0
    timed_out: bool = False
    answered: bool = True

    @property
    def ended(self) -> float:
        return self.begun + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When what happened in one outage.

    Attributes:
        fault: What it was.
        well_from: From here on the first target answered everybody.
        begun: The first target died.
        repaired: It could answer again.
        over: It answered everybody again.
        open_left: Seconds that its breaker was still open then.
        calls: Into the first target while it was dead, as it counted them itself; None: it
            could not count, because nobody was connected.
    """

    fault: str
    well_from: float
    begun: float
    repaired: float
    over: float
    open_left: float
    calls: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the policy says about the first target's breaker."""

    consecutive_failures: int = 5
    open_for: float = 5.0
    open_cap: float = 15.0
    probes: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much wall time may differ from the promise, and on how many callers p99 rests.

    Attributes:
        median_ratio: Median of the outage to the healthy one.
        p99_extra: Seconds over the healthy p99.
        back_extra: Seconds over the open time.
        apart: Leave those who were evidence (they paid the limit, or probed) out of the
            p99. Their number does not grow with the outage's length: a short one has too
            few other callers for them to be less than one in a hundred. They are counted
            one by one all the same.
    """

    median_ratio: float = 1.2
    p99_extra: float = 0.05
    back_extra: float = 1.0
    apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, as it was kept or broken.

    Attributes:
        measured: With its unit, or a bare count; `allowed` likewise.
    """

    name: str
    measured: str
    allowed: str
    kept: bool


def hold(
    course: Course, samples: Iterable[Sample], *, rules: Rules, allowance: Allowance
) -> Sequence[Promise]:
    """Every promise about one outage.

    Raises:
        ValueError: There are too few samples to say anything.
    """
    ordered = of(course, samples)
    healthy, outage = before(course, ordered), during(course, ordered)
    if not healthy or not outage:
        raise ValueError(f"nobody asked before or while it was {course.fault}")
    usual, usual_p99 = median(healthy), p99(healthy)
    fired, opened = first_failure(outage), evidence(outage, rules)
    wave = sum(each.asked and each.ended > fired and each.begun < opened for each in outage)
    paid = [each for each in outage if each.timed_out]
    probed = probers(outage)
    patience = max(2 * usual, SHORTEST_PATIENCE) + allowance.p99_extra
    after = [each for each in outage if each.begun >= fired]
    if allowance.apart:
        after = [each for each in after if not each.asked]
    calls = course.calls if course.calls is not None else sum(each.calls for each in outage)
    half_opens = most_half_opens(course.repaired - course.begun, rules)
    calls_allowed = wave + min(wave, RETRIES_SAVED) + rules.probes * half_opens
    back = seconds_until_back(course, ordered)
    return (
        _times("median", median(outage), allowance.median_ratio * usual),
        _times("p99 after the first failure", p99(after), usual_p99 + allowance.p99_extra),
        _counts("paid the limit", len(paid), wave),
        _counts("calls into the dead target", calls, calls_allowed),
        _counts("waited for a probe", sum(each.lost > patience for each in probed), 0),
        _times("back after", back, course.open_left + allowance.back_extra),
        _counts("without an answer", sum(not each.answered for each in ordered), 0),
    )


def of(course: Course, samples: Iterable[Sample]) -> Sequence[Sample]:
    """Those whom the outage is about, and those before and after it, as they came."""
    mine = (each for each in samples if course.well_from <= each.begun < course.over)
    return sorted(mine, key=lambda sample: sample.begun)


def before(course: Course, samples: Iterable[Sample]) -> Sequence[Sample]:
    """Callers who had their answer when it began."""
    return [each for each in samples if each.ended < course.begun]


def during(course: Course, samples: Iterable[Sample]) -> Sequence[Sample]:
    """Callers who were waiting when it began, or came before it was over."""
    return [each for each in samples if each.ended >= course.begun and each.begun < course.repaired]


def first_failure(outage: Sequence[Sample]) -> float:
    """When the first caller was sent on to the next target; infinite when nobody was."""
    return min((each.begun + each.lost for each in outage if each.lost), default=math.inf)


def evidence(outage: Sequence[Sample], rules: Rules) -> float:
    """When as many callers had been sent on as the breaker needs to open, as callers see it."""
    failures = sorted(each.begun + each.lost for each in outage if each.lost)
    needed = failures[: rules.consecutive_failures]
    return needed[-1] + TRAVEL if needed else math.inf


def probers(outage: Sequence[Sample]) -> Sequence[Sample]:
    """Callers of whom the first target was asked although its breaker had opened.

    Args:
        outage: In the order of their beginnings.
    """
    opened = next((each.begun for each in outage if not each.asked), math.inf)
    return [each for each in outage if each.asked and each.begun > opened]


def most_half_opens(seconds: float, rules: Rules) -> int:
    """How often a breaker that stays ill can ask for probes in this time, at most.

    Open times are 20 % shorter at least, by their jitter.
    """
    passed, times = 0.0, 0
    while True:
        passed += 0.8 * min(rules.open_cap, rules.open_for * 2.0**times)
        if passed >= seconds:
            return times
        times += 1


def seconds_until_back(course: Course, ordered: Sequence[Sample]) -> float:
    """From the repair to the first caller after whom everybody is answered by the first target.

    Infinite when the last caller was not.
    """
    since = [each for each in ordered if each.begun >= course.repaired]
    back = math.inf
    for each in reversed(since):
        if not each.first:
            break
        back = each.begun - course.repaired
    return back


def median(samples: Sequence[Sample]) -> float:
    """Of the seconds to the answer."""
    return statistics.median(each.seconds for each in samples)


def p99(samples: Sequence[Sample]) -> float:
    """Seconds within which 99 of 100 were answered; 0 of nobody."""
    ordered = sorted(each.seconds for each in samples)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0.0


def _times(name: str, measured: float, allowed: float) -> Promise:
    return Promise(
        name=name,
        measured=f"{1000 * measured:.0f} ms",
        allowed=f"{1000 * allowed:.0f} ms",
        kept=measured <= allowed,
    )


def _counts(name: str, measured: int, allowed: int) -> Promise:
    return Promise(
        name=name, measured=str(measured), allowed=str(allowed), kept=measured <= allowed
    )
