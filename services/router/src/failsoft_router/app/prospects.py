"""Which targets of a plan could still answer, as their gates stand now."""

from collections.abc import Iterable

from failsoft_kit.clock import Clock
from failsoft_model.walk import Hop, SkipReason
from failsoft_router.app.board import Board
from failsoft_router.core.breaker import State
from failsoft_router.core.outcome import may_pass
from failsoft_router.core.plan import HopKind, Plan, PlannedHop, after_too_long


class Prospects:
    """What one walk may still hope for.

    Attributes:
        plan: As it stands now.
    """

    def __init__(self, plan: Plan, board: Board, *, clock: Clock) -> None:
        self.plan = plan
        self._board = board
        self._clock = clock
        self._last_resort: str | None = None

    def was_too_long_for(self, name: str) -> None:
        """This target found that the request does not fit into its context."""
        self.plan = after_too_long(self.plan, name, self._board.policy)

    def any_admits(self, hops: Iterable[PlannedHop]) -> bool:
        """Whether one of these targets would be let through now."""
        now = self._clock.now()
        return any(
            self._board.place(hop.name).due_in(now) <= 0
            for hop in hops
            if hop.kind is HopKind.TARGET
        )

    def any_is_well(self, hops: Iterable[PlannedHop]) -> bool:
        """Whether one of these targets would be let through now, and not as a probe."""
        now = self._clock.now()
        places = [self._board.place(hop.name) for hop in hops if hop.kind is HopKind.TARGET]
        return any(
            place.gates.health.state is State.CLOSED and place.due_in(now) <= 0 for place in places
        )

    def is_last_resort(self, name: str) -> bool:
        """Whether nobody can answer unless this target's breaker is overridden.

        Every target that may be tried is kept out by its breaker, nothing stands behind
        them, and this is the one that is due soonest. There is one such target a walk.
        """
        if self._last_resort is None:
            self._last_resort = self._find_last_resort()
        return name == self._last_resort

    def soonest(self, hops: Iterable[Hop]) -> float | None:
        """Seconds until a target may be tried with some hope; None: waiting changes nothing.

        Args:
            hops: As they ended; who refused what every such request is refused for is out.
        """
        hopeless = {hop.target for hop in hops if hop.error_class and not may_pass(hop.error_class)}
        names = [
            hop.name
            for hop in self.plan.hops
            if hop.kind is HopKind.TARGET and hop.skip is None and hop.name not in hopeless
        ]
        return self._board.soonest(names, now=self._clock.now()) if names else None

    def were_cut_off(self, hops: Iterable[Hop]) -> bool:
        """Whether our own way out of the network is down, and kept one of these hops from it."""
        if not self._board.egress.down(self._clock.now()):
            return False
        outside = {place.policy.name for place in self._board.places() if place.host}
        return any(
            hop.target in outside
            and (hop.skip_reason is SkipReason.SAME_FATE or hop.error_class is not None)
            for hop in hops
        )

    def _find_last_resort(self) -> str | None:
        open_hops = [hop for hop in self.plan.hops if hop.skip is None]
        if any(hop.kind is not HopKind.TARGET for hop in open_hops):
            return None
        now = self._clock.now()
        waits = {hop.name: self._board.place(hop.name).ill_for(now) for hop in open_hops}
        if not all(wait > 0 for wait in waits.values()):
            return None
        return min(waits, key=waits.__getitem__, default=None)
