"""Sends the metrics to a collector, again and again.

A collector that is away costs one log line, and one more when it is back: each batch says
everything since the start, so there is nothing to keep and nothing to catch up on.
One that says when to come back is asked no earlier.
One that takes spans alone, as a Jaeger does, costs one line that is no warning; it is asked
again each interval, because one that takes metrics may have its place by then.
"""

import asyncio
import enum

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.export import Exporter, ExportFailed, Unwanted
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.metrics_encoding import MetricsEncoder

_log: FilteringBoundLogger = structlog.get_logger()


class _Condition(enum.Enum):
    """How it goes; the log tells each change."""

    FINE = enum.auto()
    UNWANTED = enum.auto()
    FAILING = enum.auto()


class MetricsPush:
    """Its owner runs `run` in a task for as long as the service lives, and then `close`.

    Args:
        interval: Seconds between two batches.
    """

    def __init__(
        self,
        meter: Meter,
        exporter: Exporter,
        encoder: MetricsEncoder,
        *,
        clock: Clock,
        interval: float,
    ) -> None:
        self._meter = meter
        self._exporter = exporter
        self._encoder = encoder
        self._clock = clock
        self._interval = interval
        self._condition = _Condition.FINE

    async def run(self) -> None:
        """Push until cancelled."""
        pause = self._interval
        while True:
            await asyncio.sleep(pause)
            pause = max(self._interval, await self._push())

    async def close(self, *, within: float) -> None:
        """Push the last values for at most `within` seconds, then give connections back."""
        try:
            async with asyncio.timeout(within):
                await self._push()
        except TimeoutError:
            self._note_failure("the collector did not answer before the end")
        finally:
            await self._exporter.close()

    async def _push(self) -> float:
        """Seconds for which the collector wants to be left alone."""
        request = self._encoder.encode(self._meter.read(), at=self._clock.unix())
        try:
            await self._exporter.export(request)
        except Unwanted as error:
            self._note_unwanted(str(error))
        except ExportFailed as error:
            self._note_failure(str(error))
            return error.after or 0.0
        else:
            self._note_success()
        return 0.0

    def _note_unwanted(self, answer: str) -> None:
        if self._changes_to(_Condition.UNWANTED):
            _log.info("telemetry.metrics_not_taken", answer=answer)

    def _note_failure(self, problem: str) -> None:
        if self._changes_to(_Condition.FAILING):
            _log.warning("telemetry.metrics_push_failing", problem=problem)

    def _note_success(self) -> None:
        if self._changes_to(_Condition.FINE):
            _log.info("telemetry.metrics_push_recovered")

    def _changes_to(self, condition: _Condition) -> bool:
        """Go over to it; False if it was so already."""
        before, self._condition = self._condition, condition
        return before is not condition
