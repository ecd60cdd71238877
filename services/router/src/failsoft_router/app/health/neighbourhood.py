"""How the services are that the router calls: looked at while somebody asks, never for a walk.

A look goes to all of them at once and takes `LOOK_SECONDS` at most; what it saw is told again
for `FRESH_SECONDS`. Who asks while a look is under way waits for that one, so each service is
asked once in that time, however many ask.
"""

import asyncio
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import Boards
from failsoft_router.core.policy import CACHE_HOP
from failsoft_router.core.sight import Sight
from failsoft_router.ports import Neighbour

LOOK_SECONDS = 1.0
FRESH_SECONDS = 5.0


class ServiceKind(enum.Enum):
    """What a service does."""

    ROUTER = "router"
    CACHE = "cache"
    INFERENCE = "inference"
    """It answers: local-llm, or another router."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """A service as it was seen.

    Attributes:
        name: Of one that answers, the target's.
        since: The moment from which on every look saw it as ready, and as degraded, as now.
        looked_at: The moment of the last look.
    """

    name: str
    kind: ServiceKind
    sight: Sight
    since: float
    looked_at: float


class Constancy:
    """Since when each service has been as it is."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bool, bool, float]] = {}

    def since(self, name: str, sight: Sight, *, now: float) -> float:
        """The moment from which on `name` has been seen like this."""
        ready, degraded, since = self._known.get(name, (sight.ready, sight.degraded, now))
        if (ready, degraded) != (sight.ready, sight.degraded):
            since = now
        self._known[name] = (sight.ready, sight.degraded, since)
        return since

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget every other one."""
        self._known = {name: self._known[name] for name in names if name in self._known}


class Neighbourhood:
    """The services that the router calls in its own network."""

    def __init__(self, boards: Boards, *, cache: Neighbour | None, clock: Clock) -> None:
        """
        Args:
            cache: None: there is none.
        """
        self._boards = boards
        self._cache = cache
        self._clock = clock
        self._turn = asyncio.Lock()
        self._seen: tuple[ServiceState, ...] = ()
        self._looked_at: float | None = None
        self._constancy = Constancy()

    async def seen(self) -> tuple[ServiceState, ...]:
        """How all of them were `FRESH_SECONDS` ago or later; the cache is the first."""
        async with self._turn:
            now = self._clock.now()
            if self._looked_at is None or now - self._looked_at >= FRESH_SECONDS:
                self._seen = await self._look()
                self._looked_at = now
        return self._seen

    async def _look(self) -> tuple[ServiceState, ...]:
        with self._boards.hold() as board:
            found = list(self._neighbours(board))
            async with asyncio.TaskGroup() as tasks:
                looks = [
                    tasks.create_task(neighbour.look(within=LOOK_SECONDS))
                    for _, _, neighbour in found
                ]
        now = self._clock.now()
        self._constancy.keep_only([name for name, _, _ in found])
        return tuple(
            [
                ServiceState(
                    name=name,
                    kind=kind,
                    sight=look.result(),
                    since=self._constancy.since(name, look.result(), now=now),
                    looked_at=now,
                )
                for (name, kind, _), look in zip(found, looks, strict=True)
            ]
        )

    def _neighbours(self, board: Board) -> Iterator[tuple[str, ServiceKind, Neighbour]]:
        if self._cache is not None:
            yield CACHE_HOP, ServiceKind.CACHE, self._cache
        for place in board.places():
            # One outside is a provider like others: what is known of it is known by calls.
            if not place.policy.external and isinstance(place.target, Neighbour):
                yield place.policy.name, ServiceKind.INFERENCE, place.target
