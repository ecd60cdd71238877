"""Keeps ended spans until a background task has sent them to a collector.

The request path only appends to a bounded queue. A collector that is dead, slow or
hanging costs spans, never a request and never memory: what doesn't fit is dropped
and counted. The log gets one line when export breaks and one when it is back.
A collector that says when to come back is asked no earlier.
A span that cannot be encoded costs itself alone, and so does one that is refused.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Sequence

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.telemetry.export import Exporter, ExportFailed
from failsoft_kit.telemetry.span import Span

_log: FilteringBoundLogger = structlog.get_logger()

_CAPACITY = 8192
_BATCH = 512
_INTERVAL = 1.0
_LONGEST_PAUSE = 30.0


class _Condition(enum.Enum):
    """How export goes; the log tells each change."""

    FINE = enum.auto()
    REFUSING = enum.auto()
    """The collector takes batches, but not all of their spans."""
    FAILING = enum.auto()


class Recorder:
    """A sink that exports in batches.

    Its owner runs `run` in a task for as long as the service lives, and then `close`.

    Args:
        capacity: Spans that may wait; more are dropped.
        interval: Seconds between two batches while there is little to send.
    """

    def __init__(
        self,
        exporter: Exporter,
        encoder: Encoder,
        *,
        capacity: int = _CAPACITY,
        batch: int = _BATCH,
        interval: float = _INTERVAL,
    ) -> None:
        self._exporter = exporter
        self._encoder = encoder
        self._capacity = capacity
        self._batch = batch
        self._interval = interval
        self._waiting: deque[Span] = deque()
        self._unsent: list[Span] = []
        self._full_batch = asyncio.Event()
        self._pause = interval
        self._condition = _Condition.FINE
        self.dropped = 0
        """Spans lost so far, for whatever reason."""

    def record(self, span: Span) -> None:
        """Queue an ended span."""
        waiting = self._waiting
        if len(waiting) >= self._capacity:
            self.dropped += 1
            return
        waiting.append(span)
        if len(waiting) == self._batch:
            self._full_batch.set()

    async def run(self) -> None:
        """Export until cancelled."""
        while True:
            await self._wait()
            await self._export_next()

    async def flush(self) -> None:
        """Export what waits; give up at the first failure. The caller limits the time."""
        while self._waiting or self._unsent:
            if not await self._export_next():
                return

    async def close(self, *, within: float) -> None:
        """Flush for at most `within` seconds, then give connections back.

        What is left then is dropped.
        """
        try:
            async with asyncio.timeout(within):
                await self.flush()
        except TimeoutError:
            self._note_failure("the collector did not answer before the end")
        finally:
            self._give_up()
            await self._exporter.close()

    async def _wait(self) -> None:
        """Until a batch is full or the interval is over; while export fails, its pause only."""
        if self._condition is _Condition.FAILING:
            await asyncio.sleep(self._pause)
            return
        try:
            async with asyncio.timeout(self._interval):
                await self._full_batch.wait()
        except TimeoutError:
            return

    async def _export_next(self) -> bool:
        """Send one batch, the one that failed last first. False if it failed."""
        if not self._unsent:
            self._full_batch.clear()
            waiting = self._waiting
            self._unsent = [waiting.popleft() for _ in range(min(self._batch, len(waiting)))]
            if len(waiting) >= self._batch:
                self._full_batch.set()
        if not self._unsent:
            return True
        encoded = await self._encoder.encode(self._unsent)
        self._drop(encoded.unencodable)
        if not self._unsent:
            return True
        try:
            refused = await self._exporter.export(encoded.request)
        except ExportFailed as error:
            if not error.again:
                self.dropped += len(self._unsent)
                self._unsent = []
            self._note_failure(str(error), after=error.after)
            return False
        self._note_success(refused=min(refused, len(self._unsent)))
        self._unsent = []
        return True

    def _drop(self, poison: Sequence[Span]) -> None:
        """Forget spans that will never be sent; somebody gave them what no span can hold."""
        if poison:
            self.dropped += len(poison)
            self._unsent = [span for span in self._unsent if span not in poison]
            _log.error("telemetry.spans_unencodable", first=poison[0].name, dropped=self.dropped)

    def _give_up(self) -> None:
        """Forget what waits; nobody will send it."""
        left = len(self._unsent) + len(self._waiting)
        self._unsent = []
        self._waiting.clear()
        if left:
            self.dropped += left
            _log.warning("telemetry.spans_left_at_end", left=left, dropped=self.dropped)

    def _note_failure(self, problem: str, *, after: float | None = None) -> None:
        self._pause = max(min(_LONGEST_PAUSE, self._pause * 2), after or 0.0)
        if self._changes_to(_Condition.FAILING):
            _log.warning("telemetry.export_failing", problem=problem, dropped=self.dropped)

    def _note_success(self, *, refused: int) -> None:
        self._pause = self._interval
        self.dropped += refused
        if refused and self._changes_to(_Condition.REFUSING):
            _log.warning("telemetry.spans_refused", refused=refused, dropped=self.dropped)
        elif not refused and self._changes_to(_Condition.FINE):
            _log.info("telemetry.export_recovered", dropped=self.dropped)

    def _changes_to(self, condition: _Condition) -> bool:
        """Go over to it; False if it was so already."""
        before, self._condition = self._condition, condition
        return before is not condition
