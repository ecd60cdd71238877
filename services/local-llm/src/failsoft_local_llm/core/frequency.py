"""How many a second, lately: an average in which what is long ago counts ever less."""

import math

_SECONDS = 10.0
"""What happened that long ago counts a third of what happens now."""


class Frequency:
    """Counts things as they come."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._at = -math.inf

    def add(self, count: int, *, now: float) -> None:
        """That many have come just now."""
        self._rate = self.rate(now=now) + count / _SECONDS
        self._at = now

    def rate(self, *, now: float) -> float:
        """How many a second; 0.0 where there was nothing for long."""
        return self._rate * math.exp((self._at - now) / _SECONDS)
