"""Whether one walk may call one target now: its gates are asked here, in one place.

Twice for each call: before it waits for a place, so that nobody queues for a target that
is shut, and for the permit when it is about to be made, which is the last word.
"""

from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.walk import SkipReason
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.prospects import Prospects
from failsoft_router.app.targets.gates import Refusal
from failsoft_router.app.targets.place import Place
from failsoft_router.core import budget, retry
from failsoft_router.core.breaker import Permit, State
from failsoft_router.core.patience import Behind
from failsoft_router.core.plan import PlannedHop


@dataclass(slots=True, kw_only=True)
class Admission:
    """Asks for one walk whether one target may be called.

    Attributes:
        prospects: The walk's.
        behind: Hops after this one that may be tried, as of the last `look_ahead`.
    """

    place: Place
    errand: Errand
    planned: PlannedHop
    prospects: Prospects
    clock: Clock
    behind: tuple[PlannedHop, ...] = ()

    def look_ahead(self) -> None:
        """Take the plan as it is now; what a walk hears may change it."""
        self.behind = self.prospects.plan.behind(self.planned)

    @property
    def last_resort(self) -> bool:
        """The breaker may be overridden: nobody else can answer."""
        return self.planned.last_resort

    def refusal(self, *, attempts: int, has_permit: bool = False) -> Refusal | None:
        """A gate that is shut for certain; None: the last word is the permit's.

        Args:
            attempts: Made at this hop so far.
            has_permit: The walk holds the breaker's already.
        """
        now, place = self.clock.now(), self.place
        refusal = place.gates.refusal(fingerprint=place.fingerprint, now=now)
        if refusal is not None:
            return refusal
        cut_off = place.egress.due_in(now)
        if cut_off > 0 and place.host:
            return Refusal(
                reason=SkipReason.SAME_FATE,
                detail="no provider can be reached: our own way out of the network is down",
                due_in=cut_off,
            )
        if self.errand.targets >= retry.MAX_HOPS and not attempts:
            return _ENOUGH_TARGETS
        if self.errand.attempts >= retry.MAX_ATTEMPTS:
            return _ENOUGH_ATTEMPTS
        wait = self.kept_out_for(now)
        if wait > 0:
            return Refusal(
                reason=SkipReason.CIRCUIT_OPEN,
                detail=f"its breaker is open, the next probe may go in {wait:.1f} s",
                due_in=wait,
            )
        if not has_permit and self._are_probes_out(now):
            return _PROBES_OUT
        if self._is_one_probe_too_many(now):
            return _ENOUGH_PROBES
        if place.is_being_settled and not self.last_resort and self.later_is_well:
            return _SILENT
        return None if self.slice is not None else _LATE

    def permit(self) -> Permit | Refusal:
        """The breaker's leave for one call, which has to be handed back to it."""
        now, health = self.clock.now(), self.place.gates.health
        if self.slice is None:
            return _LATE
        if self._is_one_probe_too_many(now):
            return _ENOUGH_PROBES
        permit = health.ask(now)
        if permit is None and self.last_resort:
            permit = health.force(now)
        return permit or _PROBES_OUT

    def kept_out_for(self, now: float) -> float:
        """Seconds for which the breaker lets nobody through; 0: it may let this walk."""
        due_in = self.place.gates.health.due_in(now)
        return due_in if due_in > 0 and not self.last_resort else 0.0

    @property
    def slice(self) -> float | None:
        """Seconds that the walk can give the target; None: too few for any call.

        Those behind are kept time for; if that leaves the target less than its own limit,
        only those that will not be shut when their turn comes.
        """
        left = self.errand.to_first_content()
        slice_ = budget.first_content_limit(left, limit=left, behind=self.behind)
        if slice_ is not None and slice_ >= self.place.policy.limits.first_content:
            return slice_
        behind = self.prospects.with_a_turn(self.behind, within=budget.last_turn(left))
        return budget.first_content_limit(left, limit=left, behind=behind)

    def who_is_behind(self, *, within: float) -> Behind:
        """Who could answer instead, in so many seconds."""
        return self.prospects.behind(self.behind, within=within)

    @property
    def later_admits(self) -> bool:
        """Whether a target behind this hop would be let through now."""
        return self.prospects.any_admits(self.behind)

    @property
    def later_is_well(self) -> bool:
        """Whether one of them may be hoped for, and is not on trial itself."""
        return self.prospects.any_is_well(self.behind)

    def _are_probes_out(self, now: float) -> bool:
        health = self.place.gates.health
        return health.is_shut(now) and (not self.last_resort or health.forced_out)

    def _is_one_probe_too_many(self, now: float) -> bool:
        """It would run beside a call that somebody else answers, and enough of its kind do.

        Where nobody else is well, a probe is the caller's own call, and nothing extra.
        """
        place = self.place
        if place.gates.health.state is State.CLOSED:
            return False
        return not place.probes.allows(now) and self.later_is_well


FULL = Refusal(
    reason=SkipReason.BULKHEAD,
    detail="it has as many calls, or tokens, in flight as it may",
    due_in=0.0,
)
_ENOUGH_TARGETS = Refusal(
    reason=SkipReason.BUDGET, detail="the request has tried as many targets as it may", due_in=0.0
)
_ENOUGH_ATTEMPTS = Refusal(
    reason=SkipReason.BUDGET, detail="the request has made as many calls as it may", due_in=0.0
)
_LATE = Refusal(reason=SkipReason.DEADLINE, detail="too little time is left", due_in=0.0)
_PROBES_OUT = Refusal(
    reason=SkipReason.CIRCUIT_OPEN,
    detail="its breaker is half-open and the probes are out",
    due_in=0.0,
)
_SILENT = Refusal(
    reason=SkipReason.CIRCUIT_OPEN,
    detail="it has fallen silent, and enough calls are out to open its breaker",
    due_in=0.0,
)
_ENOUGH_PROBES = Refusal(
    reason=SkipReason.CIRCUIT_OPEN,
    detail="its breaker is open, and enough of its probes have run beside other calls",
    due_in=0.0,
)
