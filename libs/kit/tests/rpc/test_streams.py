"""However a stream ends, its span ends with it."""
# ruff: noqa: ANN401 - a servicer's context has no simple type

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit import call
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.service import Service
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.telemetry import Tracer
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, STREAM, UNARY, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_kit.testing.spans import RecordedSpan, RecordedSpans
from failsoft_model.errors import Code, Overloaded

pytestmark = pytest.mark.integration

LARGE = "x" * 64 * 1024


class Stage:
    """A stream that tells how far it is, and whether it was cleaned up."""

    def __init__(self, *, before_hanging: int) -> None:
        self.hangs = asyncio.Event()
        self.cleaned_up = asyncio.Event()
        self._letters = before_hanging

    async def stream(self, request: StringValue, context: object) -> AsyncIterator[StringValue]:
        try:
            for _ in range(self._letters):
                yield StringValue(value="x")
            self.hangs.set()
            await asyncio.Event().wait()
        finally:
            self.cleaned_up.set()


@pytest.fixture
def spans() -> RecordedSpans:
    return RecordedSpans()


@pytest.fixture
def tracer(spans: RecordedSpans) -> Tracer:
    return Tracer(clock=SystemClock(), sink=spans)


def serving(echo: Echo, tracer: Tracer) -> Service:
    return service_of(echo.register, access=OPEN_TO_TENANTS, tracer=tracer)


def ended_as(spans: RecordedSpans, code: str) -> RecordedSpan:
    span = spans.one(STREAM)
    assert span.attributes["rpc.status_code"] == code
    return span


async def test_a_stream_arrives_whole_and_in_order(tracer: Tracer, spans: RecordedSpans) -> None:
    async with channel_to(serving(Echo(), tracer)) as channel:
        letters = [
            reply.value async for reply in EchoStub(channel).stream(StringValue(value="abc"))
        ]
    assert letters == ["a", "b", "c"]
    assert ended_as(spans, "OK").error is None


async def test_a_servicer_may_write_by_itself(tracer: Tracer, spans: RecordedSpans) -> None:
    async def write(request: StringValue, context: Any) -> None:
        for letter in request.value:
            await context.write(StringValue(value=letter))

    async with channel_to(serving(Echo(stream=write), tracer)) as channel:
        letters = [
            reply.value async for reply in EchoStub(channel).stream(StringValue(value="abc"))
        ]
    assert letters == ["a", "b", "c"]
    assert ended_as(spans, "OK").error is None


async def test_a_generator_sees_its_call_from_first_to_last(tracer: Tracer) -> None:
    async def look(request: StringValue, context: object) -> AsyncIterator[StringValue]:
        yield StringValue(value=call.current().method)
        await asyncio.to_thread(lambda: None)
        yield StringValue(value=call.current().method)

    async with channel_to(serving(Echo(stream=look), tracer)) as channel:
        seen = [reply.value async for reply in EchoStub(channel).stream(StringValue())]
    assert seen == [STREAM, STREAM]


async def test_an_error_after_some_content_keeps_its_details(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    async def break_off(request: StringValue, context: object) -> AsyncIterator[StringValue]:
        yield StringValue(value="a")
        raise Overloaded("full", retry_after=1.0)

    async with channel_to(serving(Echo(stream=break_off), tracer)) as channel:
        replies = EchoStub(channel).stream(StringValue())
        assert await anext(aiter(replies)) == StringValue(value="a")
        with pytest.raises(grpc.aio.AioRpcError) as broken:
            await anext(aiter(replies))
    assert from_rpc_error(broken.value).retry_after == 1.0
    ended_as(spans, "RESOURCE_EXHAUSTED")


async def test_a_caller_who_leaves_before_the_first_message_is_noticed(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    stage = Stage(before_hanging=0)
    async with channel_to(serving(Echo(stream=stage.stream), tracer)) as channel:
        replies = EchoStub(channel).stream(StringValue())
        await stage.hangs.wait()
        replies.cancel()
        await stage.cleaned_up.wait()
    assert ended_as(spans, "CANCELLED").error is None


async def test_a_caller_who_leaves_mid_stream_is_noticed(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    stage = Stage(before_hanging=2)
    async with channel_to(serving(Echo(stream=stage.stream), tracer)) as channel:
        replies = EchoStub(channel).stream(StringValue())
        await anext(aiter(replies))
        replies.cancel()
        await stage.cleaned_up.wait()
    assert ended_as(spans, "CANCELLED").error is None


async def test_a_connection_that_breaks_is_noticed(tracer: Tracer, spans: RecordedSpans) -> None:
    stage = Stage(before_hanging=1)
    async with channel_to(serving(Echo(stream=stage.stream), tracer)) as channel:
        replies = EchoStub(channel).stream(StringValue())
        await anext(aiter(replies))
        await channel.close()
        await stage.cleaned_up.wait()
    assert ended_as(spans, "CANCELLED").error is None


async def test_a_stream_that_nobody_reads_leaves_no_span_open(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    """Flow control holds the servicer in a write that only the end of the connection frees."""
    started, cleaned_up = asyncio.Event(), asyncio.Event()

    async def flood(request: StringValue, context: object) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield StringValue(value=LARGE)
                started.set()
        finally:
            cleaned_up.set()

    async with channel_to(serving(Echo(stream=flood), tracer)) as channel:
        replies = EchoStub(channel).stream(StringValue())
        await started.wait()
        await channel.close()
        await cleaned_up.wait()
        assert replies.done()
    assert ended_as(spans, "CANCELLED").error is None


async def test_a_stream_that_outlasts_its_deadline_says_so(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    stage = Stage(before_hanging=1)
    async with channel_to(serving(Echo(stream=stage.stream), tracer)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as late:
            async for _ in EchoStub(channel).stream(StringValue(), timeout=0.2):
                pass
        await stage.cleaned_up.wait()
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert ended_as(spans, "DEADLINE_EXCEEDED").error == "DEADLINE_EXCEEDED"


async def test_a_body_that_cannot_be_read_ends_a_stream_before_it_starts(tracer: Tracer) -> None:
    async with channel_to(serving(Echo(), tracer)) as channel:
        raw: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/{STREAM}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(raw(b"\x0a\x01\xff")))
    assert from_rpc_error(refused.value).code is Code.INVALID_ARGUMENT


async def test_a_unary_call_that_is_cancelled_is_no_error(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    started, cleaned_up = asyncio.Event(), asyncio.Event()

    async def hang(request: StringValue, context: object) -> StringValue:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            cleaned_up.set()
        return request

    async with channel_to(serving(Echo(unary=hang), tracer)) as channel:
        reply = EchoStub(channel).unary(StringValue())
        await started.wait()
        reply.cancel()
        await cleaned_up.wait()
    span = spans.one(UNARY)
    assert span.attributes["rpc.status_code"] == "CANCELLED"
    assert span.error is None
