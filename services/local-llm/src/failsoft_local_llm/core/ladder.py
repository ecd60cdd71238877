"""Which of several models is to be started next: the best first, the smallest last.

    best --cannot be loaded, or keeps dying--> next lower one, at once
    last --cannot be loaded, or keeps dying--> best, after a delay that grows
    a lower one serves --every so often, or when asked to--> the better ones are tried beside it

A model that has served and died is started again after a delay, for the best one too has its
bad moments; after `TRIES` deaths in a row, none of which was after a minute of service, it is
given up like one that cannot be loaded.
"""

import math

from failsoft_local_llm.core import backoff

TRIES = 3


class Ladder:
    """The state of it. Not thread-safe: call it from one event loop."""

    def __init__(self, length: int, *, retry_seconds: float) -> None:
        """
        Args:
            length: Models, the best of them number 0; at least 1.
            retry_seconds: How long a lower one serves before the better ones are tried again.
        """
        self._length = length
        self._retry_seconds = retry_seconds
        self._failures = 0
        self._rounds = 0
        self.rung = 0
        """The model that serves or is to be started."""
        self.climb_at = math.inf
        """When the better ones are to be tried again; `math.inf`: there are none."""

    def serves(self, rung: int, *, now: float) -> None:
        """That model has been loaded."""
        if rung != self.rung:
            self._failures = 0
        self.rung = rung
        self._rounds = 0
        self.climb_at = math.inf if rung == 0 else now + self._retry_seconds

    def failed(self, *, served_seconds: float | None) -> float:
        """The model of this rung has ended; `rung` is now the one to start.

        Args:
            served_seconds: How long it has served; None: it could not even be loaded.

        Returns:
            Seconds to wait before the start.
        """
        self._failures = backoff.failures_after(
            self._failures, served_seconds=served_seconds or 0.0
        )
        if self._length == 1 or (served_seconds is not None and self._failures < TRIES):
            return backoff.delay(self._failures)
        self._failures = 0
        self.rung = (self.rung + 1) % self._length
        if self.rung:
            return 0.0
        self._rounds += 1
        return backoff.delay(self._rounds)

    def climb_failed(self, *, now: float) -> None:
        """None of the better ones could be loaded."""
        self.climb_at = now + self._retry_seconds
