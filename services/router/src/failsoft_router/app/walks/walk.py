"""The walk: one request's way along its route, for unary and streamed callers alike.

Plan, then hop by hop: ask for leave, try, judge the content of what came back, record,
go on or stop. Nothing else in the code base tries a second target.

Until content has left for the caller, a failed hop costs the caller only time. After
that `rescue.py` says how the answer goes on. A unary caller has been sent nothing before
the end, so its walk goes on from any failure.
"""

from dataclasses import replace

from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Kind, Span
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Choice, Finished, Started
from failsoft_model.walk import Attempt, ErrorClass, SkipReason
from failsoft_router import span_names
from failsoft_router.app.calls.trial import OutOfTime
from failsoft_router.app.calls.watchdog import WaitedTooLong
from failsoft_router.app.explain.notes import Look
from failsoft_router.app.hops.admission import Admission
from failsoft_router.app.hops.beside import Beside, Overtaken, Tidings
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.probe import Probe
from failsoft_router.app.hops.prospects import Prospects
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.hops.target_hop import TargetHop
from failsoft_router.app.hops.trail import OpenHop, Trail
from failsoft_router.app.reply.delivery import Delivery, EventSink, Opening, Opens
from failsoft_router.app.reply.opening import opening
from failsoft_router.app.targets.gates import Refusal
from failsoft_router.app.targets.place import Place
from failsoft_router.app.targets.state import outline_of
from failsoft_router.app.walks.acceptance import why_not
from failsoft_router.app.walks.cache import WalkCache
from failsoft_router.app.walks.next_hops import next_hops
from failsoft_router.app.walks.remembered import record
from failsoft_router.app.walks.rescue import Rescue
from failsoft_router.app.walks.serving import Serving
from failsoft_router.app.walks.verdict import WalkFacts, broken, exhausted, stopped, unread
from failsoft_router.core.outcome import goes_on
from failsoft_router.core.plan import HopKind, Plan, PlannedHop, plan
from failsoft_router.core.policy import Midstream
from failsoft_router.core.route import route_for
from failsoft_router.ports import AttemptFailed, Ending


class Walk:
    """One request's walk; `run` it once."""

    def __init__(
        self,
        surroundings: Surroundings,
        request: ChatRequest,
        caller: Caller,
        *,
        sink: EventSink | None,
        sees_resets: bool = True,
        opens: Opens | None = None,
    ) -> None:
        """
        Args:
            sink: Takes the events one by one; None: only the end is wanted.
            sees_resets: Who takes them can be told that what was sent is void.
            opens: Wants to know of the answer before its first content; None: nobody does.

        Raises:
            RouteNotFound: No route answers to the model that was asked for.
        """
        self._around = surroundings
        self._board = surroundings.boards.current
        self._route = route_for(self._board.policy, request.model)
        self._errand = Errand(
            request=request,
            walk_id=surroundings.new_id(),
            tenant=caller.tenant,
            deadline=caller.deadline,
            patience=self._route.deadline,
            streams=sink is not None,
            may_restart=sink is None
            or (sees_resets and self._route.midstream is not Midstream.FAIL),
            clock=surroundings.clock,
            notes=surroundings.explanations.notes(),
        )
        self._span = self._start_span(caller.span)
        self._trail = Trail(
            self._errand,
            self._span,
            route=self._route.name,
            tracer=surroundings.tracer,
            feed=surroundings.feed,
            metrics=surroundings.metrics,
        )
        self._delivery = Delivery(
            sink,
            span=self._span,
            clock=surroundings.clock,
            opens=None if opens is None else lambda speaker: opens(self._opening(speaker)),
        )
        self._beside = Beside(self._errand, self._delivery, clock=surroundings.clock)
        self._rescue = Rescue(
            self._errand,
            self._delivery,
            self._beside,
            midstream=self._route.midstream,
            sees_resets=sees_resets,
        )
        self._cache = self._cache_of()
        planned = self._plan()
        self._prospects = Prospects(planned, self._board, clock=surroundings.clock)
        self._serving = self._serving_of(planned)

    def _start_span(self, parent: Span) -> Span:
        attributes = {
            span_names.WALK_ID: self._errand.walk_id,
            span_names.ROUTE: self._route.name,
        }
        return self._around.tracer.start(
            span_names.WALK, kind=Kind.INTERNAL, parent=parent, attributes=attributes
        )

    def _plan(self) -> Plan:
        board, errand = self._board, self._errand
        draft = board.drafts.draft(
            self._route,
            errand.tenant,
            model=errand.request.model,
            without_credential=board.without_credential(self._route.hops),
            has_cache=self._around.cache is not None,
        )
        return plan(draft, errand.request)

    def _serving_of(self, planned: Plan) -> Serving:
        return Serving(
            errand=self._errand,
            plan=planned,
            span=self._span,
            trail=self._trail,
            delivery=self._delivery,
            cache=self._cache,
            clock=self._around.clock,
        )

    def _cache_of(self) -> WalkCache:
        around, errand = self._around, self._errand
        return WalkCache(
            around.cache,
            errand.request,
            route=self._route,
            tenant=errand.tenant,
            tracer=around.tracer,
            clock=around.clock,
        )

    def _opening(self, speaker: str) -> Opening:
        """What is known of the answer of who speaks now."""
        return opening(
            speaker,
            found=self._cache.found,
            policy=self._board.policy,
            plan=self._prospects.plan,
        )

    @property
    def route(self) -> str:
        """The name of its route."""
        return self._route.name

    @property
    def calls(self) -> int:
        """Calls to targets so far."""
        return self._errand.attempts

    @property
    def context(self) -> SpanContext:
        """Of its span."""
        return self._span.context

    def remember(self, end: Finished | BaseException) -> None:
        """Note for who asks later how it went, and how it ended; costs nothing if nobody can."""
        if not self._around.explanations.wanted:
            return
        errand, hops = self._errand, self._trail.hops
        made = record(
            errand,
            self._prospects.plan,
            hops,
            next_hops=tuple(next_hops(errand, self._prospects, self._board, hops)),
            trace_id=self._span.trace_id,
            cache_status=self._cache.found.status,
            cache_age=self._cache.found.age,
            end=end,
        )
        self._around.explanations.keep(made, errand.notes)

    @property
    def choice(self) -> Choice:
        """The answer, once `run` has returned."""
        return self._delivery.choice

    async def run(self) -> Finished:
        """Walk until somebody has answered.

        Raises:
            WalkError: Nobody did; its subclass says why.
        """
        if not self._errand.streams:
            return await self._run()
        try:
            with self._delivery.reader:
                return await self._run()
        except WaitedTooLong:
            raise unread(self._facts()) from None

    async def _run(self) -> Finished:
        errand = self._errand
        with self._span:
            await self._delivery.emit(
                Started(
                    walk_id=errand.walk_id,
                    route=self._route.name,
                    request_id=errand.request.request_id,
                )
            )
            finished = await self._serving.fresh()
            if finished is not None:
                return finished
            try:
                return await self._walk_hops()
            finally:
                self._beside.leave()

    async def _walk_hops(self) -> Finished:
        for index in range(len(self._prospects.plan.hops)):
            finished = await self._hear()
            # What was heard may have changed the plan.
            finished = finished or await self._try(self._prospects.plan.hops[index])
            if finished is not None:
                return finished
        finished = await self._wait() or await self._try_one_more()
        if finished is not None:
            return finished
        facts = self._facts()
        raise exhausted(
            facts,
            soonest=self._prospects.soonest(facts.hops),
            expired=self._errand.expired(facts.hops),
            own_egress=self._prospects.were_cut_off(facts.hops),
        )

    async def _hear(self) -> Finished | None:
        """What has come of the calls beside, before anybody else is asked."""
        while (tidings := await self._beside.hear()) is not None:
            finished = await self._settle(tidings)
            if finished is not None:
                return finished
        return None

    async def _wait(self) -> Finished | None:
        """What comes of the calls beside, when there is nobody else to ask."""
        while (tidings := await self._beside.wait()) is not None:
            finished = await self._settle(tidings)
            if finished is not None:
                return finished
        return None

    async def _try_one_more(self) -> Finished | None:
        """One more hop, at a target that was passed over."""
        hops = self._trail.hops
        planned = self._prospects.reopened(hops) or self._prospects.last_resort(hops)
        if planned is None:
            return None
        return await self._try(planned) or await self._wait()

    async def _try(self, planned: PlannedHop) -> Finished | None:
        with self._trail.begin(planned) as hop:
            if planned.kind is HopKind.TARGET:
                health = self._board.place(planned.name).gates.health
                hop.span.set(span_names.BREAKER_STATE, health.state.value)
            if planned.skip is not None:
                await self._skip(hop, planned.skip, planned.detail)
                return None
            match planned.kind:
                case HopKind.TARGET:
                    return await self._try_target(hop)
                case _ if self._rescue.binds:
                    await self._skip(hop, SkipReason.CAPABILITY, _NOT_FROM_THE_MIDDLE)
                    return None
                case HopKind.CACHE:
                    return await self._serving.stale(hop)
                case HopKind.MOCK:
                    return await self._serving.mock(hop)

    async def _try_target(self, hop: OpenHop) -> Finished | None:
        target = self._target_hop(hop)
        while True:
            outcome = await target.run()
            made = outcome.attempts
            match outcome.result:
                case Ending() | AttemptFailed() as result:
                    return await self._settle(Tidings(hop=hop, attempts=made, result=result))
                case Refusal() as refusal:
                    await self._after_refusal(hop, refusal, made)
                    return None
                case Probe() as probe:
                    await self._go_on_beside(probe)
                    return None
                case Overtaken():
                    await self._delivery.tell(self._trail.overtaken(hop, made))
                    finished = await self._hear()
                    if finished is not None:
                        return finished

    def _target_hop(self, hop: OpenHop) -> TargetHop:
        place = self._board.place(hop.planned.name)
        if self._around.explanations.wanted:
            self._note_look(hop, place)
        return TargetHop(
            hop=hop,
            place=place,
            errand=self._errand,
            admission=Admission(
                place=place,
                errand=self._errand,
                planned=hop.planned,
                prospects=self._prospects,
                clock=self._around.clock,
            ),
            delivery=self._delivery,
            beside=self._beside,
            around=self._around,
        )

    def _note_look(self, hop: OpenHop, place: Place) -> None:
        """For who asks later in which state the target was."""
        now = self._around.clock.now()
        self._errand.notes.looks[hop.planned.position] = Look(
            at=now, left=self._errand.to_first_content(), state=outline_of(place, now)
        )

    async def _go_on_beside(self, probe: Probe) -> None:
        """Leave a probe running."""
        self._beside.put(probe)
        await self._delivery.tell(self._trail.probing(probe.hop, probe.earlier))

    async def _settle(self, tidings: Tidings) -> Finished | None:
        """End the walk with what a target said, or go on to the next hop."""
        match tidings:
            case Tidings(hop=hop, result=Ending() as ending):
                failure = await why_not(ending, self._delivery, self._errand)
                if failure is None:
                    self._trail.served(hop, tidings.attempts)
                    return await self._serving.target(hop.planned.name, ending)
                *earlier, last = tidings.attempts
                last = replace(last, error_class=failure.error_class, detail=failure.detail)
                await self._after_failure(hop, (*earlier, last), failure)
            case Tidings(hop=hop, result=AttemptFailed() as failure):
                await self._after_failure(hop, tidings.attempts, failure)
        return None

    async def _after_refusal(
        self, hop: OpenHop, refusal: Refusal, attempts: tuple[Attempt, ...]
    ) -> None:
        """Go on to the next hop; one that was tried before it was overtaken was not skipped."""
        if attempts:
            await self._delivery.tell(self._trail.overtaken(hop, attempts))
        else:
            await self._skip(hop, refusal.reason, refusal.detail, due_in=refusal.due_in)

    async def _after_failure(
        self, hop: OpenHop, attempts: tuple[Attempt, ...], failure: AttemptFailed
    ) -> None:
        """Go on to the next hop, or raise."""
        ended = self._trail.failed(hop, failure.error_class, failure.detail, attempts)
        await self._delivery.tell(ended)
        self._errand.cut_short = isinstance(failure, OutOfTime)
        if not goes_on(
            failure.error_class,
            content_filter_falls_back=self._route.content_filter_falls_back,
            is_certain=self._is_to_blame(hop, failure),
        ):
            raise stopped(self._facts(), failure)
        if failure.error_class is ErrorClass.CONTEXT_LENGTH:
            self._prospects.was_too_long_for(hop.planned.name)
        if attempts[-1].time_to_first_content is not None:
            # The route's deadline is to the first content; the next target has its own.
            self._errand.begin_anew()
        facts = self._facts()
        # A reset when the time is over would void what was said for nothing better.
        expired = self._delivery.content_left and self._errand.expired(facts.hops)
        if expired or not await self._rescue.after(failure.error_class):
            raise broken(facts, failure, expired=expired)

    def _is_to_blame(self, hop: OpenHop, failure: AttemptFailed) -> bool:
        """Whether it is certain that the caller's request is wrong, if that is what was said.

        Nobody's request to go on is the caller's.
        """
        is_best = hop.planned.name == self._prospects.plan.best
        return self._delivery.going_on is None and (failure.names_field or is_best)

    async def _skip(
        self, hop: OpenHop, reason: SkipReason, detail: str, *, due_in: float = 0.0
    ) -> None:
        await self._delivery.tell(self._trail.skipped(hop, reason, detail, due_in=due_in))

    def _facts(self) -> WalkFacts:
        return WalkFacts(
            hops=self._trail.hops,
            walk_id=self._errand.walk_id,
            route=self._route.name,
            trace_id=self._span.trace_id,
        )


_NOT_FROM_THE_MIDDLE = "it cannot go on from the middle of an answer"
