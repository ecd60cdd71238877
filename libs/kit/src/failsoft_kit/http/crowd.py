"""How many connections a port keeps: when there are too many, the longest idle one gives way.

An idle connection costs its client a new one at most; one with a request under way is kept, and
when all have one, it is the newcomer that has to go.
"""

import asyncio
from typing import Protocol


class Guest(Protocol):
    """A connection, as far as its place is concerned."""

    def give_way(self) -> None:
        """End it; nobody waits for a reply."""


class Crowd:
    """The connections of one port."""

    def __init__(self, room: int) -> None:
        """
        Args:
            room: Connections that are kept at once.
        """
        self._room = room
        self._all: set[Guest] = set()
        self._idle: dict[Guest, None] = {}
        """The longest idle first."""
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def enter(self, guest: Guest) -> bool:
        """One is made, idle as yet. False: there is no room for it."""
        if len(self._all) >= self._room:
            if not self._idle:
                return False
            longest = next(iter(self._idle))
            self.leave(longest)
            longest.give_way()
        self._all.add(guest)
        self._is_empty.clear()
        self._idle[guest] = None
        return True

    async def wait_until_empty(self) -> None:
        """Until none is left."""
        await self._is_empty.wait()

    def rest(self, guest: Guest) -> None:
        """It has no request any more."""
        if guest in self._all:
            self._idle[guest] = None

    def work(self, guest: Guest) -> None:
        """A request has begun on it."""
        self._idle.pop(guest, None)

    def leave(self, guest: Guest) -> None:
        """It is closed."""
        self._all.discard(guest)
        if not self._all:
            self._is_empty.set()
        self._idle.pop(guest, None)
