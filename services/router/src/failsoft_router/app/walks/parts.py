"""What one walk is made of: its errand, its plan, and what carries them out."""

from dataclasses import dataclass

from failsoft_kit.telemetry.span import Kind, Span
from failsoft_model.chat import ChatRequest
from failsoft_router import span_names
from failsoft_router.app.hops.beside import Beside
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.prospects import Prospects
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.hops.trail import Trail
from failsoft_router.app.reply.delivery import Delivery, EventSink, Opens
from failsoft_router.app.reply.opening import opening
from failsoft_router.app.targets.board import Board
from failsoft_router.app.walks.cache import WalkCache
from failsoft_router.app.walks.rescue import Rescue
from failsoft_router.app.walks.serving import Serving
from failsoft_router.app.walks.verdict import WalkFacts
from failsoft_router.core.plan import Plan, plan
from failsoft_router.core.policy import Midstream, RoutePolicy
from failsoft_router.core.route import route_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one walk; all of them share its errand.

    Attributes:
        board: The one that is in force when the walk begins.
        span: The walk's.
        cache: The walk's use of it.
    """

    board: Board
    route: RoutePolicy
    errand: Errand
    span: Span
    trail: Trail
    prospects: Prospects
    cache: WalkCache
    delivery: Delivery
    beside: Beside
    rescue: Rescue
    serving: Serving

    def facts(self) -> WalkFacts:
        """What every ending tells, as it is by now."""
        return WalkFacts(
            hops=self.trail.hops,
            walk_id=self.errand.walk_id,
            route=self.route.name,
            trace_id=self.span.trace_id,
        )


def parts_of(
    around: Surroundings,
    request: ChatRequest,
    caller: Caller,
    *,
    sink: EventSink | None,
    sees_resets: bool,
    opens: Opens | None,
) -> Parts:
    """The parts of a walk that begins now.

    Args:
        sink: Takes the events one by one; None: only the end is wanted.
        sees_resets: Who takes them can be told that what was sent is void.
        opens: Wants to know of the answer before its first content; None: nobody does.

    Raises:
        RouteNotFound: No route answers to the model that was asked for.
    """
    board, clock = around.boards.current, around.clock
    route = route_for(board.policy, request.model)
    errand = _errand(around, route, request, caller, sink=sink, sees_resets=sees_resets)
    span = _start_span(around, route, errand, parent=caller.span)
    trail = Trail(
        errand,
        span,
        route=route.name,
        tracer=around.tracer,
        feed=around.feed,
        metrics=around.metrics,
    )
    cache = WalkCache(
        around.cache,
        request,
        route=route,
        tenant=errand.tenant,
        tracer=around.tracer,
        clock=clock,
    )
    planned = _plan(around, board, route, errand)
    prospects = Prospects(planned, board, clock=clock)
    delivery = Delivery(
        sink,
        span=span,
        clock=clock,
        opens=None
        if opens is None
        else lambda speaker: opens(
            opening(speaker, found=cache.found, policy=board.policy, plan=prospects.plan)
        ),
    )
    beside = Beside(errand, delivery, clock=clock)
    return Parts(
        board=board,
        route=route,
        errand=errand,
        span=span,
        trail=trail,
        prospects=prospects,
        cache=cache,
        delivery=delivery,
        beside=beside,
        rescue=Rescue(errand, delivery, beside, midstream=route.midstream, sees_resets=sees_resets),
        serving=Serving(
            errand=errand,
            plan=planned,
            span=span,
            trail=trail,
            delivery=delivery,
            cache=cache,
            clock=clock,
        ),
    )


def _errand(
    around: Surroundings,
    route: RoutePolicy,
    request: ChatRequest,
    caller: Caller,
    *,
    sink: EventSink | None,
    sees_resets: bool,
) -> Errand:
    may_restart = sees_resets and route.midstream is not Midstream.FAIL
    return Errand(
        request=request,
        walk_id=around.new_id(),
        tenant=caller.tenant,
        deadline=caller.deadline,
        patience=route.deadline,
        streams=sink is not None,
        may_restart=sink is None or may_restart,
        clock=around.clock,
        notes=around.explanations.notes(),
    )


def _start_span(around: Surroundings, route: RoutePolicy, errand: Errand, *, parent: Span) -> Span:
    attributes = {span_names.WALK_ID: errand.walk_id, span_names.ROUTE: route.name}
    return around.tracer.start(
        span_names.WALK, kind=Kind.INTERNAL, parent=parent, attributes=attributes
    )


def _plan(around: Surroundings, board: Board, route: RoutePolicy, errand: Errand) -> Plan:
    draft = board.drafts.draft(
        route,
        errand.tenant,
        model=errand.request.model,
        without_credential=board.without_credential(route.hops),
        has_cache=around.cache is not None,
    )
    return plan(draft, errand.request)
