"""Walks that have ended, as messages; and what they are asked for by."""

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.wire.enums import (
    CACHE_STATUS,
    DEGRADATION,
    FINISH_REASON,
    PLACE_REASON,
    SKIP_REASON,
    EnumMap,
)
from failsoft_kit.wire.inference import fill_duration, fill_hop, fill_usage
from failsoft_model.errors import FieldViolation, InvalidRequest
from failsoft_model.events import Finished
from failsoft_router.api.rpc.admin.targets import CREDENTIAL, fill_breaker, fill_gate
from failsoft_router.app.explain.explanations import Told
from failsoft_router.app.explain.notes import AnswerEventKind, Look
from failsoft_router.app.explain.record import NextHop, WalkEnd, WalkRecord
from failsoft_router.core.plan import PlannedHop
from failsoft_router.core.walk_key import KeyKind, WalkKey

LONGEST_ID = 256
"""Characters; no id of a walk, a trace or a request is longer."""

_EVENT = EnumMap(AnswerEventKind, pb.AnswerEventKind)
_KIND = {
    "walk_id": KeyKind.WALK,
    "trace_id": KeyKind.TRACE,
    "request_id": KeyKind.REQUEST,
    "any_id": KeyKind.ANY,
}


def asked_walk(request: pb.ExplainRequestRequest) -> WalkKey:
    """What a walk is asked for by.

    Raises:
        InvalidRequest: There is no id, or it is longer than any.
    """
    field = request.WhichOneof("key")
    told: str = "" if field is None else getattr(request, field).strip()
    if field is None or not 0 < len(told) <= LONGEST_ID:
        violation = FieldViolation(
            field=field or "key", description=f"must be an id of 1 to {LONGEST_ID} characters"
        )
        sentence = f"{violation.field}: {violation.description}"
        raise InvalidRequest(sentence, violations=(violation,))
    return WalkKey(kind=_KIND[field], id=told, tenant=request.tenant)


def explained(told: Told) -> pb.ExplainRequestResponse:
    """The reply with what was found."""
    return pb.ExplainRequestResponse(
        explanation=pb.Explanation.FromString(told.explanation),
        source=pb.EXPLANATION_SOURCE_VALKEY if told.from_store else pb.EXPLANATION_SOURCE_MEMORY,
        other_walk_ids=told.others,
    )


def encode_walk(walk: WalkRecord, *, replica: str) -> bytes:
    """A walk as an `Explanation`.

    Args:
        replica: Host name of this one.
    """
    message = pb.Explanation(
        walk_id=walk.walk_id,
        trace_id=walk.trace_id,
        request_id=walk.request_id,
        tenant=walk.tenant,
        asked_model=walk.asked_model,
        streamed=walk.streamed,
        route=walk.route,
        policy=walk.policy,
        replica=replica,
        cache_status=CACHE_STATUS.number[walk.cache_status],
        complete=not walk.running,
    )
    message.began.FromMicroseconds(round(walk.began_unix * 1e6))
    fill_duration(message.took, walk.took)
    fill_duration(message.patience, walk.patience)
    if walk.deadline is not None:
        fill_duration(message.deadline, walk.deadline)
    if walk.cache_age is not None:
        fill_duration(message.cache_age, walk.cache_age)
    _add_hops(message, walk)
    for event in walk.events:
        told = message.events.add(
            kind=_EVENT.number[event.kind], target=event.target, characters=event.characters
        )
        fill_duration(told.at, event.at - walk.began)
    _fill_end(message.end, walk.end)
    return message.SerializeToString()


def _add_hops(message: pb.Explanation, walk: WalkRecord) -> None:
    kept_out = {each.position: each for each in walk.next_hops}
    reached = {hop.position for hop in walk.hops}
    for planned in walk.plan:
        told = message.plan.add(reached=planned.position in reached)
        _fill_planned(told, planned)
        if not told.reached:
            _fill_next(told.next, kept_out.get(planned.position))
    for hop in sorted(walk.hops, key=lambda each: each.position):
        explained_hop = message.hops.add()
        fill_hop(explained_hop.hop, hop)
        look = walk.looks.get(hop.position)
        if look is not None:
            _fill_look(explained_hop.look, look, began=walk.began)


def _fill_planned(into: pb.PlannedHop, planned: PlannedHop) -> None:
    into.position = planned.position
    into.target = planned.name
    into.place = PLACE_REASON.number[planned.place]
    into.detail = planned.detail
    if planned.skip is not None:
        into.skip_reason = SKIP_REASON.number[planned.skip]


def _fill_next(into: pb.NextHop, kept_out: NextHop | None) -> None:
    """
    Args:
        kept_out: None: it would have been tried.
    """
    into.would_be_tried = kept_out is None
    if kept_out is None:
        return
    into.skip_reason = SKIP_REASON.number[kept_out.skip_reason]
    into.detail = kept_out.detail
    if kept_out.due_in is not None:
        fill_duration(into.due_in, kept_out.due_in)


def _fill_look(into: pb.TargetLook, look: Look, *, began: float) -> None:
    state = look.state
    fill_duration(into.at, look.at - began)
    fill_duration(into.left, look.left)
    fill_breaker(into.breaker, state.health, now=look.at)
    for gate in state.gates:
        fill_gate(into.gates.add(), gate, now=look.at)
    into.credential = CREDENTIAL.number[state.credential]
    into.calls_in_flight = state.calls_in_flight
    into.concurrency = state.policy.concurrency


def _fill_end(into: pb.ExplainedEnd, end: WalkEnd) -> None:
    into.error_reason = end.error_reason
    into.error_detail = end.error_detail
    if end.finished is not None:
        _fill_answer(into, end.finished)


def _fill_answer(into: pb.ExplainedEnd, finished: Finished) -> None:
    into.served_by = finished.served_by
    into.model = finished.model
    into.degradation = DEGRADATION.number[finished.degradation]
    into.finish_reason = FINISH_REASON.number[finished.finish_reason]
    if finished.usage is not None:
        fill_usage(into.usage, finished.usage)
