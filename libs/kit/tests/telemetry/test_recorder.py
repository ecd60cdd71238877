"""A collector that is slow, dead or hostile costs spans and nothing else."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import capture_logs

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Recorder, Tracer
from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.telemetry.export import ExportFailed
from failsoft_kit.testing import virtual_time


class Collector:
    """An exporter whose collector is in the test's hands."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.refusals: list[ExportFailed] = []
        self.refused = 0
        self.hangs = False
        self.attempts = 0
        self.closed = False

    async def export(self, request: bytes) -> int:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.refusals:
            raise self.refusals.pop(0)
        spans = ExportTraceServiceRequest.FromString(request).resource_spans[0].scope_spans[0].spans
        self.batches.append([span.name for span in spans])
        return self.refused

    async def close(self) -> None:
        self.closed = True


def recorder_to(collector: Collector, *, capacity: int = 100, batch: int = 10) -> Recorder:
    return Recorder(
        collector, Encoder({"service.name": "test"}), capacity=capacity, batch=batch, interval=1.0
    )


def record(recorder: Recorder, *names: str) -> None:
    tracer = Tracer(clock=LoopClock(), sink=recorder)
    for name in names:
        tracer.start(name).end()


@asynccontextmanager
async def exporting(recorder: Recorder) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(recorder.run())
        yield
        task.cancel()


@virtual_time.test
async def test_spans_leave_within_an_interval() -> None:
    collector = Collector()
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a", "b")
        await asyncio.sleep(1.1)
        assert collector.batches == [["a", "b"]]


@virtual_time.test
async def test_a_full_batch_does_not_wait() -> None:
    collector = Collector()
    recorder = recorder_to(collector, batch=2)
    async with exporting(recorder):
        record(recorder, "a", "b", "c", "d", "e")
        await asyncio.sleep(0.1)
        assert collector.batches == [["a", "b"], ["c", "d"]]
        await asyncio.sleep(1.1)
        assert collector.batches == [["a", "b"], ["c", "d"], ["e"]]


@virtual_time.test
async def test_nothing_is_sent_when_nothing_happened() -> None:
    collector = Collector()
    async with exporting(recorder_to(collector)):
        await asyncio.sleep(60.0)
        assert collector.attempts == 0


@virtual_time.test
async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    """Whoever waits for the collector waits in memory, so there must be an end to it."""
    collector = Collector()
    collector.hangs = True
    recorder = recorder_to(collector, capacity=3, batch=2)
    async with exporting(recorder):
        record(recorder, "a", "b")
        await asyncio.sleep(0.1)
        record(recorder, "c", "d", "e", "f", "g")
        assert recorder.dropped == 2


@virtual_time.test
async def test_a_batch_is_sent_again_when_the_collector_is_back() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("away", again=True)] * 3
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a")
        await asyncio.sleep(1.5)
        record(recorder, "b")
        await asyncio.sleep(120.0)
    assert collector.batches == [["a"], ["b"]]
    assert recorder.dropped == 0


@virtual_time.test
async def test_a_collector_that_says_when_to_come_back_is_asked_no_earlier() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("exhausted", again=True, after=100.0)]
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a")
        await asyncio.sleep(100.5)
        assert collector.attempts == 1
        await asyncio.sleep(2.0)
    assert collector.batches == [["a"]]


@virtual_time.test
async def test_a_collector_that_asks_for_a_year_does_not_get_it() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("exhausted", again=True, after=3e7)]
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a")
        await asyncio.sleep(400.0)
    assert collector.batches == [["a"]]


@pytest.mark.parametrize("refused", [1, 1000])
@virtual_time.test
async def test_spans_that_the_collector_refuses_are_counted(refused: int) -> None:
    """It took the others, so sending the batch again would only send them twice."""
    collector = Collector()
    collector.refused = refused
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a", "b")
        await asyncio.sleep(60.0)
    assert collector.attempts == 1
    assert recorder.dropped == min(refused, 2)


@virtual_time.test
async def test_the_log_is_told_each_change_once() -> None:
    collector = Collector()
    recorder = recorder_to(collector)

    async def export_some() -> None:
        for _ in range(3):
            record(recorder, "a")
            await asyncio.sleep(100.0)

    with capture_logs() as logged:
        async with exporting(recorder):
            await export_some()
            collector.refusals = [ExportFailed("away", again=True)] * 5
            await export_some()
            collector.refused = 1
            await export_some()
            collector.refused = 0
            await export_some()

    assert [entry["event"] for entry in logged] == [
        "telemetry.export_failing",
        "telemetry.export_recovered",
        "telemetry.spans_refused",
        "telemetry.export_recovered",
    ]


@virtual_time.test
async def test_a_dead_collector_is_asked_ever_less_often() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("away", again=True)] * 1000
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a")
        await asyncio.sleep(600.0)
    assert 20 <= collector.attempts <= 30


@virtual_time.test
async def test_a_batch_that_is_refused_for_good_does_not_block_the_next() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("malformed", again=False)]
    recorder = recorder_to(collector)
    async with exporting(recorder):
        record(recorder, "a")
        await asyncio.sleep(1.5)
        record(recorder, "b")
        await asyncio.sleep(10.0)
    assert collector.batches == [["b"]]
    assert recorder.dropped == 1


@pytest.mark.parametrize("poison", [2**64, "\ud800"], ids=["number", "text"])
@virtual_time.test
async def test_a_span_that_cannot_be_encoded_costs_itself_alone(poison: int | str) -> None:
    """One attribute too large for OTLP ended the export of all spans, and with it the service."""
    collector = Collector()
    recorder = recorder_to(collector)
    tracer = Tracer(clock=LoopClock(), sink=recorder)
    async with exporting(recorder):
        record(recorder, "before")
        tracer.start("poison", attributes={"value": poison}).end()
        record(recorder, "behind")
        await asyncio.sleep(1.1)
        record(recorder, "later")
        await asyncio.sleep(1.1)

    assert collector.batches == [["before", "behind"], ["later"]]
    assert recorder.dropped == 1


@virtual_time.test
async def test_a_poisoned_span_is_counted_once_however_often_its_batch_is_sent() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("away", again=True)] * 3
    recorder = recorder_to(collector)
    async with exporting(recorder):
        Tracer(clock=LoopClock(), sink=recorder).start("p", attributes={"value": 2**64}).end()
        record(recorder, "a")
        await asyncio.sleep(60.0)

    assert collector.batches == [["a"]]
    assert recorder.dropped == 1


@virtual_time.test
async def test_poison_alone_is_not_worth_a_call() -> None:
    collector = Collector()
    recorder = recorder_to(collector)
    Tracer(clock=LoopClock(), sink=recorder).start("p", attributes={"value": 2**64}).end()
    await recorder.close(within=2.0)

    assert collector.attempts == 0
    assert recorder.dropped == 1


@virtual_time.test
async def test_closing_sends_what_waits() -> None:
    collector = Collector()
    recorder = recorder_to(collector, batch=2)
    record(recorder, "a", "b", "c")
    await recorder.close(within=2.0)
    assert collector.batches == [["a", "b"], ["c"]]
    assert collector.closed


@virtual_time.test
async def test_closing_does_not_wait_for_a_hanging_collector() -> None:
    collector = Collector()
    collector.hangs = True
    recorder = recorder_to(collector)
    record(recorder, "a")
    started = asyncio.get_running_loop().time()
    await recorder.close(within=2.0)
    assert asyncio.get_running_loop().time() - started == 2.0
    assert collector.closed
    assert recorder.dropped == 1


@virtual_time.test
async def test_closing_gives_a_dead_collector_one_chance() -> None:
    collector = Collector()
    collector.refusals = [ExportFailed("away", again=True)] * 10
    recorder = recorder_to(collector)
    record(recorder, "a")
    record(recorder, *("b" * 20))
    await recorder.close(within=2.0)
    assert collector.attempts == 1
    assert collector.closed
    assert recorder.dropped == 21


@virtual_time.test
async def test_a_dead_collector_costs_no_memory_once_the_queue_is_full() -> None:
    """8192 spans as large as an attempt's, and then ten times as many that find no room."""
    collector = Collector()
    collector.hangs = True
    recorder = Recorder(collector, Encoder({}))
    tracer = Tracer(clock=LoopClock(), sink=recorder)

    def spans(count: int) -> None:
        for number in range(count):
            tracer.start("chat", attributes={"walk": f"{number:032}", "text": "x" * 500}).end()

    tracemalloc.start()
    try:
        spans(8192)
        full, _ = tracemalloc.get_traced_memory()
        spans(81920)
        later, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert later - full < 100_000
    assert full < 20_000_000
    assert recorder.dropped == 81920
