"""How much one tenant may ask: so many requests in a minute, so many at once. No clock, no locks.

    enter --as many run as may------> refused: CONCURRENT
          --no request is left------> refused: RATE, until there is one
          --else--------------------> let in: one request less, one more runs
    leave --------------------------> one less runs

Requests come back evenly, up to `burst` of them, so over any time since the tenant was known

    requests let in <= burst + seconds * requests_per_minute / 60

New limits apply from the next request: what is left stays as it is, or falls to the new burst.
"""

import enum
from dataclasses import dataclass

from failsoft_router.core.policy import TenantLimits

_A_MINUTE = 60.0
_ALMOST_ONE = 1.0 - 1e-9
"""Of a request: who comes back after `retry_after` seconds is not sent away by a rounding."""
_SOON = 1.0
"""Seconds: nobody knows when one of the running requests ends."""


class Limit(enum.Enum):
    """Which of a tenant's limits is reached."""

    RATE = "requests_per_minute"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not let in, and the seconds after which one may be."""

    limit: Limit
    retry_after: float


class TenantLimiter:
    """What one tenant has left. Not thread-safe: call it from one event loop."""

    def __init__(self, limits: TenantLimits, *, now: float) -> None:
        self._limits = limits
        self._left = float(limits.burst)
        self._seen = now
        self._running = 0

    def adopt(self, limits: TenantLimits, *, now: float) -> None:
        """These limits apply from now on."""
        self._refill(now)
        self._limits = limits

    def enter(self, now: float) -> Refusal | None:
        """None: a request is let in, and `leave` has to be called at its end."""
        limits = self._limits
        if limits.concurrent and self._running >= limits.concurrent:
            return Refusal(limit=Limit.CONCURRENT, retry_after=_SOON)
        if limits.requests_per_minute:
            self._refill(now)
            if self._left < _ALMOST_ONE:
                wait = (1.0 - self._left) * _A_MINUTE / limits.requests_per_minute
                return Refusal(limit=Limit.RATE, retry_after=wait)
            self._left = max(0.0, self._left - 1.0)
        self._running += 1
        return None

    def leave(self) -> None:
        """A request that was let in is over."""
        self._running -= 1

    def _refill(self, now: float) -> None:
        earned = (now - self._seen) * self._limits.requests_per_minute / _A_MINUTE
        self._left = min(float(self._limits.burst), self._left + earned)
        self._seen = now
