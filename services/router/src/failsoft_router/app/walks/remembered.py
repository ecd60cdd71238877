"""Makes the record of a walk that ends, for whoever asks later why it went as it did."""

import asyncio

from failsoft_model.errors import FailsoftError
from failsoft_model.events import Finished
from failsoft_model.walk import CacheStatus, Hop, HopOutcome
from failsoft_router.app.explain.record import NextHop, WalkEnd, WalkRecord
from failsoft_router.app.hops.errand import Errand
from failsoft_router.core.plan import Plan

CANCELLED = "CANCELLED"
"""The reason of a walk whose caller went away."""


def record(
    errand: Errand,
    plan: Plan,
    hops: tuple[Hop, ...],
    *,
    next_hops: tuple[NextHop, ...],
    trace_id: str,
    cache_status: CacheStatus,
    cache_age: float | None,
    end: Finished | BaseException,
) -> WalkRecord:
    """A walk that ends now.

    Args:
        hops: As the walk knows them; what its notes say of them came later.
    """
    notes, took = errand.notes, errand.clock.now() - errand.began
    walk = WalkRecord(
        walk_id=errand.walk_id,
        trace_id=trace_id,
        request_id=errand.request.request_id,
        tenant=errand.tenant,
        asked_model=errand.request.model,
        streamed=errand.streams,
        route=plan.route.name,
        policy=notes.policy,
        began=errand.began,
        began_unix=errand.clock.unix() - took,
        took=took,
        deadline=errand.given,
        patience=errand.patience,
        cache_status=cache_status,
        cache_age=cache_age,
        plan=plan.hops,
        next_hops=next_hops,
        hops=hops,
        looks=notes.looks,
        events=notes.events,
        end=_end(end),
        running=frozenset([hop.position for hop in hops if hop.outcome is HopOutcome.PROBING]),
    )
    return walk.with_late(notes.late.values())


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
