"""The moment by which a call must have ended, handed down from the caller to the last await."""

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A moment on the monotonic clock, not a duration: it needs no adjusting on its way down."""

    at: float
    """Seconds on `Clock.now`; `math.inf`: there is none."""

    @classmethod
    def after(cls, seconds: float | None, *, now: float) -> Self:
        """The deadline that many seconds from now; None: no deadline at all."""
        return cls(at=math.inf if seconds is None else now + seconds)

    def left(self, now: float) -> float:
        """Seconds that remain; negative when it has passed, `math.inf` when there is none."""
        return self.at - now

    def sooner(self, at: float) -> "Deadline":
        """The earlier of this deadline and the moment `at`."""
        return self if self.at <= at else Deadline(at=at)

    def expired(self, now: float) -> bool:
        """Whether it has come: at the very moment it has."""
        return now >= self.at
