"""Trying one target for one walk: its attempts, and the probe among them."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router.app.admission import FULL, Admission
from failsoft_router.app.attempt import Take
from failsoft_router.app.board import Place
from failsoft_router.app.errand import Errand
from failsoft_router.app.gates import Refusal
from failsoft_router.app.probe import Probe, patience_with
from failsoft_router.app.supervisor import Supervisor
from failsoft_router.app.trail import OpenHop
from failsoft_router.app.trial import Ask, Trial, Tried
from failsoft_router.core import budget, retry
from failsoft_router.core.breaker import Permit
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
        announce: Tells whoever watches that the target is tried now.
        rival: A probe of an earlier hop that has not spoken yet; None: there is none.
        attempts: Those made at this hop, also before it was overtaken; `run` adds its own.
    """

    hop: OpenHop
    place: Place
    admission: Admission
    errand: Errand
    behind: tuple[PlannedHop, ...]
    later_target: Callable[[], bool]
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
        shut = self.admission.refusal(attempts=len(self.attempts))
        if shut is not None:
            return Outcome(result=shut, attempts=tuple(self.attempts))
        slice_ = self.admission.slice or 0.0
        if not await self.place.enter(within=min(QUEUE_SHARE * slice_, LONGEST_QUEUE)):
            return Outcome(result=FULL, attempts=tuple(self.attempts))
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
            permit = self.admission.permit()
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
            if self.admission.refusal(attempts=len(self.attempts)) is not None:
                return failure

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
        extra = self.admission.later_is_well() and account.try_spend(self.clock.now())
        self._probe = probe = Probe(trial, self.hop, earlier=earlier, clock=self.clock)
        probe.start(self.supervisor)
        try:
            patience = min(patience_with(self.place.history.usual()), (self.admission.slice or 0.0))
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
            slice_left=self.admission.slice or 0.0,
            later_real_hop=self.later_target(),
            draw=self.draw(),
            budget_allows=place.retries.allows(now),
        )
        # To wait for an attempt that the breaker will not permit is to wait for a dead target.
        if wait is None or self.admission.kept_out_for(now) > wait:
            return None
        place.retries.try_spend(now)
        return wait

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


def _ended_from_outside(trial: Trial) -> Tried:
    """A probe that was ended with the process, while its caller still listened."""
    failure = AttemptFailed(ErrorClass.CANCELLED, "this process is shutting down")
    return trial.tried(failure)
