"""Tells whoever watches how the targets are, at once and whenever that has changed.

Gates open by time alone, and nobody announces that, so the targets are looked at: four
times a second, once for all who watch, and not at all while nobody does.
"""

import asyncio
from collections.abc import AsyncGenerator

from failsoft_kit.clock import Clock
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.state import TargetState, state_of
from failsoft_router.app.telling.audience import Audience, Follower

LOOK_SECONDS = 0.25

States = tuple[TargetState, ...]


class TargetWatch:
    """Looks at the targets for those who watch; `run` is its background work."""

    def __init__(self, boards: Boards, *, clock: Clock) -> None:
        self._boards = boards
        self._clock = clock
        self._seen: States = ()
        self._audience: Audience[Follower] = Audience()

    def now(self) -> States:
        """Every target of the policy in force, in its order."""
        now = self._clock.now()
        return tuple([state_of(place, now) for place in self._boards.current.places()])

    async def changes(self) -> AsyncGenerator[States, None]:
        """What `now` says, and what it says whenever it says something else.

        A slow reader is given the latest only.

        Raises:
            Overloaded: Too many watch already.
            ShuttingDown: The process drains.
        """
        watcher = Follower()
        with self._audience.seat(watcher):
            if len(self._audience.present) == 1:
                self._look()
            told: States | None = None
            while True:
                if told is self._seen:
                    await self._audience.news_for(watcher)
                else:
                    told = self._seen
                    yield told

    async def run(self) -> None:
        """Look while somebody watches, until cancelled."""
        while True:
            await self._audience.anybody()
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    def close(self) -> None:
        """Those who watch have to go."""
        self._audience.close()

    def _look(self) -> None:
        seen = self.now()
        if seen != self._seen:
            self._seen = seen
            self._audience.wake()
