"""Keeps the endpoints of targets up to date, as long as calls may go to them.

What is known of a target's endpoints has the key of its health, so it survives a reload
that changes anything else of the target. Targets of one service share its watch.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial

from failsoft_kit.clock import Clock
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import MakeBoard
from failsoft_router.app.targets.gates import Gates
from failsoft_router.core.egress import Addresses
from failsoft_router.core.endpoints import Endpoints, Sighting
from failsoft_router.core.policy import Policy, TargetPolicy
from failsoft_router.core.service_address import ServiceAddress, service_address
from failsoft_router.ports import EndpointSource


class Watched:
    """The endpoints of a target, watched as long as somebody follows them."""

    def __init__(
        self,
        service: ServiceAddress,
        *,
        over: Callable[[], None],
        let_in: Callable[[Endpoints, float], None],
    ) -> None:
        """
        Args:
            over: Called when the last follower has left.
            let_in: Called with the moment at which one of them takes calls where none did.
        """
        self.service = service
        self.endpoints = Endpoints()
        self._over = over
        self._let_in = let_in
        self._followers: set[Callable[[], None]] = set()

    @contextmanager
    def changing(self, now: float) -> Iterator[None]:
        """Around whatever may have an endpoint take calls where none did."""
        took_calls = self.endpoints.takes_calls(now)
        yield
        if not took_calls and self.endpoints.takes_calls(now):
            self._let_in(self.endpoints, now)

    def follow(self, changed: Callable[[], None]) -> None:
        """Have `changed` called when there may be others."""
        self._followers.add(changed)

    def leave(self, changed: Callable[[], None]) -> None:
        """Who followed wants to know no more."""
        self._followers.discard(changed)
        if not self._followers:
            self._over()

    def tell(self) -> None:
        """There may be others."""
        for changed in tuple(self._followers):
            changed()


class EndpointWatch:
    """Every target's endpoints in this replica; `run` is its background work."""

    def __init__(self, source: EndpointSource, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._watched: dict[Hashable, Watched] = {}
        self._last: dict[ServiceAddress, Sighting] = {}
        self._board: Board | None = None
        self._changed = asyncio.Event()

    def of(self, target: TargetPolicy) -> Watched | None:
        """The endpoints of this target; None: it names no service that can be watched."""
        service = service_address(target.endpoint)
        if service is None:
            return None
        key = target.health_key
        found = self._watched.get(key)
        if found is None:
            over = partial(self._forget, key)
            found = self._watched[key] = Watched(service, over=over, let_in=self._let_in)
            if service in self._last:
                found.endpoints.adopt(self._last[service], now=self._clock.now())
            self._changed.set()
        return found

    def following(self, make: MakeBoard) -> MakeBoard:
        """Makes boards as `make` does, and knows the latest: its breakers are told."""

        def made(policy: Policy, addresses: Addresses) -> Board:
            self._board = board = make(policy, addresses)
            return board

        return made

    async def run(self) -> None:
        """Watch until cancelled."""
        watches: dict[ServiceAddress, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                wanted = {each.service for each in self._watched.values()}
                for service in watches.keys() - wanted:
                    watches.pop(service).cancel()
                    self._last.pop(service, None)
                for service in wanted - watches.keys():
                    watches[service] = tasks.create_task(self._follow(service))
                await self._changed.wait()

    async def _follow(self, service: ServiceAddress) -> None:
        async with aclosing(self._source.follow(service)) as sights:
            async for seen in sights:
                self._last[service] = seen
                self._adopt(service, seen)

    def _adopt(self, service: ServiceAddress, seen: Sighting) -> None:
        now = self._clock.now()
        for watched in self._watched.values():
            if watched.service != service:
                continue
            with watched.changing(now):
                is_there_again = watched.endpoints.adopt(seen, now=now)
            if is_there_again:
                self._look_again(watched.endpoints, now)
            watched.tell()

    def _forget(self, key: Hashable) -> None:
        del self._watched[key]
        self._changed.set()

    def _look_again(self, endpoints: Endpoints, now: float) -> None:
        """There is somebody again: what opened the breaker is not there any more."""
        for gates in self._gates_of(endpoints):
            gates.health.look_again(now)

    def _let_in(self, endpoints: Endpoints, now: float) -> None:
        """Want of room shut the quota, and there is one now that takes calls."""
        for gates in self._gates_of(endpoints):
            gates.quota.open(now)

    def _gates_of(self, endpoints: Endpoints) -> Iterator[Gates]:
        for place in () if self._board is None else self._board.places():
            if place.gates.endpoints is endpoints:
                yield place.gates
