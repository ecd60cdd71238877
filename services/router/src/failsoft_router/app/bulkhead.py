"""Bounded concurrency: so many calls of one target at once, a few more in a queue.

Without it one slow target holds every request of the process. A full bulkhead is a
skip with a reason: the next target is a better place to wait than a queue.
"""

import asyncio
from collections import deque

QUEUE_FACTOR = 2
"""Callers in the queue for each place, at most."""


class Bulkhead:
    """First come, first served; `leave` hands the place to the next in the queue."""

    def __init__(self, places: int) -> None:
        """
        Args:
            places: Calls at once; at least 1.
        """
        self.places = places
        self._inside = 0
        self._left = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def in_flight(self) -> int:
        """Calls that have a place."""
        return self._inside

    @property
    def full(self) -> bool:
        """Whoever comes now has to queue."""
        return self._inside >= self.places

    async def enter(self, *, within: float) -> bool:
        """Take a place, waiting for one at most `within` seconds.

        Returns:
            False: the queue is full, or no place came free in time.
        """
        if not self.full:
            self._inside += 1
            return True
        if within <= 0 or len(self._queue) >= QUEUE_FACTOR * self.places:
            return False
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(within):
                await turn
        except TimeoutError:
            # The place may have come in the very moment that the time was up.
            return self._has(turn)
        except asyncio.CancelledError:
            if self._has(turn):
                self.leave()
            raise
        return True

    def leave(self) -> None:
        """Give the place back."""
        while self._queue and self._inside <= self.places:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._inside -= 1

    def leave_behind(self, heard: "asyncio.Future[None]", *, most: int) -> bool:
        """Let a call go on inside that its walk waits for no more.

        Args:
            heard: Done when something has come of it.
            most: Calls that may be left at once.

        Returns:
            False: as many are left already, and this one has to end.
        """
        if self._left >= most:
            return False
        self._left += 1
        heard.add_done_callback(self._was_heard)
        return True

    def _was_heard(self, heard: "asyncio.Future[None]") -> None:
        self._left -= 1

    def _has(self, turn: asyncio.Future[None]) -> bool:
        """Whether the waiter got its place; one that did not leaves the queue."""
        if turn in self._queue:
            self._queue.remove(turn)
        return turn.done() and not turn.cancelled()
