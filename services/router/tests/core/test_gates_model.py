"""The breaker and the gates against a model that says the same in the plainest way.

The model keeps everything and derives what it is asked for; the machines keep counters.
"""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import CLEAN_SECONDS, JITTER, Breaker, Permit, Result, State
from failsoft_router.core.gate import (
    Closure,
    Isolation,
    IsolationOrder,
    Quarantine,
    QuotaGate,
    TargetGate,
)
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.core.window import BUCKETS, Counts

POLICIES = st.builds(
    BreakerPolicy,
    window=st.sampled_from([10.0, 60.0]),
    failure_ratio=st.sampled_from([0.3, 0.5, 1.0]),
    slow_ratio=st.sampled_from([0.5, 0.8, 1.0]),
    minimum_calls=st.integers(1, 6),
    consecutive_failures=st.integers(1, 5),
    open_for=st.sampled_from([1.0, 5.0, 40.0]),
    open_cap=st.sampled_from([4.0, 15.0, 30.0]),
    probes=st.integers(1, 3),
    good_probes=st.integers(1, 3),
)
DRAWS = st.floats(0.0, 1.0, exclude_max=True)
SECRETS = st.sampled_from(["old", "new", None])
SECONDS = st.floats(0.0, 100.0)
REFUSALS = st.sampled_from([ErrorClass.RATE_LIMITED, ErrorClass.QUOTA])
SLIP = 1e-6
"""Seconds; more than the rounding of sums here, less than anything that matters."""


@dataclass(eq=False, kw_only=True)
class Ticket:
    """A call that is out, as the model sees it, and the breaker's permit for it."""

    permit: Permit
    epoch: int
    started: float
    forced: bool = False
    judged: bool = False


@dataclass(kw_only=True)
class Model:
    """A target's health, by the book."""

    policy: BreakerPolicy
    state: State = State.CLOSED
    epoch: int = 0
    closed_by: int = -1
    entered: float
    due: float
    doublings: int = 0
    row: int = 0
    good: int = 0
    ended: list[tuple[float, bool, bool]] = field(default_factory=list)  # start, failed, slow
    out: list[Ticket] = field(default_factory=list)

    def probes_out(self) -> int:
        return sum(
            ticket.epoch == self.epoch and not (ticket.forced or ticket.judged)
            for ticket in self.out
        )

    def is_shut(self, now: float) -> bool:
        if self.state is State.OPEN:
            return now < self.due
        return self.state is State.HALF_OPEN and self.probes_out() >= self.policy.probes

    def lets_through(self, now: float) -> bool:
        if self.state is State.OPEN and now >= self.due:
            self.enter(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN:
            return self.probes_out() < self.policy.probes
        return self.state is State.CLOSED

    def counts(self, now: float) -> Counts:
        width = self.policy.window / BUCKETS
        young = [call for call in self.ended if call[0] // width > now // width - BUCKETS]
        return Counts(
            calls=len(young),
            failures=sum(failed for _, failed, _ in young),
            slow=sum(slow for _, _, slow in young),
        )

    def end(self, ticket: Ticket, result: Result, now: float, draw: float, *, slow: bool) -> None:
        self.out.remove(ticket)
        if result is Result.NO_EVIDENCE:
            return
        failed = result is Result.FAILED
        if self.state is not State.CLOSED and ticket.epoch == self.epoch:
            if failed:
                self.row += 1
                self.open(now, draw)
            elif not ticket.judged:
                self.probe_was_good(now)
        elif self.state is State.CLOSED and ticket.epoch in (self.epoch, self.closed_by):
            self.ended.append((ticket.started, failed, slow))
            self.row = self.row + 1 if failed else 0
            if self.opens(now, failed=failed, slow=slow):
                self.open(now, draw)

    def judge(self, ticket: Ticket, now: float) -> None:
        if self.state is State.CLOSED or ticket.epoch != self.epoch or ticket.judged:
            return
        ticket.judged = True
        self.probe_was_good(now)
        ticket.epoch = self.epoch

    def probe_was_good(self, now: float) -> None:
        good, self.row = self.good + 1, 0
        if good >= self.policy.good_probes:
            self.closed_by, self.ended = self.epoch, []
            self.enter(State.CLOSED, now)
        elif self.state is State.OPEN:
            self.enter(State.HALF_OPEN, now)
            self.good = good
        else:
            self.good = good

    def opens(self, now: float, *, failed: bool, slow: bool) -> bool:
        policy, counts = self.policy, self.counts(now)
        enough = counts.calls >= policy.minimum_calls
        return (
            (failed and self.row >= policy.consecutive_failures)
            or (failed and enough and counts.failures / counts.calls >= policy.failure_ratio)
            or (slow and enough and counts.slow / counts.calls >= policy.slow_ratio)
        )

    def open(self, now: float, draw: float) -> None:
        if self.state is State.CLOSED:
            minutes = int((now - self.entered) // CLEAN_SECONDS)
            self.doublings = max(0, self.doublings - minutes)
        length = self.policy.open_for * 2**self.doublings
        self.doublings += length < self.policy.open_cap
        length = min(length * (1 - JITTER + 2 * JITTER * draw), self.policy.open_cap)
        self.due = max(self.due, now + length)
        self.enter(State.OPEN, now)

    def enter(self, state: State, now: float) -> None:
        self.state, self.entered, self.good = state, now, 0
        self.epoch += 1


@dataclass(kw_only=True)
class Shut:
    """A gate, by the book: every refusal since it was last open, in their order."""

    refusals: list[Closure] = field(default_factory=list)

    def close(self, closure: Closure) -> None:
        if closure.until > closure.since:
            kept = [] if self.admits(closure.since) else self.refusals
            self.refusals = [*kept, closure]

    def admits(self, now: float) -> bool:
        return all(now >= refusal.until for refusal in self.refusals)

    def last(self) -> Closure | None:
        if not self.refusals:
            return None
        longest = max(self.refusals, key=lambda refusal: refusal.until)
        return replace(longest, since=self.refusals[0].since)


class AnyTarget(RuleBasedStateMachine):
    """One target behind its gates: calls, refusals, orders, new policies, time."""

    @initialize(policy=POLICIES, start=st.sampled_from([1.0, 1000.0, 86400.5, 1e7]))
    def begin(self, policy: BreakerPolicy, start: float) -> None:
        self.now = start
        self.breaker = Breaker(policy, now=start)
        self.model = Model(policy=policy, entered=start, due=start)
        self.quota, self.spent = QuotaGate(), Shut()
        self.target, self.gone = TargetGate(), Shut()
        self.quarantine, self.refused = Quarantine(), Shut()
        self.secret: str | None = None
        self.isolation: Isolation = Isolation()
        self.ordered: IsolationOrder | None = None

    # Health.

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 7.0, 61.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def wait_until_due(self) -> None:
        self.now = max(self.now, self.model.due)

    @rule(times=st.integers(1, 6))
    def call(self, times: int) -> None:
        for _ in range(times):
            expected = self.model.lets_through(self.now)
            permit = self.breaker.ask(self.now)
            assert (permit is not None) is expected
            if permit is not None:
                assert permit.probe is (self.model.state is State.HALF_OPEN)
                self.take(permit)

    @rule()
    def force(self) -> None:
        let_through = self.model.lets_through(self.now)
        one_is_out = any(ticket.forced for ticket in self.model.out)
        permit = self.breaker.force(self.now)
        assert (permit is not None) is (let_through or not one_is_out)
        if permit is not None:
            assert permit.forced is not let_through
            self.take(permit)

    def take(self, permit: Permit) -> None:
        ticket = Ticket(
            permit=permit, epoch=self.model.epoch, started=self.now, forced=permit.forced
        )
        self.model.out.append(ticket)

    @precondition(lambda self: self.model.out)
    @rule(data=st.data(), result=st.sampled_from(Result), draw=DRAWS, slow=st.booleans())
    def finish(self, data: st.DataObject, result: Result, draw: float, *, slow: bool) -> None:
        ticket = data.draw(st.sampled_from(self.model.out))
        self.model.end(ticket, result, self.now, draw, slow=slow)
        self.breaker.record(ticket.permit, result, now=self.now, draw=draw, slow=slow)

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def judge(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.model.out))
        self.model.judge(ticket, self.now)
        ticket.permit = self.breaker.record_early(ticket.permit, now=self.now)

    @rule(draw=DRAWS, result=st.sampled_from(Result))
    def everybody_ends(self, draw: float, result: Result) -> None:
        for ticket in list(self.model.out):
            self.model.end(ticket, result, self.now, draw, slow=False)
            self.breaker.record(ticket.permit, result, now=self.now, draw=draw)

    @rule(policy=POLICIES)
    def edit_the_policy(self, policy: BreakerPolicy) -> None:
        edited = replace(policy, window=self.model.policy.window)
        self.model.policy = edited
        self.breaker.adopt(edited)

    # The other gates.

    def closure(self, seconds: float, why: ErrorClass) -> Closure:
        return Closure(since=self.now, until=self.now + seconds, why=why)

    @rule(seconds=SECONDS, why=REFUSALS)
    def refuse_for_quota(self, seconds: float, why: ErrorClass) -> None:
        closure = self.closure(seconds, why)
        self.spent.close(closure)
        self.quota.close(closure)

    @rule(seconds=SECONDS)
    def refuse_for_a_model_that_is_gone(self, seconds: float) -> None:
        closure = self.closure(seconds, ErrorClass.MODEL_GONE)
        self.gone.close(closure)
        self.target.close(closure)

    @rule(secret=SECRETS, seconds=SECONDS)
    def refuse_the_secret(self, secret: str | None, seconds: float) -> None:
        closure = self.closure(seconds, ErrorClass.CREDENTIAL)
        if secret != self.secret:
            self.secret, self.refused = secret, Shut()
        self.refused.close(closure)
        self.quarantine.shut(secret, closure)

    @rule(seconds=SECONDS, actor=st.sampled_from(["ada", "bob"]))
    def isolate(self, seconds: float, actor: str) -> None:
        self.ordered = IsolationOrder(
            since=self.now, until=self.now + seconds, actor=actor, reason="a test"
        )
        self.isolation.isolate(self.ordered)

    @rule()
    def release(self) -> None:
        if self.ordered is not None and self.now < self.ordered.until:
            self.ordered = replace(self.ordered, until=self.now)
        self.isolation.release(self.now)

    # What holds at any time.

    @invariant()
    def the_breaker_is_as_the_model_says(self) -> None:
        breaker, model = self.breaker, self.model
        assert breaker.state is model.state
        assert breaker.transitions == model.epoch
        assert breaker.changed_at == model.entered
        assert breaker.due_at == model.due
        assert breaker.is_shut(self.now) is model.is_shut(self.now)
        assert breaker.forced_out is any(ticket.forced for ticket in model.out)
        assert breaker.consecutive_failures == model.row
        assert breaker.counts(self.now) == model.counts(self.now)
        due_in = max(0.0, model.due - self.now) if model.state is State.OPEN else 0.0
        assert abs(breaker.due_in(self.now) - due_in) < SLIP

    @invariant()
    def no_gate_opens_early_and_none_stays_shut(self) -> None:
        for gate, shut in (
            (self.quota, self.spent),
            (self.target, self.gone),
            (self.quarantine, self.refused),
        ):
            last = shut.last()
            assert gate.last == last
            assert gate.due_in(self.now) == (max(0.0, last.until - self.now) if last else 0.0)
        assert self.quota.admits(self.now) is self.spent.admits(self.now)
        assert self.target.admits(self.now) is self.gone.admits(self.now)
        for secret in ("old", "new", None):
            admitted = secret != self.secret or self.refused.admits(self.now)
            assert self.quarantine.admits(secret, self.now) is admitted

    @invariant()
    def the_last_order_is_the_one_that_is_obeyed(self) -> None:
        assert self.isolation.last == self.ordered
        in_force = self.ordered is not None and self.now < self.ordered.until
        assert self.isolation.order(self.now) == (self.ordered if in_force else None)


TestAnyTarget = AnyTarget.TestCase
TestAnyTarget.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
