"""What time it is, as something that is given.

Nothing else in Failsoft asks the machine for the time, so that a test can own it.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two readings that must never be mixed: one for limits, one for dates."""

    def now(self) -> float:
        """Seconds that never go back, from an arbitrary start; for limits and durations."""

    def unix(self) -> float:
        """Seconds since 1970-01-01 UTC, which may jump; for what is stored or shown."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.monotonic()  # noqa: TID251 - the one place that asks

    def unix(self) -> float:
        return time.time()  # noqa: TID251 - the one place that asks


class LoopClock:
    """The running event loop's time; with a loop of virtual time, both readings are virtual."""

    def __init__(self, *, unix_at_zero: float = 1_800_000_000.0) -> None:
        """
        Args:
            unix_at_zero: What `unix` says when the loop's time is 0.0.
        """
        self._unix_at_zero = unix_at_zero

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def unix(self) -> float:
        return self._unix_at_zero + self.now()
