"""The walk: one request's way along its route, for unary and streamed callers alike.

Plan, then hop by hop: ask for leave, try, judge the content of what came back, record,
go on or stop. Nothing else in the code base tries a second target.

Until content has left for the caller, a failed hop costs the caller only time. After
that the route's `midstream` decides. A unary caller has been sent nothing before the
end, so its walk goes on from any failure.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_kit.deadline import Deadline
from failsoft_kit.telemetry.span import Kind, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.chat import ChatRequest, Degradation
from failsoft_model.events import (
    Choice,
    Delta,
    Event,
    Finished,
    HopUpdate,
    Started,
    StreamReset,
)
from failsoft_model.walk import Attempt, FinishReason, SkipReason, Usage
from failsoft_router import telemetry
from failsoft_router.app.assemble import Assembler, replay
from failsoft_router.app.board import Boards
from failsoft_router.app.gates import Refusal
from failsoft_router.app.pace import say
from failsoft_router.app.probe import Probe
from failsoft_router.app.storage import Storage
from failsoft_router.app.supervisor import Supervisor
from failsoft_router.app.target_hop import Errand, Overtaken, TargetHop
from failsoft_router.app.trail import OpenHop, Trail
from failsoft_router.app.verdict import WalkFacts, broken, exhausted, stopped
from failsoft_router.core import budget
from failsoft_router.core.mock import CannotMock, mock_answer
from failsoft_router.core.outcome import goes_on
from failsoft_router.core.plan import HopKind, PlannedHop, plan
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, Midstream
from failsoft_router.core.route import route_for
from failsoft_router.ports import AnswerCache, AttemptFailed, Ending, Found, StoredAnswer

EventSink = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the tenant, how long it waits, and the span of its call."""

    tenant: str
    deadline: Deadline
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every walk of a router shares.

    Attributes:
        cache: None: there is no cache.
        draw: Gives numbers uniform in [0, 1).
        new_id: Gives ids that nobody has seen, of letters, digits and dashes.
    """

    boards: Boards
    supervisor: Supervisor
    cache: AnswerCache | None
    tracer: Tracer
    clock: Clock
    draw: Callable[[], float]
    new_id: Callable[[], str]


class Walk:
    """One request's walk; `run` it once."""

    def __init__(
        self,
        surroundings: Surroundings,
        request: ChatRequest,
        caller: Caller,
        *,
        sink: EventSink | None,
    ) -> None:
        """
        Args:
            sink: Takes the events one by one; None: only the end is wanted.

        Raises:
            RouteNotFound: No route answers to the model that was asked for.
        """
        self._around = surroundings
        self._request = request
        self._caller = caller
        self._sink = sink
        self._board = board = surroundings.boards.current
        clock = surroundings.clock
        self._route = route_for(board.policy, request.model)
        self._plan = plan(
            board.policy,
            self._route,
            request,
            board.policy.tenant(caller.tenant),
            without_credential=board.without_credential(self._route.hops),
        )
        self._id = surroundings.new_id()
        self._span = surroundings.tracer.start(
            telemetry.WALK,
            kind=Kind.INTERNAL,
            parent=caller.span,
            attributes={
                telemetry.WALK_ID: self._id,
                telemetry.ROUTE: self._route.name,
            },
        )
        self._trail = Trail(surroundings.tracer, self._span, clock=clock)
        self._storage = Storage(
            surroundings.cache,
            request,
            route=self._route,
            tenant=caller.tenant,
            tracer=surroundings.tracer,
            clock=clock,
        )
        self._errand = Errand(
            request=request,
            walk_id=self._id,
            tenant=caller.tenant,
            first_content_by=self._allowance(),
            end_at=caller.deadline.at - budget.REPLY,
        )
        self._probe: Probe | None = None
        self._last_resort: str | None = None
        self._answer = Assembler()
        self._said_anything = False

    @property
    def choice(self) -> Choice:
        """The answer, once `run` has returned."""
        return self._answer.choice()

    async def run(self) -> Finished:
        """Walk until somebody has answered.

        Raises:
            WalkError: Nobody did; its subclass says why.
        """
        with self._span:
            await self._emit(
                Started(
                    walk_id=self._id, route=self._route.name, request_id=self._request.request_id
                )
            )
            found = self._storage.found
            if self._has_time_to_look_up(times=1):
                found = await self._storage.look_up(self._span)
            if found.answer is not None:
                return await self._serve_stored(found, found.answer, Degradation.NONE)
            try:
                return await self._walk_hops()
            finally:
                if self._probe is not None:
                    self._probe.leave()

    async def _walk_hops(self) -> Finished:
        for planned in self._plan.hops:
            finished = await self._hear_probe() or await self._try(planned)
            if finished is not None:
                return finished
        finished = await self._wait_for_probe()
        if finished is not None:
            return finished
        raise exhausted(
            self._facts(),
            soonest=self._soonest(),
            expired=self._expired(),
            own_egress=self._board.egress.down(self._around.clock.now()),
        )

    async def _try(self, planned: PlannedHop) -> Finished | None:
        with self._trail.begin(planned) as hop:
            if planned.skip is not None:
                await self._skip(hop, planned.skip, planned.detail)
                return None
            match planned.kind:
                case HopKind.TARGET:
                    return await self._try_target(hop)
                case HopKind.CACHE:
                    return await self._try_cache(hop)
                case HopKind.MOCK:
                    return await self._serve_mock(hop)

    async def _try_target(self, hop: OpenHop) -> Finished | None:
        attempts: list[Attempt] = []
        while True:
            outcome = await self._target_hop(hop, attempts).run()
            match outcome.result:
                case Ending() as ending:
                    self._trail.served(hop, outcome.attempts)
                    return await self._serve_target(hop.planned.name, ending)
                case AttemptFailed() as failure:
                    await self._after_failure(hop, outcome.attempts, failure)
                    return None
                case Refusal() as refusal:
                    await self._after_refusal(hop, refusal, outcome.attempts)
                    return None
                case Probe() as probe:
                    return await self._go_on_beside(probe)
                case Overtaken():
                    await self._emit(HopUpdate(hop=self._trail.overtaken(hop, outcome.attempts)))
                    finished = await self._follow_probe()
                    if finished is not None:
                        return finished

    def _target_hop(self, hop: OpenHop, attempts: list[Attempt]) -> TargetHop:
        around, behind = self._around, self._plan.behind(hop.planned)
        place = self._board.place(hop.planned.name)
        hop.span.set(telemetry.BREAKER_STATE, place.gates.health.state.value)
        return TargetHop(
            hop=hop,
            place=place,
            errand=self._errand,
            behind=behind,
            later_target=lambda: self._any_admits(behind),
            forced=lambda: self._is_last_resort(hop.planned.name),
            announce=lambda: self._emit(HopUpdate(hop=self._trail.trying(hop))),
            take=self._take,
            rival=self._probe,
            attempts=attempts,
            supervisor=around.supervisor,
            tracer=around.tracer,
            clock=around.clock,
            draw=around.draw,
        )

    async def _go_on_beside(self, probe: Probe) -> Finished | None:
        """Leave a probe running; one of an earlier hop is over by now, or it were its rival."""
        probing = self._trail.probing(probe.hop, probe.earlier)
        try:
            finished = await self._follow_probe()
        finally:
            self._probe = probe
        if finished is None:
            await self._emit(HopUpdate(hop=probing))
        return finished

    async def _hear_probe(self) -> Finished | None:
        """What a probe has found out by now; None: nothing yet, or no answer."""
        if self._probe is None or not (self._probe.spoke or self._probe.over):
            return None
        return await self._follow_probe()

    async def _follow_probe(self) -> Finished | None:
        """Take the answer of the probe that was left running; None: it gave none."""
        probe, self._probe = self._probe, None
        if probe is None:
            return None
        try:
            tried = await probe.follow(self._take, until=self._errand.end_at)
        except BaseException:
            probe.leave()
            raise
        if tried is None:
            return None
        attempts = (*probe.earlier, tried.attempt)
        if isinstance(tried.result, Ending):
            self._trail.served(probe.hop, attempts)
            return await self._serve_target(probe.hop.planned.name, tried.result)
        await self._after_failure(probe.hop, attempts, tried.result)
        return None

    async def _wait_for_probe(self) -> Finished | None:
        """Nobody else is left: what the probe says is better than nothing."""
        if self._probe is None:
            return None
        left = self._errand.first_content_by - self._around.clock.now() - budget.REPLY
        if not await self._probe.news(within=max(0.0, left)):
            return None
        return await self._follow_probe()

    def _any_admits(self, hops: tuple[PlannedHop, ...]) -> bool:
        """Whether one of these targets would be let through now."""
        now = self._around.clock.now()
        return any(
            self._board.place(hop.name).due_in(now) <= 0
            for hop in hops
            if hop.kind is HopKind.TARGET
        )

    def _is_last_resort(self, name: str) -> bool:
        """Whether nobody can answer unless this target's breaker is overridden.

        Every target that may be tried is kept out by its breaker, nothing stands behind
        them, and this is the one that is due soonest. There is one such target a walk.
        """
        if self._last_resort is None:
            self._last_resort = self._find_last_resort()
        return name == self._last_resort

    def _find_last_resort(self) -> str | None:
        open_hops = [hop for hop in self._plan.hops if hop.skip is None]
        if any(hop.kind is not HopKind.TARGET for hop in open_hops):
            return None
        now = self._around.clock.now()
        waits = {hop.name: self._board.place(hop.name).ill_for(now) for hop in open_hops}
        if not all(wait > 0 for wait in waits.values()):
            return None
        return min(waits, key=waits.__getitem__, default=None)

    async def _take(self, piece: Delta | StreamReset) -> None:
        if isinstance(piece, Delta):
            self._answer.add(piece)
        else:
            self._answer.clear(from_block=piece.from_block)
        if self._sink is not None:
            self._said_anything = True
            await self._sink(piece)

    async def _after_refusal(
        self, hop: OpenHop, refusal: Refusal, attempts: tuple[Attempt, ...]
    ) -> None:
        """Go on to the next hop; one that was tried before it was overtaken was not skipped."""
        if attempts:
            await self._emit(HopUpdate(hop=self._trail.overtaken(hop, attempts)))
        else:
            await self._skip(hop, refusal.reason, refusal.detail)

    async def _after_failure(
        self, hop: OpenHop, attempts: tuple[Attempt, ...], failure: AttemptFailed
    ) -> None:
        """Go on to the next hop, or raise."""
        ended = self._trail.failed(hop, failure.error_class, failure.detail, attempts)
        await self._emit(HopUpdate(hop=ended))
        if not goes_on(
            failure.error_class, content_filter_falls_back=self._route.content_filter_falls_back
        ):
            raise stopped(self._facts(), failure)
        self._answer.clear()
        if not self._said_anything:
            return
        if self._route.midstream is Midstream.FAIL:
            raise broken(self._facts(), failure)
        self._said_anything = False
        # The route's deadline is to the first content; the next target has its own.
        self._errand.first_content_by = self._allowance()
        self._span.event(telemetry.STREAM_RESET)
        await self._emit(StreamReset(reason=failure.error_class))

    async def _serve_target(self, name: str, ending: Ending) -> Finished:
        degradation = Degradation.NONE if name == self._plan.best else Degradation.FALLBACK_TARGET
        self._storage.keep(self._answer.choice(), ending, served_by=name, degradation=degradation)
        return await self._finish(
            served_by=name,
            model=ending.model,
            degradation=degradation,
            finish_reason=ending.finish_reason,
            usage=ending.usage,
            dropped=ending.dropped_parameters,
        )

    async def _try_cache(self, hop: OpenHop) -> Finished | None:
        # Without a key the cache was away at the start, and is asked for that first.
        if not self._has_time_to_look_up(times=1 if self._storage.found.key else 2):
            await self._skip(hop, SkipReason.DEADLINE, "too little time is left")
            return None
        found = await self._storage.stale(hop.span)
        if found.answer is None:
            reason = SkipReason.CACHE_UNAVAILABLE if found.away else SkipReason.NO_STORED_ANSWER
            await self._skip(hop, reason, _CACHE_WORDS[reason])
            return None
        self._trail.served(hop)
        return await self._serve_stored(found, found.answer, Degradation.STALE_CACHE)

    async def _serve_stored(
        self, found: Found, answer: StoredAnswer, degradation: Degradation
    ) -> Finished:
        for delta in replay(answer.choice):
            await self._take(delta)
        return await self._finish(
            served_by=CACHE_HOP,
            model=answer.model,
            degradation=degradation,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            cache_age=found.age,
        )

    async def _serve_mock(self, hop: OpenHop) -> Finished | None:
        try:
            answer = mock_answer(self._request)
        except CannotMock as refusal:
            await self._skip(hop, SkipReason.CAPABILITY, str(refusal))
            return None
        await say(
            answer.pieces,
            lambda text: self._take(Delta(text=text)),
            clock=self._around.clock,
            by=-math.inf if self._sink is None else self._caller.deadline.at - budget.REPLY,
        )
        self._trail.served(hop)
        return await self._finish(
            served_by=MOCK_HOP,
            model=MOCK_HOP,
            degradation=Degradation.MOCK,
            finish_reason=FinishReason.LENGTH if answer.cut else FinishReason.STOP,
            usage=Usage(),
        )

    async def _skip(self, hop: OpenHop, reason: SkipReason, detail: str) -> None:
        await self._emit(HopUpdate(hop=self._trail.skipped(hop, reason, detail)))

    async def _finish(
        self,
        *,
        served_by: str,
        model: str,
        degradation: Degradation,
        finish_reason: FinishReason,
        usage: Usage | None,
        cache_age: float | None = None,
        dropped: tuple[str, ...] = (),
    ) -> Finished:
        self._span.set(telemetry.SERVED_BY, served_by)
        self._span.set(telemetry.DEGRADATION, degradation.value)
        self._span.set(telemetry.FALLBACK_USED, degradation is not Degradation.NONE)
        finished = Finished(
            finish_reason=finish_reason,
            served_by=served_by,
            model=model,
            usage=usage,
            degradation=degradation,
            cache_status=self._storage.found.status,
            cache_age=cache_age,
            hops=self._trail.hops,
            dropped_parameters=dropped,
            trace_id=self._span.trace_id,
            walk_id=self._id,
            route=self._route.name,
            request_id=self._request.request_id,
        )
        await self._emit(finished)
        return finished

    async def _emit(self, event: Event) -> None:
        if self._sink is not None:
            await self._sink(event)

    def _has_time_to_look_up(self, *, times: int) -> bool:
        left = self._caller.deadline.left(self._around.clock.now())
        return budget.has_time_to_look_up(left, times=times)

    def _allowance(self) -> float:
        """The moment by which content has to come, if the walk began now."""
        deadline = self._caller.deadline.at
        if math.isfinite(deadline):
            return deadline
        return self._around.clock.now() + self._route.deadline

    def _expired(self) -> bool:
        """The caller's own deadline is over, or kept a hop from being tried."""
        deadline = self._caller.deadline
        if not math.isfinite(deadline.at):
            return False
        if deadline.left(self._around.clock.now()) <= budget.REPLY + budget.FLOOR:
            return True
        return any(hop.skip_reason is SkipReason.DEADLINE for hop in self._trail.hops)

    def _facts(self) -> WalkFacts:
        return WalkFacts(
            hops=self._trail.hops,
            walk_id=self._id,
            route=self._route.name,
            trace_id=self._span.trace_id,
        )

    def _soonest(self) -> float | None:
        """Seconds until a target of the plan may be tried; None: none ever may."""
        names = [
            hop.name for hop in self._plan.hops if hop.kind is HopKind.TARGET and hop.skip is None
        ]
        return self._board.soonest(names, now=self._around.clock.now()) if names else None


_CACHE_WORDS = {
    SkipReason.CACHE_UNAVAILABLE: "the cache is away",
    SkipReason.NO_STORED_ANSWER: "no answer to this question is stored",
}
