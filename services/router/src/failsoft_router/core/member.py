"""What is known of one endpoint among several: how busy it is, how well, and since when.

    in      --failures in a row, or no connection--> ejected
    ejected --its time is over---------------------> on trial: one call at a time
    on trial --a good call--> in    --a failed one--> ejected, for longer

The time is `EJECTED_SECONDS` x 2^n, jittered by 20 %, at most `LONGEST_EJECTED_SECONDS`; n
grows by one with each ejection and falls by one with each whole minute without. Who may be
ejected at all is for the set to say that it belongs to.

Beside that it may be full: it had no room for a call, did nothing for it, and said when to
come again. That is no illness, and over by itself.

An ejection begins an epoch. A call of an earlier one says nothing of how the endpoint is now,
and however long it goes on, it is not the call on trial.
"""

import enum
import math
from dataclasses import dataclass

from failsoft_model.walk import Load
from failsoft_router.core.breaker import Result

REPORT_SECONDS = 10.0
"""A report of this age says nothing: most answers of a model take less time to write."""
FAILURES = 3
"""In a row; fewer than open a breaker, so that one ill pod does not take the others out."""
EJECTED_SECONDS = 5.0
LONGEST_EJECTED_SECONDS = 60.0
JITTER = 0.2
CLEAN_SECONDS = 60.0
FULL_SECONDS = 1.0
"""Where it does not say when to come again."""
LONGEST_FULL_SECONDS = 10.0
"""Our own say five at most. What frees a place is seen by nobody here, so nobody is taken at
his word for longer."""

_MOST_DOUBLINGS = math.ceil(math.log2(LONGEST_EJECTED_SECONDS / EJECTED_SECONDS))


class Standing(enum.Enum):
    """How an endpoint is."""

    READY = "ready"
    NOT_READY = "not_ready"
    """It starts, drains, or says itself that it takes no calls."""
    EJECTED = "ejected"
    """It says that it is ready, and calls to it fail."""
    ON_TRIAL = "on_trial"
    """It was ejected, and gets one call at a time until one went well."""
    FULL = "full"
    """It is ready, and had no room for the last calls."""


@dataclass(slots=True, kw_only=True)
class Member:
    """One endpoint.

    Attributes:
        epoch: Raised by what makes older results void.
        in_flight: Calls to it, of any epoch.
        current: Those of this epoch.
        others: What it told of calls that are not ours, in calls.
        told_at: The moment of that.
    """

    address: str
    ready: bool = False
    listed: bool = True
    epoch: int = 0
    in_flight: int = 0
    current: int = 0
    failures: int = 0
    on_trial: bool = False
    doublings: int = 0
    ejected_until: float = -math.inf
    full_until: float = -math.inf
    capacity: int = 0
    others: float = 0.0
    told_at: float = -math.inf

    def is_ejected(self, now: float) -> bool:
        """Whether it is left alone for its failures."""
        return now < self.ejected_until

    @property
    def is_tried(self) -> bool:
        """Whether its call on trial is out."""
        return self.on_trial and self.current > 0

    def is_in(self, now: float) -> bool:
        """Whether nothing is held against another call."""
        return not self.is_ejected(now) and not self.is_tried

    def is_full(self, now: float) -> bool:
        """Whether it said that it would have no room until later."""
        return now < self.full_until

    def takes_calls(self, now: float) -> bool:
        """Whether nothing keeps the next call from it."""
        return self.ready and self.is_in(now) and not self.is_full(now)

    def due_at(self, now: float) -> float | None:
        """The moment at which it gets calls again; None: it does, or no time says when."""
        if not self.ready or now >= max(self.ejected_until, self.full_until):
            return None
        return max(self.ejected_until, self.full_until)

    def standing(self, now: float) -> Standing:
        """How it is; what is worst is told."""
        if not self.ready:
            return Standing.NOT_READY
        if self.is_ejected(now):
            return Standing.EJECTED
        if self.is_full(now):
            return Standing.FULL
        return Standing.ON_TRIAL if self.on_trial else Standing.READY

    def share(self, now: float, *, capacity: int) -> float:
        """Of what it can do at once, how much it does.

        Args:
            capacity: What it can do, where it has not told that itself.
        """
        age = now - self.told_at
        fresh = max(0.0, 1.0 - age / REPORT_SECONDS)
        return (self.in_flight + self.others * fresh) / (self.capacity or capacity)

    def tells(self, load: Load, *, now: float) -> None:
        """It says how busy it is."""
        self.capacity = load.capacity
        self.others = max(0.0, _calls_worth(load) - self.in_flight)
        self.told_at = now

    def has_no_room(self, retry_after: float | None, *, now: float) -> None:
        """It did not take a call; who was told to come later than another counts.

        Args:
            retry_after: Seconds that it asks to wait; None: it said nothing.
        """
        seconds = FULL_SECONDS if retry_after is None else min(retry_after, LONGEST_FULL_SECONDS)
        self.full_until = max(self.full_until, now + seconds)

    def judge(self, result: Result, *, unreachable: bool) -> bool:
        """A call of this epoch has ended; gives whether it should be ejected for that.

        Args:
            unreachable: There was no connection, which one call is enough to know by.
        """
        match result:
            case Result.OK:
                self.failures, self.on_trial = 0, False
            case Result.FAILED:
                self.failures += 1
                return unreachable or self.on_trial or self.failures >= FAILURES
            case Result.NO_EVIDENCE:
                pass
        return False

    def eject(self, *, now: float, draw: float) -> None:
        """Leave it alone for a while.

        Args:
            draw: Uniform in [0, 1), for the jitter.
        """
        if self.ejected_until > -math.inf:
            clean_minutes = int((now - self.ejected_until) / CLEAN_SECONDS)
            self.doublings = max(0, self.doublings - clean_minutes)
        seconds = EJECTED_SECONDS * 2.0**self.doublings * (1 - JITTER + 2 * JITTER * draw)
        self.ejected_until = now + min(seconds, LONGEST_EJECTED_SECONDS)
        self.doublings = min(self.doublings + 1, _MOST_DOUBLINGS)
        self.on_trial = True
        self._begin_epoch()

    def begin_anew(self) -> None:
        """It is another one than it was: nothing is known of it, and nothing held against it."""
        self.failures = self.doublings = self.capacity = 0
        self.on_trial = False
        self.ejected_until = self.full_until = self.told_at = -math.inf
        self.others = 0.0
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.epoch += 1
        self.current = 0


def _calls_worth(load: Load) -> float:
    """Its work in calls: those that run and wait, or by its tokens, if these are more."""
    calls = load.running + load.waiting
    if not load.capacity_tokens:
        return calls
    tokens = load.running_tokens + load.waiting_tokens
    return max(calls, load.capacity * tokens / load.capacity_tokens)
