"""Trying one target for one walk: its gates, its attempts, and the probe among them."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.walk import Attempt, ErrorClass, SkipReason
from failsoft_router.app.attempt import Take
from failsoft_router.app.board import Place
from failsoft_router.app.errand import Errand
from failsoft_router.app.gates import Refusal
from failsoft_router.app.probe import Probe, patience_with
from failsoft_router.app.supervisor import Supervisor
from failsoft_router.app.trail import OpenHop
from failsoft_router.app.trial import Ask, Trial, Tried
from failsoft_router.core import budget, retry
from failsoft_router.core.breaker import Permit, State
from failsoft_router.core.outcome import Phase, verdict
from failsoft_router.core.plan import PlannedHop
from failsoft_router.ports import AttemptFailed, Ending

LONGEST_QUEUE = 2.0
"""Seconds that a call waits for a place in the target's bulkhead, at most."""
QUEUE_SHARE = 0.1
"""Of the hop's time that waiting for a place may take."""


class Overtaken:
    """A probe of an earlier hop spoke first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a hop, and the attempts that were made."""

    result: Ending | AttemptFailed | Refusal | Probe | Overtaken
    attempts: tuple[Attempt, ...] = ()


@dataclass(slots=True, kw_only=True)
class TargetHop:
    """One target of one walk; `run` it once.

    Attributes:
        behind: Hops after this one that may be tried.
        later_target: Says whether one of them is a target that would be let through now.
        later_is_well: Says whether one of them would be, and needs no probe.
        forced: Says whether the breaker may be overridden: nobody else can answer.
        announce: Tells whoever watches that the target is tried now.
        rival: A probe of an earlier hop that has not spoken yet; None: there is none.
        attempts: Those made at this hop, also before it was overtaken; `run` adds its own.
    """

    hop: OpenHop
    place: Place
    errand: Errand
    behind: tuple[PlannedHop, ...]
    later_target: Callable[[], bool]
    later_is_well: Callable[[], bool]
    forced: Callable[[], bool]
    announce: Callable[[], Awaitable[None]]
    take: Take
    rival: Probe | None
    supervisor: Supervisor
    tracer: Tracer
    clock: Clock
    draw: Callable[[], float]
    attempts: list[Attempt]
    _probe: Probe | None = None

    async def run(self) -> Outcome:
        """Try it, again where that is worth it."""
        if not self.attempts:
            self.place.probes.deposit(self.clock.now())
        shut = self._shut()
        if shut is not None:
            return Outcome(result=shut, attempts=tuple(self.attempts))
        slice_ = self._slice()
        if not await self.place.enter(within=min(QUEUE_SHARE * slice_, LONGEST_QUEUE)):
            return Outcome(result=_FULL, attempts=tuple(self.attempts))
        try:
            await self.announce()
            result = await self._run_inside()
            return Outcome(result=result, attempts=tuple(self.attempts))
        finally:
            if self._probe is None:
                self.place.leave()
            else:
                # A probe that runs on keeps its place until it ends.
                self._probe.when_over(self.place.leave)

    async def _run_inside(self) -> Ending | AttemptFailed | Refusal | Probe | Overtaken:
        failure: AttemptFailed | None = None
        while True:
            if self.rival is not None and self.rival.spoke:
                return Overtaken()
            permit = self._permit()
            if isinstance(permit, Refusal):
                return failure or permit
            tried = await self._try(permit)
            if not isinstance(tried, Tried):
                return tried
            self.attempts.append(tried.attempt)
            if isinstance(tried.result, Ending):
                return tried.result
            failure = tried.result
            wait = self._wait_before_next(failure, tried.phase)
            if wait is None:
                return failure
            await asyncio.sleep(wait)
            if self._shut() is not None:
                return failure

    def _shut(self) -> Refusal | None:
        """A gate that is shut for certain; the last word is the permit's."""
        now = self.clock.now()
        refusal = self.place.gates.refusal(fingerprint=self.place.fingerprint, now=now)
        if refusal is not None:
            return refusal
        cut_off = self.place.egress.due_in(now)
        if cut_off > 0 and self.place.host:
            return Refusal(
                reason=SkipReason.SAME_FATE,
                detail="no provider can be reached: our own way out of the network is down",
                due_in=cut_off,
            )
        if self.errand.targets >= retry.MAX_HOPS and not self.attempts:
            return _ENOUGH_TARGETS
        if self.errand.attempts >= retry.MAX_ATTEMPTS:
            return _ENOUGH_ATTEMPTS
        wait = self.place.gates.health.due_in(now)
        if wait > 0 and not self.forced():
            return Refusal(
                reason=SkipReason.CIRCUIT_OPEN,
                detail=f"its breaker is open, the next probe may go in {wait:.1f} s",
                due_in=wait,
            )
        if self._is_one_probe_too_many():
            return _ENOUGH_PROBES
        return None if self._first_content_limit() is not None else _LATE

    def _permit(self) -> Permit | Refusal:
        now, health = self.clock.now(), self.place.gates.health
        if self._first_content_limit() is None:
            return _LATE
        if self._is_one_probe_too_many():
            return _ENOUGH_PROBES
        permit = health.ask(now)
        if permit is None and self.forced():
            permit = health.force(now)
        return permit or _PROBES_OUT

    def _is_one_probe_too_many(self) -> bool:
        """It would run beside a call that somebody else answers, and enough of its kind do.

        Where nobody else is well, a probe is the caller's own call, and nothing extra.
        """
        place = self.place
        if place.gates.health.state is State.CLOSED or self._live_rival() is not None:
            return False
        return not place.probes.allows(self.clock.now()) and self.later_is_well()

    def _live_rival(self) -> Probe | None:
        """The probe of an earlier hop, if it may still speak."""
        return None if self.rival is None or self.rival.over else self.rival

    async def _try(self, permit: Permit) -> Tried | Probe | Overtaken:
        rival = self._live_rival()
        hidden = permit.probe and bool(self.behind) and rival is None
        ask = self._ask_of_probe() if hidden else self._ask()
        trial = Trial(self.place, permit, ask, tracer=self.tracer, clock=self.clock, draw=self.draw)
        self._count()
        if hidden:
            return await self._try_hidden(trial)
        if rival is not None:
            return await self._try_against(trial, rival)
        return await trial.run(parent=self.hop.span, take=self.take)

    async def _try_hidden(self, trial: Trial) -> Tried | Probe:
        """Wait for a probe as long as its target usually takes, and no longer."""
        earlier, account = tuple(self.attempts), self.place.probes
        extra = self.later_is_well() and account.try_spend(self.clock.now())
        self._probe = probe = Probe(trial, self.hop, earlier=earlier, clock=self.clock)
        probe.start(self.supervisor)
        try:
            patience = min(patience_with(self.place.history.usual()), self._slice())
            if not await probe.news(within=patience):
                return probe
            if extra:
                account.give_back()
            tried = await probe.follow(self.take, until=self.errand.end_at)
            return tried or _ended_from_outside(trial)
        except BaseException:
            probe.leave()
            raise

    async def _try_against(self, trial: Trial, rival: Probe) -> Tried | Overtaken:
        """Make the attempt, unless the rival speaks first."""
        try:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(trial.run(parent=self.hop.span, take=self.take))
                with rival.listening(lambda: trial.spoke or task.cancel()):
                    await asyncio.wait({task})
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            trial.give_back_unused()
        if not task.cancelled():
            return task.result()
        overtaken = AttemptFailed(ErrorClass.CANCELLED, "an earlier probe spoke first")
        self.attempts.append(trial.tried(overtaken).attempt)
        return Overtaken()

    def _wait_before_next(self, failure: AttemptFailed, phase: Phase) -> float | None:
        now, place = self.clock.now(), self.place
        if len(self.attempts) >= place.policy.attempts:
            return None
        wait = retry.delay(
            verdict=verdict(failure.error_class, phase),
            attempts_on_hop=len(self.attempts),
            attempts_in_walk=self.errand.attempts,
            kind=place.policy.kind,
            hint=failure.retry_after,
            slice_left=self._slice(),
            later_real_hop=self.later_target(),
            draw=self.draw(),
            budget_allows=place.retries.allows(now),
        )
        if wait is None or self._keeps_out_for(now) > wait:
            return None
        place.retries.try_spend(now)
        return wait

    def _keeps_out_for(self, now: float) -> float:
        """Seconds for which the breaker lets nobody through, as after the failure that opened it.

        To wait for a second attempt that it will not permit is to wait for a dead target.
        """
        due_in = self.place.gates.health.due_in(now)
        return due_in if due_in > 0 and not self.forced() else 0.0

    def _count(self) -> None:
        self.errand.attempts += 1
        if not self.attempts:
            self.errand.targets += 1
            self.place.retries.deposit(self.clock.now())

    def _ask(self) -> Ask:
        errand = self.errand
        return Ask(
            request=errand.request,
            attempt_id=f"{errand.walk_id}/{self.hop.planned.position}/{len(self.attempts) + 1}",
            tenant=errand.tenant,
            limit=self._own_limit,
            first_content=self._first_content_limit() or self._own_limit,
            end_at=errand.end_at,
            in_gulps=not errand.streams,
        )

    def _ask_of_probe(self) -> Ask:
        """A hidden probe has its target's limits, whoever's request it is."""
        limit = self._own_limit
        return replace(self._ask(), first_content=limit, limit=limit, end_at=math.inf)

    @property
    def _own_limit(self) -> float:
        """Seconds that the target itself has to its first content."""
        place = self.place
        return place.history.first_content_limit(place.policy.limits.first_content)

    def _first_content_limit(self) -> float | None:
        left = self.errand.to_first_content()
        return budget.first_content_limit(left, limit=self._own_limit, behind=self.behind)

    def _slice(self) -> float:
        """Seconds that the hop has, whatever its target's own limit is."""
        left = self.errand.to_first_content()
        return budget.first_content_limit(left, limit=left, behind=self.behind) or 0.0


_FULL = Refusal(
    reason=SkipReason.BULKHEAD, detail="it has as many calls in flight as it may", due_in=0.0
)
_ENOUGH_TARGETS = Refusal(
    reason=SkipReason.BUDGET, detail="the request has tried as many targets as it may", due_in=0.0
)
_ENOUGH_ATTEMPTS = Refusal(
    reason=SkipReason.BUDGET, detail="the request has made as many calls as it may", due_in=0.0
)
_LATE = Refusal(reason=SkipReason.DEADLINE, detail="too little time is left", due_in=0.0)
_PROBES_OUT = Refusal(
    reason=SkipReason.CIRCUIT_OPEN,
    detail="its breaker is half-open and the probes are out",
    due_in=0.0,
)
_ENOUGH_PROBES = Refusal(
    reason=SkipReason.CIRCUIT_OPEN,
    detail="its breaker is open, and enough of its probes have run beside other calls",
    due_in=0.0,
)


def _ended_from_outside(trial: Trial) -> Tried:
    """A probe that was ended with the process, while its caller still listened."""
    failure = AttemptFailed(ErrorClass.CANCELLED, "this process is shutting down")
    return trial.tried(failure)
