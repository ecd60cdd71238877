"""Which targets of a plan could still answer, as their gates stand now."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from failsoft_kit.clock import Clock
from failsoft_model.walk import Hop, HopOutcome, SkipReason
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.place import Place
from failsoft_router.core.outcome import may_pass
from failsoft_router.core.patience import Behind
from failsoft_router.core.plan import HopKind, Plan, PlannedHop, after_too_long

_SHUT = frozenset(
    {
        SkipReason.CIRCUIT_OPEN,
        SkipReason.ISOLATED,
        SkipReason.QUOTA,
        SkipReason.CREDENTIAL_QUARANTINE,
        SkipReason.TARGET_GONE,
        SkipReason.SAME_FATE,
        SkipReason.NO_READY_ENDPOINT,
    }
)
"""Skips for a gate that kept everybody out, and that opens again."""


class Prospects:
    """What one walk may still hope for.

    Attributes:
        plan: As it stands now.
    """

    def __init__(self, plan: Plan, board: Board, *, clock: Clock) -> None:
        self.plan = plan
        self._board = board
        self._clock = clock

    def was_too_long_for(self, name: str) -> None:
        """This target found that the request does not fit into its context."""
        self.plan = after_too_long(self.plan, name, self._board.policy)

    def any_admits(self, hops: Iterable[PlannedHop]) -> bool:
        """Whether one of these targets would be let through now."""
        now = self._clock.now()
        return any(
            self._board.place(hop.name).admits(now) for hop in hops if hop.kind is HopKind.TARGET
        )

    def any_is_well(self, hops: Iterable[PlannedHop]) -> bool:
        """Whether one of these targets may be hoped for now, and is not on trial itself."""
        now = self._clock.now()
        return any(
            self._board.place(hop.name).is_well(now) for hop in hops if hop.kind is HopKind.TARGET
        )

    def behind(self, hops: Iterable[PlannedHop], *, within: float) -> Behind:
        """The best that may be hoped for from these hops in so many seconds."""
        now, best = self._clock.now(), Behind.NOBODY
        for hop in hops:
            place = self._board.place(hop.name) if hop.kind is HopKind.TARGET else None
            if place is not None and place.is_well(now):
                return Behind.WELL
            if place is not None and place.admits(now, within=within):
                best = Behind.ON_TRIAL
            elif best is Behind.NOBODY:
                best = Behind.SOMEBODY
        return best

    def with_a_turn(self, hops: Iterable[PlannedHop], *, within: float) -> Iterator[PlannedHop]:
        """Those of these hops that are not shut for longer than so many seconds."""
        now = self._clock.now()
        for hop in hops:
            if hop.kind is not HopKind.TARGET or self._board.place(hop.name).due_in(now) <= within:
                yield hop

    def reopened(self, hops: Collection[Hop]) -> PlannedHop | None:
        """One more hop: a target that was passed over for a gate that is open by now.

        Args:
            hops: As they ended, with nothing.
        """
        now = self._clock.now()
        passed_over = {hop.target for hop in hops if hop.skip_reason in _SHUT}
        for name, place in self._places():
            if name in passed_over and not place.is_shut(now):
                return _one_more(name, hops)
        return None

    def last_resort(self, hops: Collection[Hop]) -> PlannedHop | None:
        """One more hop, where every target that may be tried is shut: its breaker is overridden.

        The one due soonest of those that nothing but the breaker shuts. Who was tried in
        this walk has had its call.

        Args:
            hops: As they ended, with nothing.
        """
        now, places = self._clock.now(), self._places()
        if not all(place.is_shut(now) for _, place in places):
            return None
        tried = {hop.target for hop in hops if hop.outcome is not HopOutcome.SKIPPED}
        waits = {
            name: place.gates.health.due_in(now)
            for name, place in places
            if name not in tried and place.may_be_forced(now)
        }
        if not waits:
            return None
        return replace(_one_more(min(waits, key=waits.__getitem__), hops), last_resort=True)

    def _places(self) -> list[tuple[str, Place]]:
        """The targets that may be tried."""
        return [
            (hop.name, self._board.place(hop.name))
            for hop in self.plan.hops
            if hop.kind is HopKind.TARGET and hop.skip is None
        ]

    def soonest(self, hops: Iterable[Hop]) -> float | None:
        """Seconds until a target may be tried with some hope; None: waiting changes nothing.

        Args:
            hops: As they ended; who refused what every such request is refused for is out.
        """
        hopeless = {hop.target for hop in hops if hop.error_class and not may_pass(hop.error_class)}
        now = self._clock.now()
        waits = (place.due_in(now) for name, place in self._places() if name not in hopeless)
        return min(waits, default=None)

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


def _one_more(name: str, hops: Collection[Hop]) -> PlannedHop:
    return PlannedHop(position=len(hops) + 1, name=name, kind=HopKind.TARGET)
