"""Finds out how everything is, for whoever asks for the router's health."""

from collections.abc import Callable

from failsoft_kit.clock import Clock
from failsoft_router.app.health.neighbourhood import (
    Constancy,
    Neighbourhood,
    ServiceKind,
    ServiceState,
)
from failsoft_router.app.health.report import FirstContent, HealthReport, TargetHealth
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.place import Place
from failsoft_router.app.targets.reload import Standing
from failsoft_router.app.targets.state import state_of
from failsoft_router.core.recent_walks import RecentWalks
from failsoft_router.core.sight import Sight

_NAME = "router"
_SLOW_SHARE = 0.95


class Survey:
    """Makes reports; a report takes as long as a look at the neighbours, or no time."""

    def __init__(
        self,
        boards: Boards,
        neighbourhood: Neighbourhood,
        *,
        standing: Callable[[], Standing],
        serving: Callable[[], bool],
        recent: RecentWalks,
        clock: Clock,
    ) -> None:
        """
        Args:
            standing: Which policy is in force.
            serving: Whether this process takes requests.
        """
        self._boards = boards
        self._neighbourhood = neighbourhood
        self._standing = standing
        self._serving = serving
        self._recent = recent
        self._clock = clock
        self._began = clock.now()
        self._constancy = Constancy()
        self._router(self._began)

    async def report(self) -> HealthReport:
        """How it all is now."""
        neighbours = await self._neighbourhood.seen()
        now = self._clock.now()
        board = self._boards.current
        return HealthReport(
            now=now,
            began=self._began,
            policy=self._standing(),
            services=(self._router(now), *neighbours),
            targets=tuple([_target_health(place, now) for place in board.places()]),
            routes=board.policy.routes,
            walks=self._recent.counts(now),
        )

    def _router(self, now: float) -> ServiceState:
        """How this process is itself."""
        standing = self._standing()
        sight = Sight(
            ready=self._serving(), degraded=standing.refused is not None, why=str(standing)
        )
        return ServiceState(
            name=_NAME,
            kind=ServiceKind.ROUTER,
            sight=sight,
            since=self._constancy.since(_NAME, sight, now=now),
            looked_at=now,
        )


def _target_health(place: Place, now: float) -> TargetHealth:
    history = place.history
    return TargetHealth(
        state=state_of(place, now),
        first_content=FirstContent(
            usual=history.usual(),
            slow=history.share_within(_SLOW_SHARE),
            answers=history.answers,
        ),
    )
