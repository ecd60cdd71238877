"""Health breaker: the state machine alone. No clock, no locks, no I/O.

    closed    --ratio or consecutive failures--> open
    open      --open time passed, next ask-----> half-open
    half-open --enough good probes-------------> closed
    half-open --one failed probe---------------> open, for longer

Whoever wants to call the target asks for a permit and reports how the call ended,
whatever happens; a call that ended without evidence (the caller hung up, its own
request was wrong) is reported as such and gives the probe's place back.

Every permit carries the epoch it was issued in; each transition begins a new one.
A result of an earlier epoch says something about the past and is dropped, but for
one case: a probe that is still out when other probes close the breaker reports in the
epoch that they closed into, because it began after the trouble and not before.

The open time is `open_for` x 2^n, jittered by 20 %, never over `open_cap`; n grows by
one with each opening until the cap is reached, so that a long outage is not held
against the target for hours, and falls by one with each whole minute that the breaker
was closed. Only time leads out of open, so a due time that was given never moves.
"""

import enum
from dataclasses import dataclass

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
        epoch: The breaker's epoch when it was given.
        started: When it was given, seconds.
        probe: The call is a probe of a target that was out.
    """

    epoch: int
    started: float
    probe: bool


class Breaker:
    """One target's breaker. Not thread-safe: call it from one event loop."""

    def __init__(self, policy: BreakerPolicy, *, now: float) -> None:
        self._policy = policy
        self._window = Window(policy.window)
        self._state = State.CLOSED
        self._epoch = 0
        self._closed_by = -1  # the half-open epoch whose probes closed it
        self._changed_at = now
        self._due_at = now
        self._doublings = 0
        self._consecutive = 0
        self._probes_out = 0
        self._good_probes = 0

    @property
    def state(self) -> State:
        """Open also when a probe would be let through."""
        return self._state

    @property
    def consecutive_failures(self) -> int:
        """Failures since the last success."""
        return self._consecutive

    @property
    def transitions(self) -> int:
        """How often the state has changed."""
        return self._epoch

    @property
    def changed_at(self) -> float:
        """When the state last changed, or when the breaker was made."""
        return self._changed_at

    def counts(self, now: float) -> Counts:
        """What the window holds."""
        return self._window.counts(now)

    def due_in(self, now: float) -> float:
        """Seconds until the first probe may go, at most `open_cap`; 0 unless it is open."""
        if self._state is not State.OPEN:
            return 0.0
        # A sum of floats and its difference can come out a hair over the cap.
        return min(max(0.0, self._due_at - now), self._policy.open_cap)

    def ask(self, now: float) -> Permit | None:
        """A permit to call the target at time `now`, or None: skip it."""
        match self._state:
            case State.CLOSED:
                return Permit(epoch=self._epoch, started=now, probe=False)
            case State.OPEN:
                if now < self._due_at:
                    return None
                self._enter(State.HALF_OPEN, now)
            case State.HALF_OPEN:
                pass
        if self._probes_out >= self._policy.probes:
            return None
        self._probes_out += 1
        return Permit(epoch=self._epoch, started=now, probe=True)

    def record(self, permit: Permit, result: Result, *, now: float, draw: float) -> None:
        """Hand a permit back with how the call ended.

        Args:
            permit: One that `ask` gave; each is handed back once.
            draw: Uniform in [0, 1), for the jitter of an open time.
        """
        if permit.epoch == self._epoch and self._state is State.HALF_OPEN:
            self._record_probe(result, now, draw)
        elif self._state is State.CLOSED and self._speaks_of_now(permit):
            self._record_call(permit, result, now, draw)

    def _speaks_of_now(self, permit: Permit) -> bool:
        return permit.epoch in (self._epoch, self._closed_by)

    def _record_probe(self, result: Result, now: float, draw: float) -> None:
        self._probes_out -= 1
        match result:
            case Result.OK:
                self._consecutive = 0
                self._good_probes += 1
                if self._good_probes >= self._policy.good_probes:
                    self._closed_by = self._epoch
                    self._window.clear()
                    self._enter(State.CLOSED, now)
            case Result.FAILED:
                self._consecutive += 1
                self._open(now, draw)
            case Result.NO_EVIDENCE:
                pass

    def _record_call(self, permit: Permit, result: Result, now: float, draw: float) -> None:
        if result is Result.NO_EVIDENCE:
            return
        failed = result is Result.FAILED
        self._window.add(permit.started, failed=failed, now=now)
        self._consecutive = self._consecutive + 1 if failed else 0
        if failed and self._must_open(now):
            self._open(now, draw)

    def _must_open(self, now: float) -> bool:
        if self._consecutive >= self._policy.consecutive_failures:
            return True
        counts = self._window.counts(now)
        return (
            counts.calls >= self._policy.minimum_calls
            and counts.failures / counts.calls >= self._policy.failure_ratio
        )

    def _open(self, now: float, draw: float) -> None:
        policy = self._policy
        if self._state is State.CLOSED:
            clean_minutes = int((now - self._changed_at) // CLEAN_SECONDS)
            self._doublings = max(0, self._doublings - clean_minutes)
        open_time = policy.open_for * 2.0**self._doublings
        if open_time < policy.open_cap:
            self._doublings += 1
        jittered = open_time * (1 - JITTER + 2 * JITTER * draw)
        self._due_at = now + min(jittered, policy.open_cap)
        self._enter(State.OPEN, now)

    def _enter(self, state: State, now: float) -> None:
        self._state = state
        self._epoch += 1
        self._changed_at = now
        self._probes_out = 0
        self._good_probes = 0
