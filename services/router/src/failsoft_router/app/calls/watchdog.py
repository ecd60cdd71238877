"""Ends a wait that takes too long, at next to no cost for each wait.

An `asyncio.timeout` per piece of a stream costs a timer each. Here a limit is one
assignment: the one timer looks, when it rings, how far the limit has moved.
"""

import asyncio
import math
from types import TracebackType
from typing import Self

from failsoft_kit.clock import Clock
from failsoft_model.walk import ErrorClass


class WaitedTooLong(Exception):
    """What was expected did not come in time; `error_class` says which limit it was."""

    def __init__(self, error_class: ErrorClass) -> None:
        super().__init__(error_class.value)
        self.error_class = error_class


class Watchdog:
    """Cancels its own task's wait when the limit passes, and turns that into `WaitedTooLong`.

    Used as a context manager by the task that waits. Someone else's cancellation
    passes through unchanged.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit_at = math.inf
        self._rings_at = math.inf
        self._error_class = ErrorClass.UNKNOWN
        self._timer: asyncio.TimerHandle | None = None
        self._barked = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a watchdog guards a task")
        self._task = task
        self._cancelling = task.cancelling()
        return self

    def expect(self, error_class: ErrorClass, *, by: float) -> None:
        """From now on something is waited for, until the clock says `by`."""
        self._limit_at = by
        self._error_class = error_class
        if by < self._rings_at:
            self._set_timer(by)

    def rest(self) -> None:
        """Nothing is waited for: time passes at no one's cost."""
        self._limit_at = math.inf

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._barked:
            return
        cancelled_by_others = self._task.uncancel() > self._cancelling
        if isinstance(error, asyncio.CancelledError) and not cancelled_by_others:
            raise WaitedTooLong(self._error_class) from None

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        delay = max(0.0, at - self._clock.now())
        self._timer = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._rings_at = math.inf
        if self._limit_at == math.inf:
            return
        if self._clock.now() < self._limit_at:
            self._set_timer(self._limit_at)
            return
        self._barked = True
        self._task.cancel()
