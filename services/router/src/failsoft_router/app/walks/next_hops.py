"""What would have kept the hops out that a walk did not reach: as it would have judged itself."""

from collections.abc import Iterator

from failsoft_model.walk import Hop
from failsoft_router.app.explain.record import NextHop
from failsoft_router.app.hops.admission import Admission
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.prospects import Prospects
from failsoft_router.app.targets.board import Board
from failsoft_router.core.plan import HopKind, PlannedHop


def next_hops(
    errand: Errand, prospects: Prospects, board: Board, hops: tuple[Hop, ...]
) -> Iterator[NextHop]:
    """Those of the plan that were not looked at, and would not have been tried either.

    Args:
        hops: As they ended; the walk is over.
    """
    looked_at = {hop.position for hop in hops}
    for planned in prospects.plan.hops:
        if planned.position in looked_at:
            continue
        if planned.skip is not None:
            yield NextHop(
                position=planned.position, skip_reason=planned.skip, detail=planned.detail
            )
        elif planned.kind is HopKind.TARGET:
            kept_out = _kept_out(planned, errand, prospects, board)
            if kept_out is not None:
                yield kept_out


def _kept_out(
    planned: PlannedHop, errand: Errand, prospects: Prospects, board: Board
) -> NextHop | None:
    place, clock = board.place(planned.name), errand.clock
    if place.is_well(clock.now()):
        return None
    admission = Admission(
        place=place, errand=errand, planned=planned, prospects=prospects, clock=clock
    )
    admission.look_ahead()
    refusal = admission.refusal(attempts=0)
    if refusal is None:
        return None
    return NextHop(
        position=planned.position,
        skip_reason=refusal.reason,
        detail=refusal.detail,
        due_in=refusal.due_in if refusal.due_in > 0 else None,
    )
