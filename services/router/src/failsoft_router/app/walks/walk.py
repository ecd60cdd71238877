"""The walk: one request's way along its route, for unary and streamed callers alike.

Plan, then hop by hop: ask for leave, try, judge the content of what came back, record,
go on or stop. Nothing else in the code base tries a second target.

Until content has left for the caller, a failed hop costs the caller only time. After
that `rescue.py` says how the answer goes on. A unary caller has been sent nothing before
the end, so its walk goes on from any failure.
"""

from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Choice, Finished, Started
from failsoft_model.walk import SkipReason
from failsoft_router import span_names
from failsoft_router.app.calls.watchdog import WaitedTooLong
from failsoft_router.app.explain.notes import Look
from failsoft_router.app.hops.admission import Admission
from failsoft_router.app.hops.beside import Overtaken, Tidings
from failsoft_router.app.hops.probe import Probe
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.hops.target_hop import TargetHop
from failsoft_router.app.hops.trail import OpenHop
from failsoft_router.app.reply.delivery import EventSink, Opens
from failsoft_router.app.targets.gates import Refusal
from failsoft_router.app.targets.place import Place
from failsoft_router.app.targets.state import outline_of
from failsoft_router.app.walks.aftermath import Aftermath
from failsoft_router.app.walks.parts import parts_of
from failsoft_router.app.walks.remembered import record
from failsoft_router.app.walks.verdict import exhausted, unread
from failsoft_router.core.plan import HopKind, PlannedHop
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
        self._parts = parts_of(
            surroundings, request, caller, sink=sink, sees_resets=sees_resets, opens=opens
        )
        self._aftermath = Aftermath(self._parts)

    @property
    def route(self) -> str:
        """The name of its route."""
        return self._parts.route.name

    @property
    def tenant(self) -> str:
        """Whose request it is."""
        return self._parts.errand.tenant

    @property
    def calls(self) -> int:
        """Calls to targets so far."""
        return self._parts.errand.attempts

    @property
    def context(self) -> SpanContext:
        """Of its span."""
        return self._parts.span.context

    def remember(self, end: Finished | BaseException) -> None:
        """Note for who asks later how it went, and how it ended; costs nothing if nobody can."""
        if self._around.explanations.wanted:
            made = record(self._parts, end)
            self._around.explanations.keep(made, self._parts.errand.notes)

    @property
    def choice(self) -> Choice:
        """The answer, once `run` has returned."""
        return self._parts.delivery.choice

    async def run(self) -> Finished:
        """Walk until somebody has answered.

        Raises:
            WalkError: Nobody did; its subclass says why.
        """
        parts = self._parts
        if not parts.errand.streams:
            return await self._run()
        try:
            with parts.delivery.reader:
                return await self._run()
        except WaitedTooLong:
            raise unread(parts.facts()) from None

    async def _run(self) -> Finished:
        parts, errand = self._parts, self._parts.errand
        with parts.span:
            await parts.delivery.emit(
                Started(
                    walk_id=errand.walk_id,
                    route=parts.route.name,
                    request_id=errand.request.request_id,
                )
            )
            finished = await parts.serving.fresh()
            if finished is not None:
                return finished
            try:
                return await self._walk_hops()
            finally:
                parts.beside.leave()

    async def _walk_hops(self) -> Finished:
        parts = self._parts
        for index in range(len(parts.prospects.plan.hops)):
            finished = await self._hear()
            # What was heard may have changed the plan.
            finished = finished or await self._try(parts.prospects.plan.hops[index])
            if finished is not None:
                return finished
        finished = await self._wait() or await self._try_one_more()
        if finished is not None:
            return finished
        facts = parts.facts()
        raise exhausted(
            facts,
            soonest=parts.prospects.soonest(facts.hops),
            expired=parts.errand.expired(facts.hops),
            own_egress=parts.prospects.were_cut_off(facts.hops),
        )

    async def _hear(self) -> Finished | None:
        """What has come of the calls beside, before anybody else is asked."""
        while (tidings := await self._parts.beside.hear()) is not None:
            finished = await self._aftermath.settle(tidings)
            if finished is not None:
                return finished
        return None

    async def _wait(self) -> Finished | None:
        """What comes of the calls beside, when there is nobody else to ask."""
        while (tidings := await self._parts.beside.wait()) is not None:
            finished = await self._aftermath.settle(tidings)
            if finished is not None:
                return finished
        return None

    async def _try_one_more(self) -> Finished | None:
        """One more hop, at a target that was passed over."""
        parts = self._parts
        hops = parts.trail.hops
        planned = parts.prospects.reopened(hops) or parts.prospects.last_resort(hops)
        if planned is None:
            return None
        return await self._try(planned) or await self._wait()

    async def _try(self, planned: PlannedHop) -> Finished | None:
        parts = self._parts
        with parts.trail.begin(planned) as hop:
            if planned.kind is HopKind.TARGET:
                health = parts.board.place(planned.name).gates.health
                hop.span.set(span_names.BREAKER_STATE, health.state.value)
            if planned.skip is not None:
                await self._aftermath.skip(hop, planned.skip, planned.detail)
                return None
            match planned.kind:
                case HopKind.TARGET:
                    return await self._try_target(hop)
                case _ if parts.rescue.binds:
                    await self._aftermath.skip(hop, SkipReason.CAPABILITY, _NOT_FROM_THE_MIDDLE)
                    return None
                case HopKind.CACHE:
                    return await parts.serving.stale(hop)
                case HopKind.MOCK:
                    return await parts.serving.mock(hop)

    async def _try_target(self, hop: OpenHop) -> Finished | None:
        target = self._target_hop(hop)
        while True:
            outcome = await target.run()
            made = outcome.attempts
            match outcome.result:
                case Ending() | AttemptFailed() as result:
                    return await self._aftermath.settle(
                        Tidings(hop=hop, attempts=made, result=result)
                    )
                case Refusal() as refusal:
                    await self._aftermath.refused(hop, refusal, made)
                    return None
                case Probe() as probe:
                    await self._go_on_beside(probe)
                    return None
                case Overtaken():
                    await self._parts.delivery.tell(self._parts.trail.overtaken(hop, made))
                    finished = await self._hear()
                    if finished is not None:
                        return finished

    def _target_hop(self, hop: OpenHop) -> TargetHop:
        parts = self._parts
        place = parts.board.place(hop.planned.name)
        if self._around.explanations.wanted:
            self._note_look(hop, place)
        return TargetHop(
            hop=hop,
            place=place,
            errand=parts.errand,
            admission=Admission(
                place=place,
                errand=parts.errand,
                planned=hop.planned,
                prospects=parts.prospects,
                clock=self._around.clock,
            ),
            delivery=parts.delivery,
            beside=parts.beside,
            around=self._around,
        )

    def _note_look(self, hop: OpenHop, place: Place) -> None:
        """For who asks later in which state the target was."""
        errand, now = self._parts.errand, self._around.clock.now()
        errand.notes.looks[hop.planned.position] = Look(
            at=now, left=errand.to_first_content(), state=outline_of(place, now)
        )

    async def _go_on_beside(self, probe: Probe) -> None:
        """Leave a probe running."""
        self._parts.beside.put(probe)
        await self._parts.delivery.tell(self._parts.trail.probing(probe.hop, probe.earlier))


_NOT_FROM_THE_MIDDLE = "it cannot go on from the middle of an answer"
