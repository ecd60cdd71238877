"""Whatever happens to a target, in whatever order, it is neither lost nor hammered."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from failsoft_router.core.breaker import Breaker, Permit, Result, State
from failsoft_router.core.policy import BreakerPolicy

POLICIES = st.builds(
    BreakerPolicy,
    window=st.sampled_from([1.0, 60.0]),
    failure_ratio=st.sampled_from([0.3, 0.5, 1.0]),
    minimum_calls=st.integers(1, 6),
    consecutive_failures=st.integers(1, 5),
    open_for=st.floats(0.1, 30.0),
    open_cap=st.floats(0.1, 30.0),
    probes=st.integers(1, 3),
    good_probes=st.integers(1, 3),
)
DRAWS = st.floats(0.0, 1.0, exclude_max=True)
SLIP = 1e-6
"""Seconds; far more than the rounding of sums here, far less than anything that matters."""


class AnyHistory(RuleBasedStateMachine):
    """Calls begin, end, are abandoned or never end; time passes."""

    @initialize(policy=POLICIES, start=st.floats(1.0, 1e7))
    def begin(self, policy: BreakerPolicy, start: float) -> None:
        self.policy = policy
        self.now = start
        self.breaker = Breaker(policy, now=start)
        self.out: list[Permit] = []
        self.closed_by: int | None = None
        self.due_at = start
        self.epoch = 0

    @rule(seconds=st.floats(0.0, 100.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def wait_until_due(self) -> None:
        self.now += self.breaker.due_in(self.now)

    @rule()
    def call(self) -> None:
        permit = self.breaker.ask(self.now)
        if permit is not None:
            assert permit.probe == (self.breaker.state is State.HALF_OPEN)
            self.out.append(permit)
        else:
            assert self.breaker.state is not State.CLOSED

    @precondition(lambda self: self.out)
    @rule(data=st.data(), result=st.sampled_from(Result), draw=DRAWS)
    def finish(self, data: st.DataObject, result: Result, draw: float) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        state, before = self.breaker.state, self.observed()
        current = permit.epoch == self.breaker.transitions
        closing = state is State.CLOSED and permit.epoch == self.closed_by
        self.breaker.record(permit, result, now=self.now, draw=draw)
        if result is Result.NO_EVIDENCE or not (current or closing):
            assert self.observed() == before
        if current and permit.probe and result is Result.FAILED:
            assert self.breaker.state is State.OPEN
        if state is State.HALF_OPEN and self.breaker.state is State.CLOSED:
            self.closed_by = permit.epoch

    @rule(draw=DRAWS)
    def everybody_hangs_up(self, draw: float) -> None:
        """However many probes are abandoned, the next caller gets through when it is due."""
        while self.out:
            self.breaker.record(self.out.pop(), Result.NO_EVIDENCE, now=self.now, draw=draw)
        self.now += self.breaker.due_in(self.now) + SLIP
        permit = self.breaker.ask(self.now)
        assert permit is not None
        self.out.append(permit)

    @invariant()
    def no_more_probes_are_out_than_allowed(self) -> None:
        probes = [each for each in self.out if each.epoch == self.breaker.transitions]
        assert self.breaker.state is not State.HALF_OPEN or len(probes) <= self.policy.probes

    @invariant()
    def nobody_waits_longer_than_the_cap(self) -> None:
        assert 0.0 <= self.breaker.due_in(self.now) <= self.policy.open_cap

    @invariant()
    def a_due_time_never_moves_back(self) -> None:
        if self.breaker.state is State.OPEN and self.breaker.due_in(self.now) > 0.0:
            due_at = self.now + self.breaker.due_in(self.now)
            assert due_at >= self.due_at - SLIP
            if self.epoch == self.breaker.transitions:
                assert due_at <= self.due_at + SLIP
            self.due_at = due_at
            self.epoch = self.breaker.transitions

    @invariant()
    def it_is_not_closed_after_too_many_failures_in_a_row(self) -> None:
        if self.breaker.state is State.CLOSED:
            assert self.breaker.consecutive_failures < self.policy.consecutive_failures

    @invariant()
    def counts_are_sane(self) -> None:
        counts = self.breaker.counts(self.now)
        assert 0 <= counts.failures <= counts.calls

    def observed(self) -> tuple[object, ...]:
        """All that can be seen of the breaker now, but for the probes' places."""
        breaker = self.breaker
        return (
            breaker.state,
            breaker.transitions,
            breaker.consecutive_failures,
            breaker.counts(self.now),
            breaker.due_in(self.now),
        )


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
