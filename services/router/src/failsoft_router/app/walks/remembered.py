"""Makes the record of a walk that ends, for whoever asks later why it went as it did."""

import asyncio

from failsoft_model.errors import FailsoftError
from failsoft_model.events import Finished
from failsoft_model.walk import HopOutcome
from failsoft_router.app.explain.record import WalkEnd, WalkRecord
from failsoft_router.app.walks.next_hops import next_hops
from failsoft_router.app.walks.parts import Parts

CANCELLED = "CANCELLED"
"""The reason of a walk whose caller went away."""


def record(parts: Parts, end: Finished | BaseException) -> WalkRecord:
    """The walk of these parts, which ends now."""
    errand, hops, found = parts.errand, parts.trail.hops, parts.cache.found
    took = errand.clock.now() - errand.began
    walk = WalkRecord(
        walk_id=errand.walk_id,
        trace_id=parts.span.trace_id,
        request_id=errand.request.request_id,
        tenant=errand.tenant,
        asked_model=errand.request.model,
        streamed=errand.streams,
        route=parts.route.name,
        policy=errand.notes.policy,
        began=errand.began,
        began_unix=errand.clock.unix() - took,
        took=took,
        deadline=errand.given,
        patience=errand.patience,
        cache_status=found.status,
        cache_age=found.age,
        plan=parts.prospects.plan.hops,
        next_hops=tuple(next_hops(errand, parts.prospects, parts.board, hops)),
        hops=hops,
        looks=errand.notes.looks,
        events=errand.notes.events,
        end=_end(end),
        running=frozenset([hop.position for hop in hops if hop.outcome is HopOutcome.PROBING]),
    )
    # The walk knows its hops as it saw them; what its notes say of them came later.
    return walk.with_late(errand.notes.late.values())


def _end(end: Finished | BaseException) -> WalkEnd:
    match end:
        case Finished():
            return WalkEnd(finished=end)
        case FailsoftError():
            return WalkEnd(error_reason=end.reason, error_detail=end.message)
        case asyncio.CancelledError():
            return WalkEnd(error_reason=CANCELLED, error_detail="the caller went away")
        case _:
            return WalkEnd(error_reason=FailsoftError.reason, error_detail="an error of our own")
