"""A tenant's limits: examples, and any history against a count in exact numbers."""

from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from failsoft_router.core.policy import TenantLimits
from failsoft_router.core.tenant_limits import Limit, Refusal, TenantLimiter

START = 1000.0
SLOW = TenantLimits(requests_per_minute=6, burst=2)
TWO_AT_ONCE = TenantLimits(concurrent=2)


@pytest.mark.parametrize("start", [0.0, START, 1e9])
def test_a_burst_is_let_in_and_then_one_at_a_time(start: float) -> None:
    limiter = TenantLimiter(SLOW, now=start)

    assert [limiter.enter(start) for _ in range(2)] == [None, None]
    assert limiter.enter(start) == Refusal(limit=Limit.RATE, retry_after=10.0)
    assert limiter.enter(start + 10.0) is None
    assert limiter.enter(start + 10.0) == Refusal(limit=Limit.RATE, retry_after=10.0)


def test_a_refusal_says_how_long_is_left() -> None:
    limiter = TenantLimiter(SLOW, now=START)
    for _ in range(2):
        limiter.enter(START)

    for seconds, left in ((4.0, 6.0), (9.0, 1.0)):
        refusal = limiter.enter(START + seconds)
        assert refusal is not None
        assert refusal.retry_after == pytest.approx(left)


def test_a_quiet_time_saves_up_no_more_than_a_burst() -> None:
    limiter = TenantLimiter(SLOW, now=START)

    let_in = [limiter.enter(START + 3600.0) is None for _ in range(4)]

    assert let_in == [True, True, False, False]


def test_a_request_that_ends_makes_room_for_one() -> None:
    limiter = TenantLimiter(TWO_AT_ONCE, now=START)

    assert [limiter.enter(START) for _ in range(2)] == [None, None]
    assert limiter.enter(START) == Refusal(limit=Limit.CONCURRENT, retry_after=1.0)
    limiter.leave()
    assert limiter.enter(START) is None


def test_a_request_that_finds_no_room_costs_none_of_the_rate() -> None:
    limits = TenantLimits(requests_per_minute=6, burst=2, concurrent=1)
    limiter = TenantLimiter(limits, now=START)
    limiter.enter(START)
    for _ in range(5):
        assert limiter.enter(START) == Refusal(limit=Limit.CONCURRENT, retry_after=1.0)
    limiter.leave()

    assert limiter.enter(START) is None


def test_a_refused_request_does_not_run() -> None:
    limits = TenantLimits(requests_per_minute=6, burst=1, concurrent=2)
    limiter = TenantLimiter(limits, now=START)
    for _ in range(3):
        limiter.enter(START)

    assert limiter.enter(START + 10.0) is None


def test_new_limits_give_nobody_a_new_burst() -> None:
    """Else an edit of the policy would let everybody in at once."""
    limiter = TenantLimiter(SLOW, now=START)
    for _ in range(2):
        limiter.enter(START)

    limiter.adopt(TenantLimits(requests_per_minute=60, burst=30), now=START)

    assert limiter.enter(START) == Refusal(limit=Limit.RATE, retry_after=1.0)
    assert limiter.enter(START + 1.0) is None


def test_a_smaller_burst_applies_at_once_and_what_runs_still_counts() -> None:
    limiter = TenantLimiter(TenantLimits(requests_per_minute=60, burst=30), now=START)
    limiter.enter(START)

    limiter.adopt(TenantLimits(requests_per_minute=60, burst=2, concurrent=2), now=START)

    assert limiter.enter(START) is None
    assert limiter.enter(START) == Refusal(limit=Limit.CONCURRENT, retry_after=1.0)
    limiter.leave()
    limiter.leave()
    assert limiter.enter(START) is None
    assert limiter.enter(START) == Refusal(limit=Limit.RATE, retry_after=1.0)


LIMITS = st.builds(
    TenantLimits,
    requests_per_minute=st.sampled_from([0, 1, 6, 60, 7000]),
    burst=st.integers(1, 5),
    concurrent=st.integers(0, 4),
)


class AnyHistory(RuleBasedStateMachine):
    """Requests, their ends, time and new limits, in any order."""

    @initialize(limits=LIMITS)
    def begin(self, limits: TenantLimits) -> None:
        self.limits, self.now, self.running = limits, Fraction(1000), 0
        self.left = Fraction(limits.burst)
        self.limiter = TenantLimiter(limits, now=1000.0)

    @rule(eighths=st.integers(0, 800))
    def wait(self, eighths: int) -> None:
        seconds = Fraction(eighths, 8)
        self.now += seconds
        earned = seconds * self.limits.requests_per_minute / 60
        self.left = min(self.left + earned, Fraction(self.limits.burst))

    @rule()
    def ask(self) -> None:
        refusal = self.limiter.enter(float(self.now))
        limits = self.limits
        if limits.concurrent and self.running >= limits.concurrent:
            assert refusal == Refusal(limit=Limit.CONCURRENT, retry_after=1.0)
        elif limits.requests_per_minute and self.left < 1:
            wait = (1 - self.left) * 60 / limits.requests_per_minute
            assert refusal is not None
            assert refusal.limit is Limit.RATE
            assert refusal.retry_after == pytest.approx(float(wait))
        else:
            assert refusal is None
            self.running += 1
            self.left -= 1 if limits.requests_per_minute else 0

    @rule()
    def end(self) -> None:
        if self.running:
            self.running -= 1
            self.limiter.leave()

    @rule(limits=LIMITS)
    def edit(self, limits: TenantLimits) -> None:
        self.limits = limits
        self.left = min(self.left, Fraction(limits.burst))
        self.limiter.adopt(limits, now=float(self.now))

    @rule()
    def come_back_when_told(self) -> None:
        """The hint is long enough, whatever the roundings."""
        if self.limits.concurrent and self.running >= self.limits.concurrent:
            return
        refusal = self.limiter.enter(float(self.now))
        if refusal is not None:
            self.now += Fraction(refusal.retry_after)
            self.left = Fraction(1)
            assert self.limiter.enter(float(self.now)) is None
        self.running += 1
        self.left -= 1 if self.limits.requests_per_minute else 0


TestAnyHistory = AnyHistory.TestCase
