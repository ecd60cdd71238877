"""Calls, failed ones and slow ones of the last seconds, in buckets of the calls' starts.

A call is counted where it began, not where it ended: calls last from 10 to 600 s, and
a window that counts ends sees an outage one call too late.
"""

from dataclasses import dataclass

BUCKETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Calls that ended, by their start, and the failed and the slow ones among them."""

    calls: int
    failures: int
    slow: int = 0


class Window:
    """A ring of buckets that cover the last `length` seconds."""

    def __init__(self, length: float) -> None:
        """
        Args:
            length: Seconds; must be positive.
        """
        self._width = length / BUCKETS
        self._calls = [0] * BUCKETS
        self._failures = [0] * BUCKETS
        self._slow = [0] * BUCKETS
        self._newest = 0

    def add(self, started: float, *, failed: bool, slow: bool, now: float) -> None:
        """Count one call; one that began before the window is too old to count."""
        self._turn_to(now)
        slot = int(started // self._width)
        if slot <= self._newest - BUCKETS:
            return
        index = slot % BUCKETS
        self._calls[index] += 1
        self._failures[index] += failed
        self._slow[index] += slow

    def counts(self, now: float) -> Counts:
        """What the window holds at time `now`."""
        self._turn_to(now)
        return Counts(calls=sum(self._calls), failures=sum(self._failures), slow=sum(self._slow))

    def clear(self) -> None:
        """Forget every call."""
        self._calls = [0] * BUCKETS
        self._failures = [0] * BUCKETS
        self._slow = [0] * BUCKETS

    def _turn_to(self, now: float) -> None:
        slot = int(now // self._width)
        if slot <= self._newest:
            return
        for passed in range(max(self._newest + 1, slot - BUCKETS + 1), slot + 1):
            self._calls[passed % BUCKETS] = 0
            self._failures[passed % BUCKETS] = 0
            self._slow[passed % BUCKETS] = 0
        self._newest = slot
