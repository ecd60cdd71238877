"""When requests begin to be refused, and when that is over: told once, not for each of them.

calm --one is refused--> refusing
refusing --one is let in, and for a while none was refused--> calm
"""

from dataclasses import dataclass

QUIET_SECONDS = 10.0
"""Without a refusal; in an overload some are let in all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An overload that is over."""

    refused: int
    """Requests."""
    seconds: float
    """From the first of them to the last."""


class Overload:
    """Not thread-safe: call it from one event loop. All times are seconds on one clock."""

    def __init__(self) -> None:
        self._refused = 0
        self._first_at = 0.0
        self._last_at = 0.0

    def refused(self, *, now: float) -> bool:
        """A request is refused. Whether it is the first one."""
        self._last_at = now
        self._refused += 1
        if self._refused > 1:
            return False
        self._first_at = now
        return True

    def let_in(self, *, now: float) -> Past | None:
        """A request is let in. What is over with that; None: nothing."""
        if not self._refused or now - self._last_at < QUIET_SECONDS:
            return None
        past = Past(refused=self._refused, seconds=self._last_at - self._first_at)
        self._refused = 0
        return past
