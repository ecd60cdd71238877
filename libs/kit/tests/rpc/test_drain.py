"""A service that stops drops no stream that can still end, and tells the others when to return."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.server import Service, running, serve
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.telemetry import Recorder, Telemetry, Tracer
from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, STREAM, Echo, EchoStub
from failsoft_kit.testing.grpc import service_of
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_model.errors import Code

pytestmark = pytest.mark.integration


class Stage:
    """A stream that says one letter, waits for its cue, and says another."""

    def __init__(self) -> None:
        self.cue = asyncio.Event()

    async def stream(self, request: StringValue, context: object) -> AsyncIterator[StringValue]:
        yield StringValue(value="a")
        await self.cue.wait()
        yield StringValue(value="b")

    def service(self, *, drain_seconds: float, tracer: Tracer | None = None) -> Service:
        return service_of(
            Echo(stream=self.stream).register,
            access=OPEN_TO_TENANTS,
            drain_seconds=drain_seconds,
            tracer=tracer,
        )


class Stoppable:
    """A service that runs in a task of its own until it is told to stop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = asyncio.Event()
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        async with running(self._service) as ports:
            self._port.set_result(ports[0])
            await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        async with open_channel(f"127.0.0.1:{await self._port}") as channel:
            yield channel


async def test_a_running_stream_is_finished() -> None:
    stage = Stage()
    server = Stoppable(stage.service(drain_seconds=30.0))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.run())
        async with server.channel() as channel:
            letters = aiter(EchoStub(channel).stream(StringValue()))
            assert (await anext(letters)).value == "a"
            server.stop()
            await new_calls_are_refused(channel)
            assert not serving.done()
            stage.cue.set()
            assert (await anext(letters)).value == "b"
            with pytest.raises(StopAsyncIteration):
                await anext(letters)
            await serving


async def new_calls_are_refused(channel: grpc.aio.Channel) -> None:
    """Until the drain has begun, calls are still answered.

    One that arrives at the very moment may hear nothing: gRPC's core (seen in 1.85, in its
    threaded server too) sometimes neither serves nor refuses it, so it needs a deadline, and
    the next one is refused.
    """
    while True:
        try:
            await EchoStub(channel).unary(StringValue(), timeout=1.0)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                continue
            assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}  # noqa: PT017
            return


async def test_a_stream_that_outlasts_the_drain_is_told_when_to_return() -> None:
    spans = RecordedSpans()
    stage = Stage()
    tracer = Tracer(clock=SystemClock(), sink=spans)
    server = Stoppable(stage.service(drain_seconds=0.05, tracer=tracer))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run())
        async with server.channel() as channel:
            letters = aiter(EchoStub(channel).stream(StringValue()))
            await anext(letters)
            server.stop()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await anext(letters)
    remote = from_rpc_error(ended.value)
    assert remote.code is Code.UNAVAILABLE
    assert remote.reason == "SHUTTING_DOWN"
    assert remote.retry_after is not None
    assert remote.retry_after > 0.0
    assert spans.one(STREAM).attributes["rpc.status_code"] == "UNAVAILABLE"


async def test_a_stream_that_nobody_reads_holds_nothing_up() -> None:
    """Its servicer is stuck in a write, and no status fits in behind that."""
    spans = RecordedSpans()
    started = asyncio.Event()

    async def flood(request: StringValue, context: object) -> AsyncIterator[StringValue]:
        while True:
            yield StringValue(value="x" * 64 * 1024)
            started.set()

    server = Stoppable(
        service_of(
            Echo(stream=flood).register,
            access=OPEN_TO_TENANTS,
            drain_seconds=0.05,
            tracer=Tracer(clock=SystemClock(), sink=spans),
        )
    )
    async with asyncio.timeout(10.0), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.run())
        async with server.channel() as channel:
            replies = EchoStub(channel).stream(StringValue())
            await started.wait()
            server.stop()
            await serving
            replies.cancel()
    assert spans.one(STREAM).attributes["rpc.status_code"] == "UNAVAILABLE"


async def test_a_health_watcher_sees_the_end_and_holds_nothing_up() -> None:
    server = Stoppable(Stage().service(drain_seconds=30.0))
    async with asyncio.timeout(10.0), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run())
        async with server.channel() as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            seen = aiter(stub.Watch(health_pb2.HealthCheckRequest()))
            assert (await anext(seen)).status == health_pb2.HealthCheckResponse.SERVING
            server.stop()
            assert (await anext(seen)).status == health_pb2.HealthCheckResponse.NOT_SERVING
            with pytest.raises(grpc.aio.AioRpcError):
                await anext(seen)


async def test_a_signal_ends_an_idle_service() -> None:
    signalled = asyncio.Event()

    async def send_signal() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signalled.set()

    service = replace(Stage().service(drain_seconds=30.0), background=[send_signal])
    await serve(service)
    assert signalled.is_set()


async def test_a_hangup_is_for_the_service_and_ends_nothing() -> None:
    """By custom it asks for files to be read anew, as often as it comes."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def send_signals() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            await heard.get()
        os.kill(os.getpid(), signal.SIGTERM)

    service = replace(
        Stage().service(drain_seconds=30.0),
        background=[send_signals],
        on_hangup=lambda: heard.put_nowait("again"),
    )
    await serve(service)

    assert heard.empty()


async def test_a_second_signal_does_not_wait_for_streams() -> None:
    stage = Stage()
    service = stage.service(drain_seconds=50.0)
    (listener,) = service.listeners
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    service = replace(service, listeners=[replace(listener, address=address)])
    async with asyncio.timeout(20.0), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(service))
        async with open_channel(address) as channel:
            letters = aiter(EchoStub(channel).stream(StringValue(), wait_for_ready=True))
            await anext(letters)
            os.kill(os.getpid(), signal.SIGINT)
            await new_calls_are_refused(channel)
            os.kill(os.getpid(), signal.SIGINT)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await anext(letters)
            await serving
    assert from_rpc_error(ended.value).reason == "SHUTTING_DOWN"


async def test_background_work_lives_as_long_as_the_service() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    service = replace(Stage().service(drain_seconds=1.0), background=[work])
    async with running(service):
        await started.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_background_work_that_crashes_cuts_no_call() -> None:
    """A reply that nobody foresaw, met by one job, ended every stream of everybody."""
    broke = asyncio.Event()

    async def crash() -> None:
        broke.set()
        raise LookupError

    stage = Stage()
    service = replace(stage.service(drain_seconds=1.0), background=[crash])
    async with running(service) as (port,), open_channel(f"127.0.0.1:{port}") as channel:
        letters = aiter(EchoStub(channel).stream(StringValue(), wait_for_ready=True))
        await anext(letters)
        await broke.wait()
        stage.cue.set()

        assert [letter.value async for letter in letters] == ["b"]


async def test_what_fails_inside_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError):
        async with running(Stage().service(drain_seconds=1.0)):
            raise LookupError


class Collector:
    """An exporter that counts."""

    def __init__(self) -> None:
        self.batches = 0
        self.closed = False

    async def export(self, request: bytes) -> int:
        self.batches += 1
        return 0

    async def close(self) -> None:
        self.closed = True


async def test_spans_are_flushed_at_the_end() -> None:
    collector = Collector()
    recorder = Recorder(collector, Encoder({"service.name": "test"}), interval=3600.0)
    tracer = Tracer(clock=SystemClock(), sink=recorder)
    service = replace(
        Stage().service(drain_seconds=1.0),
        telemetry=Telemetry(tracer=tracer, recorder=recorder),
    )
    async with running(service):
        tracer.start("work").end()
    assert collector.batches == 1
    assert collector.closed
