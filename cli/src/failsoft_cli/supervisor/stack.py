"""All services together: started at once, ended tier by tier."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from failsoft_cli.supervisor.keeper import Condition, Keeper, OnChange, Service
from failsoft_kit.clock import Clock

Tiers = Sequence[Sequence[Service]]
"""Services in the order of ending: those that call others before those that are called."""


class Stack:
    """The services that run; get one from `running`."""

    def __init__(
        self, tiers: Tiers, *, tasks: asyncio.TaskGroup, clock: Clock, on_change: OnChange
    ) -> None:
        self._tiers = tiers
        self._tasks = tasks
        self._clock = clock
        self._on_change = on_change
        self._keepers: dict[str, Keeper] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    @property
    def keepers(self) -> Sequence[Keeper]:
        """One for each service, in the order of starting."""
        return tuple(self._keepers.values())

    @property
    def given_up(self) -> Sequence[Keeper]:
        """Those that died and are not started again."""
        return [each for each in self.keepers if each.condition is Condition.GIVEN_UP]

    def keeper(self, name: str) -> Keeper:
        """The one of that service."""
        return self._keepers[name]

    def start(self, name: str) -> None:
        """Start a service that doesn't run."""
        service = next(each for each in _flat(self._tiers) if each.name == name)
        keeper = Keeper(service, clock=self._clock, on_change=self._note)
        self._keepers[name] = keeper
        self._keeping[name] = self._tasks.create_task(keeper.keep())

    async def stop(self, name: str) -> None:
        """End a service; returns when its process is gone."""
        self._keepers[name].stop()
        await asyncio.wait([self._keeping[name]])

    async def stop_all(self) -> None:
        """End all services, tier by tier."""
        for tier in self._tiers:
            for each in tier:
                self._keepers[each.name].stop()
            await asyncio.wait([self._keeping[each.name] for each in tier])

    def hurry(self) -> None:
        """Tell all that are ending to drop what they still do."""
        for keeper in self.keepers:
            keeper.hurry()

    async def until_settled(self) -> None:
        """Until all are ready or one is given up."""
        await self._until(lambda: bool(self.given_up) or self._all_ready())

    async def until_ready(self, name: str) -> None:
        """Until that service is ready or one, whichever, is given up."""
        await self._until(
            lambda: bool(self.given_up) or self.keeper(name).condition is Condition.READY
        )

    async def until_given_up(self) -> None:
        """Until one has died that is not started again."""
        await self._until(lambda: bool(self.given_up))

    def _all_ready(self) -> bool:
        return all(each.condition is Condition.READY for each in self.keepers)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._changed.wait()

    def _note(self, keeper: Keeper) -> None:
        self._on_change(keeper)
        self._changed.set()
        self._changed = asyncio.Event()


@asynccontextmanager
async def running(tiers: Tiers, *, clock: Clock, on_change: OnChange) -> AsyncIterator[Stack]:
    """Every service as a process of its own while the block runs; all are gone after it."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        stack = Stack(tiers, tasks=tasks, clock=clock, on_change=on_change)
        for service in reversed(list(_flat(tiers))):
            stack.start(service.name)
        try:
            yield stack
        except Exception as error:
            # Not through the task group, which would wrap it.
            failure = error
        finally:
            await stack.stop_all()
    if failure is not None:
        raise failure


def _flat(tiers: Tiers) -> Iterable[Service]:
    return (service for tier in tiers for service in tier)
