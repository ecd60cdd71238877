"""Which hops a walk did not reach, and what would have become of them: as it would have judged."""

from collections.abc import Iterator

from failsoft_model.walk import Hop
from failsoft_router.app.admission import Admission
from failsoft_router.app.board import Board
from failsoft_router.app.errand import Errand
from failsoft_router.app.prospects import Prospects
from failsoft_router.app.walk_record import NextHop
from failsoft_router.core.plan import HopKind, PlannedHop


def next_hops(
    errand: Errand, prospects: Prospects, board: Board, hops: tuple[Hop, ...]
) -> Iterator[NextHop]:
    """Every hop of the plan that is not among those that were looked at.

    Args:
        hops: As they ended; the walk is over.
    """
    looked_at = {hop.position for hop in hops}
    for planned in prospects.plan.hops:
        if planned.position not in looked_at:
            yield _next(planned, errand, prospects, board)


def _next(planned: PlannedHop, errand: Errand, prospects: Prospects, board: Board) -> NextHop:
    position = planned.position
    if planned.skip is not None:
        return NextHop(position=position, skip_reason=planned.skip, detail=planned.detail)
    if planned.kind is not HopKind.TARGET:
        return NextHop(position=position)
    place, clock = board.place(planned.name), errand.clock
    if place.is_well(clock.now()):
        return NextHop(position=position)
    admission = Admission(
        place=place, errand=errand, planned=planned, prospects=prospects, clock=clock
    )
    admission.look_ahead()
    refusal = admission.refusal(attempts=0)
    if refusal is None:
        return NextHop(position=position)
    return NextHop(
        position=position,
        skip_reason=refusal.reason,
        detail=refusal.detail,
        due_in=refusal.due_in if refusal.due_in > 0 else None,
    )
