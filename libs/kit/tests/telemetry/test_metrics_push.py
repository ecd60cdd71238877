"""A collector that is slow, dead or hostile costs no metric, once it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from structlog.testing import capture_logs

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter
from failsoft_kit.telemetry.export import LONGEST_HINT, ExportFailed, Unwanted
from failsoft_kit.telemetry.metrics_encoding import MetricsEncoder
from failsoft_kit.telemetry.metrics_push import MetricsPush
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import UP

INTERVAL = 60.0


class Collector:
    """An exporter whose collector is in the test's hands."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.refusals: list[ExportFailed] = []
        self.hangs = False
        self.closed = False

    async def export(self, request: bytes) -> int:
        if self.hangs:
            await asyncio.Event().wait()
        if self.refusals:
            raise self.refusals.pop(0)
        [of_resource] = ExportMetricsServiceRequest.FromString(request).resource_metrics
        [metric] = of_resource.scope_metrics[0].metrics
        self.values.append(metric.gauge.data_points[0].as_double)
        return 0

    async def close(self) -> None:
        self.closed = True


class Pushed:
    """A gauge, and where it is pushed."""

    def __init__(self) -> None:
        clock = LoopClock()
        meter = Meter(clock=clock)
        self.gauge = meter.gauge(UP).cell()
        self.collector = Collector()
        encoder = MetricsEncoder({}, started_at=meter.started_at)
        self.push = MetricsPush(meter, self.collector, encoder, clock=clock, interval=INTERVAL)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Collector]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.push.run())
            yield self.collector
            task.cancel()


@virtual_time.test
async def test_each_interval_tells_what_is_so_then() -> None:
    pushed = Pushed()
    async with pushed.running() as collector:
        for value in (1.0, 2.0):
            pushed.gauge.set(value)
            await asyncio.sleep(INTERVAL + 1.0)
    assert collector.values == [1.0, 2.0]


@pytest.mark.parametrize(("hint", "kept"), [(1.0, INTERVAL), (100.0, 100.0), (1e9, LONGEST_HINT)])
@virtual_time.test
async def test_a_collector_that_says_when_to_come_back_is_asked_no_earlier(
    hint: float, kept: float
) -> None:
    pushed = Pushed()
    pushed.collector.refusals = [ExportFailed("busy", again=True, after=hint)]
    async with pushed.running() as collector:
        await asyncio.sleep(INTERVAL + kept - 1.0)
        before = list(collector.values)
        await asyncio.sleep(2.0)

    assert not before
    assert len(collector.values) == 1


@pytest.mark.parametrize("again", [True, False])
@virtual_time.test
async def test_a_refused_batch_is_followed_by_the_next(*, again: bool) -> None:
    pushed = Pushed()
    pushed.collector.refusals = [ExportFailed("away", again=again)]
    pushed.gauge.set(1.0)
    async with pushed.running() as collector:
        await asyncio.sleep(INTERVAL + 1.0)
        assert collector.values == []
        await asyncio.sleep(INTERVAL)
    assert collector.values == [1.0]


@virtual_time.test
async def test_a_collector_of_spans_alone_is_told_of_once_and_without_a_warning() -> None:
    """A Jaeger takes no metrics, and that is no fault of anybody."""
    pushed = Pushed()
    pushed.collector.refusals = [Unwanted("UNIMPLEMENTED")] * 5
    with capture_logs() as logged:
        async with pushed.running():
            await asyncio.sleep(4.5 * INTERVAL)
            await pushed.push.close(within=2.0)
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [
        ("telemetry.metrics_not_taken", "info")
    ]


@virtual_time.test
async def test_the_log_is_told_each_change_once() -> None:
    pushed = Pushed()
    pushed.gauge.set(1.0)
    away, unwanted = ExportFailed("away", again=True), Unwanted("UNIMPLEMENTED")
    pushed.collector.refusals = [away, away, unwanted, unwanted, away, away]
    with capture_logs() as logged:
        async with pushed.running():
            await asyncio.sleep(8.5 * INTERVAL)
    assert [entry["event"] for entry in logged] == [
        "telemetry.metrics_push_failing",
        "telemetry.metrics_not_taken",
        "telemetry.metrics_push_failing",
        "telemetry.metrics_push_recovered",
    ]


@virtual_time.test
async def test_the_last_values_are_told_at_the_end() -> None:
    """A short run, or the last minute before a restart, is not lost."""
    pushed = Pushed()
    pushed.gauge.set(3.0)
    await pushed.push.close(within=2.0)
    assert pushed.collector.values == [3.0]
    assert pushed.collector.closed


@virtual_time.test
async def test_a_collector_that_hangs_keeps_nobody_from_ending() -> None:
    pushed = Pushed()
    pushed.collector.hangs = True
    began = LoopClock().now()
    await pushed.push.close(within=2.0)
    assert LoopClock().now() - began == 2.0
    assert pushed.collector.closed
