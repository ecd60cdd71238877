"""Health breaker: the state machine alone. No clock, no locks, no I/O.

    closed    --failures or slow calls---------> open
    open      --open time passed, next ask-----> half-open
    half-open --enough good probes-------------> closed
    half-open --one failed probe---------------> open, for longer

It opens by failures in a row (which a call counts for however long ago it began), by
the share of failed calls in the window, or by the share of slow ones.

Whoever wants to call the target asks for a permit and reports how the call ended,
whatever happens; a call that ended without evidence (the caller hung up, its own
request was wrong) is reported as such and gives the probe's place back.

Every permit carries the epoch it was issued in; each transition begins a new one.
A result of an earlier epoch says something about the past and is dropped, but for
one case: a probe that is still out when other probes close the breaker reports in the
epoch that they closed into, because it began after the trouble and not before.

A probe need not be over to be judged: an answer lasts for minutes, and whether the
target is well shows in its first seconds. `record_early` counts a probe as good, gives
its place back and changes its permit for one that reports how the call goes on: a good
end says nothing new, a failure is a failed probe's while the breaker is half-open, and
a call's when it has closed.

When every target is shut, one caller at a time may be let through all the same: `force`
gives a permit that counts as a probe's but takes no probe's place. A failed one opens
the breaker anew; a good one leads out of open before the open time is over.

A slow probe is a good one: the target answers, and late is better than never. If it
goes on like that, the slow rule opens the breaker again, for longer.

The open time is `open_for` x 2^n, jittered by 20 %, never over `open_cap`; n grows by
one with each opening until the cap is reached, so that a long outage is not held
against the target for hours, and falls by one with each whole minute that the breaker
was closed. A due time that was given never moves back, but for one case: whoever knows that
the target is another one than it was has it looked at again at once (`look_again`).
"""

import enum
from dataclasses import dataclass, replace

from failsoft_model.walk import ErrorClass
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.core.window import Counts, Window

JITTER = 0.2
CLEAN_SECONDS = 60.0


class State(enum.Enum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Result(enum.Enum):
    """How a permitted call ended, as far as the target's health goes."""

    OK = "ok"
    FAILED = "failed"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to make one call; it has to be handed back with a result.

    Attributes:
        epoch: The breaker's epoch that it reports in.
        started: When it was given, seconds.
        probe: The call is a probe of a target that was out.
        forced: It was given although the breaker was shut.
        judged: The probe was found good before its end.
    """

    epoch: int
    started: float
    probe: bool
    forced: bool = False
    judged: bool = False


class Breaker:
    """One target's breaker. Not thread-safe: call it from one event loop."""

    def __init__(self, policy: BreakerPolicy, *, now: float) -> None:
        self._policy = policy
        self._window = Window(policy.window)
        self._state = State.CLOSED
        self._epoch = 0
        self._entered = dict.fromkeys(State, 0)
        self._closed_by: int | None = None  # the epoch whose probes closed it
        self._changed_at = now
        self._due_at = now
        self._open_time = 0.0
        self._doublings = 0
        self._consecutive = 0
        self._probes_out = 0
        self._good_probes = 0
        self._forced_out = False
        self._last_error: ErrorClass | None = None

    @property
    def state(self) -> State:
        """Open also when a probe would be let through."""
        return self._state

    @property
    def consecutive_failures(self) -> int:
        """Failures since the last success."""
        return self._consecutive

    @property
    def last_error(self) -> ErrorClass | None:
        """What was wrong with the last call that failed; None: none has."""
        return self._last_error

    @property
    def transitions(self) -> int:
        """How often a state was entered, the present one of those that opened anew too."""
        return self._epoch

    def entered(self, state: State) -> int:
        """How often that state was; all of them together are the transitions."""
        return self._entered[state]

    @property
    def changed_at(self) -> float:
        """When the last transition was, or when the breaker was made."""
        return self._changed_at

    @property
    def due_at(self) -> float:
        """The moment from which on the first probe may go; of the last opening unless open."""
        return self._due_at

    def counts(self, now: float) -> Counts:
        """What the window holds."""
        return self._window.counts(now)

    def due_in(self, now: float) -> float:
        """Seconds until the first probe may go, at most `open_cap`; 0 unless it is open."""
        if self._state is not State.OPEN:
            return 0.0
        # A sum of floats and its difference can come out a hair over the cap.
        return min(max(0.0, self._due_at - now), self._open_time)

    def is_shut(self, now: float) -> bool:
        """Whether `ask` has no permit for anybody at time `now`."""
        match self._state:
            case State.CLOSED:
                return False
            case State.OPEN:
                return now < self._due_at
            case State.HALF_OPEN:
                return self._probes_out >= self._policy.probes

    @property
    def forced_out(self) -> bool:
        """A forced call is out, and `force` has no other one."""
        return self._forced_out

    def adopt(self, policy: BreakerPolicy) -> None:
        """Judge by this policy from the next report on; state and due time stay.

        A window of another length begins empty.
        """
        if policy.window != self._policy.window:
            self._window = Window(policy.window)
        self._policy = policy

    def look_again(self, now: float) -> None:
        """What the target was when it opened is not there any more: a probe may go at once."""
        if self._state is State.OPEN:
            self._due_at = min(self._due_at, now)

    def ask(self, now: float) -> Permit | None:
        """A permit to call the target at time `now`, or None: skip it."""
        if self._state is State.CLOSED:
            return Permit(epoch=self._epoch, started=now, probe=False)
        if self.is_shut(now):
            return None
        if self._state is State.OPEN:
            self._enter(State.HALF_OPEN, now)
        self._probes_out += 1
        return Permit(epoch=self._epoch, started=now, probe=True)

    def is_current(self, permit: Permit) -> bool:
        """Whether nothing has changed since the permit was given."""
        return permit.epoch == self._epoch

    def force(self, now: float) -> Permit | None:
        """A permit even when `ask` has none; None: a forced call is out already.

        For a caller whom every target has shut out, and who would get nothing at all.
        """
        permit = self.ask(now)
        if permit is not None or self._forced_out:
            return permit
        self._forced_out = True
        return Permit(epoch=self._epoch, started=now, probe=True, forced=True)

    def record_early(self, permit: Permit, *, now: float) -> Permit:
        """The call has spoken well for long enough to judge it by, and goes on.

        Returns:
            The permit that is to be handed back in place of this one; the same one where
            there is nothing to judge early: it is no probe's, or of an earlier epoch.
        """
        if permit.judged or not self._is_evidence_of_probe(permit):
            return permit
        self._leave_probes_place(permit)
        self._probe_was_good(now)
        return replace(permit, epoch=self._epoch, judged=True)

    def record(
        self,
        permit: Permit,
        result: Result,
        *,
        now: float,
        draw: float,
        error_class: ErrorClass | None = None,
        slow: bool = False,
    ) -> None:
        """Hand a permit back with how the call ended.

        Args:
            permit: One that `ask`, `force` or `record_early` gave; handed back once.
            draw: Uniform in [0, 1), for the jitter of an open time.
            error_class: What was wrong with a failed call, for people.
            slow: Its first content came later than half its limit.
        """
        if permit.forced:
            self._forced_out = False
        if result is Result.FAILED:
            self._last_error = error_class
        if self._is_evidence_of_probe(permit):
            self._record_probe(permit, result, now, draw)
        elif self._state is State.CLOSED and permit.epoch in (self._epoch, self._closed_by):
            self._record_call(permit, result, now, draw, slow=slow)

    def _is_evidence_of_probe(self, permit: Permit) -> bool:
        """Of what is true now: nobody but a forced call has a permit of an open epoch."""
        return self._state is not State.CLOSED and permit.epoch == self._epoch

    def _leave_probes_place(self, permit: Permit) -> None:
        if not (permit.forced or permit.judged):
            self._probes_out -= 1

    def _record_probe(self, permit: Permit, result: Result, now: float, draw: float) -> None:
        self._leave_probes_place(permit)
        if result is Result.FAILED:
            self._consecutive += 1
            self._open(now, draw)
        elif result is Result.OK and not permit.judged:
            self._probe_was_good(now)

    def _probe_was_good(self, now: float) -> None:
        self._consecutive = 0
        good = self._good_probes + 1
        if good >= self._policy.good_probes:
            self._closed_by = self._epoch
            self._window.clear()
            self._enter(State.CLOSED, now)
            return
        if self._state is State.OPEN:
            self._enter(State.HALF_OPEN, now)
        self._good_probes = good

    def _record_call(
        self, permit: Permit, result: Result, now: float, draw: float, *, slow: bool
    ) -> None:
        if result is Result.NO_EVIDENCE:
            return
        failed = result is Result.FAILED
        self._window.add(permit.started, failed=failed, slow=slow, now=now)
        self._consecutive = self._consecutive + 1 if failed else 0
        if (failed and self._too_many_failed(now)) or (slow and self._too_many_slow(now)):
            self._open(now, draw)

    def _too_many_failed(self, now: float) -> bool:
        if self._consecutive >= self._policy.consecutive_failures:
            return True
        counts = self._window.counts(now)
        return (
            counts.calls >= self._policy.minimum_calls
            and counts.failures / counts.calls >= self._policy.failure_ratio
        )

    def _too_many_slow(self, now: float) -> bool:
        counts = self._window.counts(now)
        return (
            counts.calls >= self._policy.minimum_calls
            and counts.slow / counts.calls >= self._policy.slow_ratio
        )

    def _open(self, now: float, draw: float) -> None:
        policy = self._policy
        if self._state is State.CLOSED:
            clean_minutes = int((now - self._changed_at) / CLEAN_SECONDS)
            self._doublings = max(0, self._doublings - clean_minutes)
        open_time = policy.open_for * 2.0**self._doublings
        if open_time < policy.open_cap:
            self._doublings += 1
        jittered = min(open_time * (1 - JITTER + 2 * JITTER * draw), policy.open_cap)
        if now + jittered > self._due_at:
            self._due_at = now + jittered
            self._open_time = jittered
        self._enter(State.OPEN, now)

    def _enter(self, state: State, now: float) -> None:
        self._state = state
        self._epoch += 1
        self._entered[state] += 1
        self._changed_at = now
        self._probes_out = 0
        self._good_probes = 0
