"""Trying one target for one walk: its attempts, and the probe among them."""

import math
from dataclasses import dataclass, field
from functools import partial

from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router import span_names
from failsoft_router.app.calls.transitions import NotingTransitions
from failsoft_router.app.calls.trial import Ask, Trial, Tried
from failsoft_router.app.hops.admission import FULL, Admission
from failsoft_router.app.hops.beside import Beside, Overtaken
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.probe import Probe
from failsoft_router.app.hops.surroundings import Surroundings
from failsoft_router.app.hops.trail import OpenHop
from failsoft_router.app.reply.delivery import Delivery
from failsoft_router.app.targets.gates import Refusal
from failsoft_router.app.targets.place import Place
from failsoft_router.core import patience, retry, seam
from failsoft_router.core.breaker import Permit, Result
from failsoft_router.core.going_on import asked_to_go_on
from failsoft_router.core.outcome import Phase, verdict
from failsoft_router.core.patience import Manner
from failsoft_router.core.policy import Provider
from failsoft_router.core.splice import Splice
from failsoft_router.core.tokens import tokens_in_flight
from failsoft_router.ports import AttemptFailed, Ending

LONGEST_QUEUE = 2.0
"""Seconds that a call waits for a place in the target's bulkhead, at most."""
QUEUE_SHARE = 0.1
"""Of the hop's time that waiting for a place may take."""
FRESH = 0.001
"""Seconds for which what the gates have said is true still."""

_REFUSALS = (ErrorClass.CALLER_FAULT, ErrorClass.UNSUPPORTED)
"""What a refused turn of its own is taken for, as providers word it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a hop, and the attempts that were made."""

    result: Ending | AttemptFailed | Refusal | Probe | Overtaken
    attempts: tuple[Attempt, ...] = ()


@dataclass(slots=True, kw_only=True)
class TargetHop:
    """One target of one walk; `run` it, and again when it was overtaken in vain.

    Attributes:
        attempts: Those made at this hop, in all runs.
    """

    hop: OpenHop
    place: Place
    errand: Errand
    admission: Admission
    delivery: Delivery
    beside: Beside
    around: Surroundings
    attempts: list[Attempt] = field(default_factory=list)
    _probe: Probe | None = None
    _last: Trial | None = None
    """The attempt that was made last; None: none was."""
    _full: set[str] = field(default_factory=set)
    """Endpoints that had no room for the request in this run, since it last waited for one."""
    _turned_away: int = 0
    """Attempts that ended so."""
    _by: seam.Manner | None = None
    """How it was asked last to go on with an answer; None: it was asked for one."""

    async def run(self) -> Outcome:
        """Try it, again where that is worth it."""
        self._full.clear()
        self.admission.look_ahead()
        asked_at = self.around.clock.now()
        if not (self.attempts or self.admission.last_resort):
            self.place.probes.deposit(asked_at)
        shut = self.admission.refusal(attempts=len(self.attempts))
        if shut is not None:
            return Outcome(result=shut, attempts=tuple(self.attempts))
        slice_ = self.admission.slice or 0.0
        within, tokens = min(QUEUE_SHARE * slice_, LONGEST_QUEUE), self._tokens()
        if not await self.place.enter(within=within, tokens=tokens):
            return Outcome(result=FULL, attempts=tuple(self.attempts))
        try:
            await self.delivery.tell(self.hop.trail.trying(self.hop))
            result = self._shut_since(asked_at) or await self._run_inside()
            return Outcome(result=result, attempts=tuple(self.attempts))
        finally:
            probe, self._probe = self._probe, None
            if probe is None:
                self.place.leave(tokens=tokens)
            else:
                # A probe that runs on keeps its place until it ends.
                probe.when_over(partial(self.place.leave, tokens=tokens))

    def _tokens(self) -> int:
        """What the call takes of its target; counted only where that is limited."""
        policy = self.place.policy
        if not policy.tokens_in_flight:
            return 0
        return tokens_in_flight(self.errand.request, context_tokens=policy.context_tokens)

    def _shut_since(self, asked_at: float) -> Refusal | None:
        """A gate that was shut while the walk queued, or its reader read."""
        if self.around.clock.now() - asked_at < FRESH:
            return None
        return self.admission.refusal(attempts=len(self.attempts))

    async def _run_inside(self) -> Ending | AttemptFailed | Refusal | Probe | Overtaken:
        if self.beside.spoke_before(None):
            return Overtaken()
        failure: AttemptFailed | None = None
        permit: Permit | Refusal | Overtaken = self._ask_permit()
        while isinstance(permit, Permit):
            tried = await self._try(permit)
            if isinstance(tried, Overtaken) and tried.attempt is not None:
                self.attempts.append(tried.attempt)
            if not isinstance(tried, Tried):
                return tried
            self.attempts.append(tried.attempt)
            if isinstance(tried.result, Ending):
                return tried.result
            failure = tried.result
            if self._has_other_endpoints(failure) or self._refuses_beginnings(tried):
                shut = self.admission.refusal(attempts=len(self.attempts))
                permit = shut or self._ask_permit()
                continue
            wait = self._wait_before_next(failure, tried.phase)
            if wait is None:
                return failure
            permit = await self._wait(wait)
        return permit if isinstance(permit, Overtaken) else failure or permit

    async def _wait(self, seconds: float) -> Permit | Refusal | Overtaken:
        """Wait for the next attempt, with its permit in hand if there is one to be had now.

        Else those behind would take the place of the probe that waits to be sent again.
        """
        health = self.place.gates.health
        held: Permit | Refusal | None = self._ask_permit()
        try:
            await self.beside.sleep(seconds)
            if self.beside.spoke_before(None):
                return Overtaken()
            keeps = held if isinstance(held, Permit) and health.is_current(held) else None
            shut = self.admission.refusal(attempts=len(self.attempts), has_permit=keeps is not None)
            if shut is None and keeps is not None:
                held = None
                return keeps
        finally:
            if isinstance(held, Permit):
                now, draw = self.around.clock.now(), self.around.draw()
                health.record(held, Result.NO_EVIDENCE, now=now, draw=draw)
        return shut or self._ask_permit()

    def _ask_permit(self) -> Permit | Refusal:
        around = self.around
        with NotingTransitions(self.place, hop=self.hop.span, tracer=around.tracer):
            return self.admission.permit()

    async def _try(self, permit: Permit) -> Tried | Probe | Overtaken:
        self._count()
        manner, wait = self._patience(permit)
        limit = self.place.policy.limits.first_content
        match manner:
            case Manner.DIRECT:
                trial = self._trial(permit, first_content=wait, end_at=self.errand.end_at)
                take = await self.delivery.taker(self.hop.planned.name, trial.splice)
                return await trial.run(take=take)
            case Manner.BESIDE:
                trial = self._trial(permit, first_content=limit, end_at=self._end_of_call())
                return await self._try_beside(trial, wait)
            case Manner.HIDDEN:
                trial = self._trial(permit, first_content=limit, end_at=math.inf)
                return await self._try_hidden(trial, wait)

    def _patience(self, permit: Permit) -> tuple[Manner, float]:
        history, limit = self.place.history, self.place.policy.limits.first_content
        late, in_doubt = history.patience(limit), bool(self.place.doubt)
        return patience.wait(
            limit=limit,
            slice_=self.admission.slice or 0.0,
            late=late,
            usual=history.usual() if in_doubt or permit.probe else None,
            in_doubt=in_doubt,
            probe=permit.probe,
            behind=self.admission.who_is_behind(within=late),
            beside=self.beside.may_speak(),
        )

    async def _try_hidden(self, trial: Trial, wait: float) -> Tried | Probe | Overtaken:
        """Make a call that runs beside somebody else's only if the account allows."""
        account = self.place.probes
        extra = self.admission.later_is_well and account.try_spend(self.around.clock.now())
        probe = self._start(trial, hidden=True)
        instead = await self.beside.first_word(probe, within=wait)
        if instead is not None:
            return instead
        if extra:
            account.give_back()
        return await self.beside.follow(probe)

    async def _try_beside(self, trial: Trial, wait: float) -> Tried | Probe | Overtaken:
        """Make a call that goes on beside the walk when there is no time to wait for it."""
        doubt, probe = self.place.doubt, self._start(trial, hidden=False)
        doubt.call_begins()
        probe.heard.add_done_callback(lambda _: doubt.call_ends())
        instead = await self.beside.first_word(probe, within=wait)
        return instead or await self.beside.follow(probe)

    def _start(self, trial: Trial, *, hidden: bool) -> Probe:
        place = self.place
        most = place.policy.breaker.consecutive_failures
        probe = Probe(
            trial,
            self.hop,
            hidden=hidden,
            earlier=tuple(self.attempts),
            leave_behind=partial(place.bulkhead.leave_behind, most=most),
            clock=self.around.clock,
        )
        probe.start(self.around.supervisor)
        self._probe = probe
        return probe

    def _has_other_endpoints(self, failure: AttemptFailed) -> bool:
        """Whether one endpoint had no room for the request, and another is asked at once.

        Nothing ran for it there, so it is none of the calls that a hop, a walk or the target's
        retries are limited to: their bound is the number of endpoints.
        """
        if not failure.turned_away_by:
            return False
        self._full.add(failure.turned_away_by)
        self._turned_away += 1
        self.errand.attempts -= 1
        return True

    def _refuses_beginnings(self, tried: Tried) -> bool:
        """Whether it refused an answer that another began; it is asked in words then.

        What is wrong with the caller's own part is refused once more.
        """
        refused = isinstance(tried.result, AttemptFailed) and tried.result.error_class in _REFUSALS
        if not refused or tried.phase is not Phase.WAITING or self._by is not seam.Manner.PREFILLED:
            return False
        self.place.prefill.refused(self.around.clock.now())
        return True

    def _wait_before_next(self, failure: AttemptFailed, phase: Phase) -> float | None:
        now, place = self.around.clock.now(), self.place
        ran = len(self.attempts) - self._turned_away
        if ran >= place.policy.attempts:
            return None
        wait = retry.delay(
            verdict=verdict(failure.error_class, phase),
            attempts_on_hop=ran,
            attempts_in_walk=self.errand.attempts,
            kind=place.policy.kind,
            hint=failure.retry_after,
            slice_left=self.admission.slice or 0.0,
            later_real_hop=self.admission.later_admits,
            draw=self.around.draw(),
            budget_allows=place.retries.allows(now),
        )
        # To wait for an attempt that the breaker will not permit is to wait for a dead target.
        if wait is None or self.admission.kept_out_for(now) > wait:
            return None
        place.retries.try_spend(now)
        self._full.clear()
        return wait

    def _count(self) -> None:
        self.errand.attempts += 1
        if not self.attempts:
            self.errand.targets += 1
            self.place.retries.deposit(self.around.clock.now())

    def _end_of_call(self) -> float:
        """When a call ends that its walk may leave, as a moment of the clock.

        One of our own services is told how long its caller waits, because it shares that
        time out; another target has its own time whoever asks.
        """
        own = self.place.policy.provider is Provider.FAILSOFT
        return self.errand.end_at if own else math.inf

    def _trial(self, permit: Permit, *, first_content: float, end_at: float) -> Trial:
        """
        Args:
            first_content: Seconds that the target is given to its first content.
            end_at: Moment of the clock at which the call ends; its own limits end it sooner.
        """
        errand, going_on = self.errand, self.delivery.going_on
        request, splice = errand.request, None
        if going_on is not None:
            by = self._by = self.place.prefill.manner(self.place.policy, self.around.clock.now())
            request, splice = asked_to_go_on(request, going_on, by), Splice(going_on, by)
            self.hop.span.event(
                span_names.RESCUE,
                {
                    span_names.RESCUE_MANNER: by.value,
                    span_names.RESCUE_CHARACTERS: len(going_on.text),
                },
            )
        ask = Ask(
            request=request,
            attempt_id=f"{errand.walk_id}/{self.hop.planned.position}/{len(self.attempts) + 1}",
            tenant=errand.tenant,
            first_content=first_content,
            end_at=end_at,
            in_gulps=not errand.streams,
            may_restart=errand.may_restart and splice is None,
            walk_began=errand.began,
            splice=splice,
            but=frozenset(self._full),
            retry_of=None if self._last is None else self._last.context,
        )
        around = self.around
        self._last = Trial(
            self.place,
            permit,
            ask,
            hop=self.hop.span,
            tracer=around.tracer,
            metrics=around.metrics,
            clock=around.clock,
            draw=around.draw,
        )
        return self._last
