"""Bounded concurrency: so many calls and tokens of one target at once, a few more in a queue.

Without it one slow target holds every request of the process. A full bulkhead is a
skip with a reason: the next target is a better place to wait than a queue.
"""

import asyncio
from collections import deque

QUEUE_FACTOR = 2
"""Callers in the queue for each place, at most."""


class Bulkhead:
    """First come, first served; `leave` lets in who is next in the queue, and has room."""

    def __init__(self, places: int, *, most_tokens: int = 0) -> None:
        """
        Args:
            places: Calls at once; at least 1.
            most_tokens: Of all calls together; 0: not limited. A call that is larger than
                that by itself goes alone.
        """
        self.places = places
        self.most_tokens = most_tokens
        self._inside = 0
        self._tokens = 0
        self._left = 0
        self._queue: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def in_flight(self) -> int:
        """Calls that have a place."""
        return self._inside

    @property
    def tokens_in_flight(self) -> int:
        """Those of all these calls, as they were entered with."""
        return self._tokens

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whoever comes now has to queue."""
        return bool(self._queue) or not self._has_room(1)

    async def enter(self, *, within: float, tokens: int = 0) -> bool:
        """Take a place, waiting for one at most `within` seconds.

        Args:
            tokens: Of the request and the longest answer that it allows.

        Returns:
            False: the queue is full, or no place came free in time.
        """
        if not self._queue and self._has_room(tokens):
            self._take(tokens)
            return True
        if within <= 0 or len(self._queue) >= QUEUE_FACTOR * self.places:
            return False
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((turn, tokens))
        try:
            async with asyncio.timeout(within):
                await turn
        except TimeoutError:
            # The place may have come in the very moment that the time was up.
            return self._has(turn)
        except asyncio.CancelledError:
            if self._has(turn):
                self.leave(tokens=tokens)
            raise
        return True

    def leave(self, *, tokens: int = 0) -> None:
        """Give the place back.

        Args:
            tokens: As many as it was entered with.
        """
        self._inside -= 1
        self._tokens -= tokens
        self._let_in()

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

    def _has_room(self, tokens: int) -> bool:
        if self._inside >= self.places:
            return False
        return not (self.most_tokens and self._inside) or (
            self._tokens + tokens <= self.most_tokens
        )

    def _take(self, tokens: int) -> None:
        self._inside += 1
        self._tokens += tokens

    def _let_in(self) -> None:
        """Give those who wait their places, in order, as far as there is room."""
        while self._queue and self._has_room(self._queue[0][1]):
            turn, tokens = self._queue.popleft()
            if not turn.done():
                self._take(tokens)
                turn.set_result(None)

    def _has(self, turn: asyncio.Future[None]) -> bool:
        """Whether the waiter got its place; one that did not leaves the queue."""
        if turn.done() and not turn.cancelled():
            return True
        self._queue = deque(waiting for waiting in self._queue if waiting[0] is not turn)
        # It may have been the one that was too large, with smaller ones behind it.
        self._let_in()
        return False
