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
from failsoft_router.app.board import Board, Place
from failsoft_router.app.pace import say
from failsoft_router.app.storage import Storage
from failsoft_router.app.target_hop import Ask, TargetHop
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

    board: Board
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
        board, clock = surroundings.board, surroundings.clock
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
        self._first_content_by = (
            caller.deadline.at
            if math.isfinite(caller.deadline.at)
            else clock.now() + self._route.deadline
        )
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
            if self._has_time_to_look_up():
                found = await self._storage.look_up(self._span)
            if found.answer is not None:
                return await self._serve_stored(found, found.answer, Degradation.NONE)
            for planned in self._plan.hops:
                finished = await self._try(planned)
                if finished is not None:
                    return finished
            raise exhausted(self._facts(), soonest=self._soonest(), expired=self._expired())

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
        place, now = self._around.board.place(hop.planned.name), self._around.clock.now()
        limit = budget.first_content_limit(
            self._first_content_by - now,
            limit=place.policy.limits.first_content,
            behind=self._plan.behind(hop.planned),
        )
        if limit is None:
            await self._skip(hop, SkipReason.DEADLINE, "too little time is left")
            return None
        permit = place.breaker.ask(now)
        if permit is None:
            await self._skip(hop, SkipReason.CIRCUIT_OPEN, _open_words(place, now))
            return None
        with TargetHop(
            place,
            permit,
            tracer=self._around.tracer,
            clock=self._around.clock,
            draw=self._around.draw(),
        ) as trial:
            hop.span.set(telemetry.BREAKER_STATE, place.breaker.state.value)
            await self._emit(HopUpdate(hop=self._trail.trying(hop)))
            tried = await trial.run(self._ask(hop, limit), parent=hop.span, take=self._take)
        if isinstance(tried.result, AttemptFailed):
            await self._after_failure(hop, tried.attempt, tried.result)
            return None
        return await self._serve_target(hop, tried.attempt, tried.result)

    def _ask(self, hop: OpenHop, first_content: float) -> Ask:
        return Ask(
            request=self._request,
            attempt_id=f"{self._id}/{hop.planned.position}/1",
            tenant=self._caller.tenant,
            first_content=first_content,
            end_at=self._caller.deadline.at - budget.REPLY,
        )

    async def _take(self, piece: Delta | StreamReset) -> None:
        if isinstance(piece, Delta):
            self._answer.add(piece)
        else:
            self._answer.clear(from_block=piece.from_block)
        if self._sink is not None:
            self._said_anything = True
            await self._sink(piece)

    async def _after_failure(self, hop: OpenHop, attempt: Attempt, failure: AttemptFailed) -> None:
        """Go on to the next hop, or raise."""
        ended = self._trail.failed(hop, failure.error_class, failure.detail, (attempt,))
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
        self._span.event(telemetry.STREAM_RESET)
        await self._emit(StreamReset(reason=failure.error_class))

    async def _serve_target(self, hop: OpenHop, attempt: Attempt, ending: Ending) -> Finished:
        name = hop.planned.name
        degradation = Degradation.NONE if name == self._plan.best else Degradation.FALLBACK_TARGET
        self._trail.served(hop, (attempt,))
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
        if not self._has_time_to_look_up():
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
            trace_id=self._trace_id,
            walk_id=self._id,
            route=self._route.name,
            request_id=self._request.request_id,
        )
        await self._emit(finished)
        return finished

    async def _emit(self, event: Event) -> None:
        if self._sink is not None:
            await self._sink(event)

    @property
    def _trace_id(self) -> str:
        context = self._span.context
        return f"{context.trace_id:032x}" if context.sampled else ""

    def _has_time_to_look_up(self) -> bool:
        return budget.has_time_to_look_up(self._caller.deadline.left(self._around.clock.now()))

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
            trace_id=self._trace_id,
        )

    def _soonest(self) -> float | None:
        """Seconds until a target of the plan may be tried; None: none ever may."""
        names = [
            hop.name for hop in self._plan.hops if hop.kind is HopKind.TARGET and hop.skip is None
        ]
        return self._around.board.soonest(names, now=self._around.clock.now()) if names else None


_CACHE_WORDS = {
    SkipReason.CACHE_UNAVAILABLE: "the cache is away",
    SkipReason.NO_STORED_ANSWER: "no answer to this question is stored",
}


def _open_words(place: Place, now: float) -> str:
    wait = place.breaker.due_in(now)
    if wait > 0:
        return f"its breaker is open, the next probe may go in {wait:.1f} s"
    return "its breaker is half-open and the probes are out"
