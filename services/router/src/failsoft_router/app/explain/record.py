"""What is remembered of a walk that has ended: facts for whoever asks why.

Its parts are those that the walk has made already; none is copied. Of question and answer
there is nothing but lengths.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from failsoft_model.events import Finished
from failsoft_model.walk import CacheStatus, Hop, SkipReason
from failsoft_router.app.explain.notes import AnswerEvent, Look
from failsoft_router.core.plan import PlannedHop

_COST = 1500
_COST_OF_HOP = 400
_COST_OF_LOOK = 500
_COST_OF_ATTEMPT = 300
"""Bytes, rounded up from what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """A hop that a walk did not reach, and what would have kept it out.

    Attributes:
        due_in: Seconds for which it would; None where no time alone opens it.
    """

    position: int
    skip_reason: SkipReason
    detail: str
    due_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkEnd:
    """How a walk ended.

    Attributes:
        finished: None: with an error.
        error_reason: Empty with an answer.
        error_detail: In words, as the caller was told.
    """

    finished: Finished | None = None
    error_reason: str = ""
    error_detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkRecord:
    """One walk.

    Attributes:
        trace_id: Empty: it was not traced.
        asked_model: Empty: the default route's.
        policy: Digest.
        began: Moment of the clock.
        began_unix: The same, in seconds since 1970.
        took: Seconds.
        deadline: Seconds that the caller was going to wait; None: it had no deadline.
        patience: Seconds that the route gives such a caller's answer to its first content.
        cache_age: Seconds; None: no stored answer was found.
        next_hops: Those of the plan that it did not reach and would not have tried.
        looks: By the position of the hop.
        running: Positions of hops whose calls it left behind, and that have not ended.
    """

    walk_id: str
    trace_id: str
    request_id: str
    tenant: str
    asked_model: str
    streamed: bool
    route: str
    policy: str
    began: float
    began_unix: float
    took: float
    deadline: float | None
    patience: float
    cache_status: CacheStatus
    cache_age: float | None
    plan: tuple[PlannedHop, ...]
    next_hops: tuple[NextHop, ...]
    hops: tuple[Hop, ...]
    looks: dict[int, Look]
    events: Sequence[AnswerEvent]
    end: WalkEnd
    running: frozenset[int] = frozenset()

    @property
    def cost(self) -> int:
        """Bytes that it takes in memory, about."""
        attempts = sum(len(hop.attempts) for hop in self.hops)
        details = sum(len(hop.detail) for hop in self.hops) + len(self.end.error_detail)
        return (
            _COST
            + _COST_OF_HOP * (len(self.hops) + len(self.next_hops))
            + _COST_OF_LOOK * len(self.looks)
            + _COST_OF_ATTEMPT * (attempts + len(self.events))
            + 2 * details
        )

    def with_late(self, late: Iterable[Hop]) -> "WalkRecord":
        """The same walk, once calls that it left behind are over; what it saw itself stays."""
        ended = {hop.position: hop for hop in late if hop.position in self.running}
        if not ended:
            return self
        hops = tuple(ended.get(hop.position, hop) for hop in self.hops)
        return replace(self, hops=hops, running=self.running - ended.keys())
