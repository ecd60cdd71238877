"""The spans of a service with a real engine, as a collector gets them, however a call ends."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from received_trace import Trace, received_trace
from span_collector import Collector, collecting

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.telemetry import SpanContext

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

    Stream = grpc.aio.UnaryStreamCall[pb.StreamGenerateRequest, pb.StreamGenerateResponse]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SERVICE = "failsoft.inference.v1.InferenceService"
UNARY, STREAM = f"{SERVICE}/Generate", f"{SERVICE}/StreamGenerate"
QUEUE, PREFILL, DECODE = (f"failsoft.engine.{each}" for each in ("queue", "prefill", "decode"))
WHOLE = [f"  INTERNAL {each}" for each in (QUEUE, PREFILL, DECODE)]
MODEL = "smollm2-135m-instruct"
LONG = 4000
"""Tokens of an answer that is still being written when the test goes on."""
Service = tuple[psutil.Popen, str]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    start_service: Callable[..., AbstractContextManager[Service]], collector: Collector
) -> Iterator[Service]:
    """A service that answers one request at once, and lets one wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        with start_service(max_sequences="1", max_waiting="1", warm_up_tokens="0") as service:
            yield service


class Caller:
    """Somebody whose calls belong to one trace."""

    def __init__(self, stub: "InferenceServiceAsyncStub", collector: Collector) -> None:
        self.stub = stub
        self.span = SpanContext(secrets.randbits(128) | 1, secrets.randbits(64) | 1, sampled=True)
        self._collector = collector

    async def ask(self, *, max_tokens: int = 8, timeout: float | None = None) -> pb.Finished:
        request = pb.GenerateRequest(chat=question(max_tokens))
        metadata = outgoing_metadata(span=self.span, attempt_id="w1/2/1")
        reply = await self.stub.Generate(request, metadata=metadata, timeout=timeout)
        return reply.finished

    def stream(self, *, max_tokens: int = 8) -> "Stream":
        request = pb.StreamGenerateRequest(chat=question(max_tokens))
        return self.stub.StreamGenerate(request, metadata=outgoing_metadata(span=self.span))

    async def trace(self, call: str) -> Trace:
        """What has come of it, when that call's own span is there, which ends last."""
        names = (call, QUEUE)
        return await asyncio.to_thread(
            received_trace, self._collector, self.span.trace_id, names=names
        )


@pytest.fixture
async def caller(
    traced: Service,
    collector: Collector,
    wait_until_ready: Callable[[grpc.aio.Channel], Awaitable[None]],
) -> AsyncIterator[Caller]:
    async with open_channel(traced[1]) as channel:
        await wait_until_ready(channel)
        yield Caller(pb_grpc.InferenceServiceStub(channel), collector)


def question(max_tokens: int) -> chat_pb2.ChatRequest:
    text = chat_pb2.Part(text="Tell a long story.")
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[text])],
        sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=max_tokens),
    )


async def first_text(call: "Stream") -> None:
    async for event in call:
        if event.delta.text:
            return


async def waiting(caller: Caller) -> int:
    """Requests that wait for the engine."""
    [model] = (await caller.stub.ListModels(pb.ListModelsRequest())).models
    return model.status.load.waiting


async def test_an_answer_is_three_spans_below_its_callers(caller: Caller) -> None:
    finished = await caller.ask(max_tokens=4)

    trace = await caller.trace(UNARY)
    assert trace.tree == [f"SERVER {UNARY}", *WHOLE]
    call = trace.one(UNARY)
    assert int.from_bytes(call.parent_span_id) == caller.span.span_id
    assert (
        trace.attributes(UNARY).items()
        >= {
            "failsoft.attempt.id": "w1/2/1",
            "failsoft.degradation": "none",
            "failsoft.profile": "minimal",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openvino",
            "gen_ai.request.model": MODEL,
            "gen_ai.request.stream": False,
            "gen_ai.response.model": MODEL,
            "gen_ai.response.finish_reasons": ("length",),
        }.items()
    )
    read = trace.attributes(PREFILL)["failsoft.engine.prompt_tokens"]
    written = trace.attributes(DECODE)["failsoft.engine.output_tokens"]
    assert (read, written) == (finished.usage.input_tokens, finished.usage.output_tokens)


async def test_each_span_begins_where_the_one_before_ends(caller: Caller) -> None:
    await caller.ask()

    trace = await caller.trace(UNARY)
    queue, prefill, decode = (trace.one(each) for each in (QUEUE, PREFILL, DECODE))
    assert queue.end_time_unix_nano <= prefill.start_time_unix_nano
    assert prefill.end_time_unix_nano <= decode.start_time_unix_nano
    assert decode.end_time_unix_nano <= trace.one(UNARY).end_time_unix_nano


async def test_a_stream_has_the_same_spans(caller: Caller) -> None:
    _ = [event async for event in caller.stream()]

    trace = await caller.trace(STREAM)
    assert trace.tree == [f"SERVER {STREAM}", *WHOLE]
    assert trace.attributes(STREAM)["gen_ai.request.stream"] is True


async def test_a_caller_who_hangs_up_ends_the_spans_and_is_no_error(caller: Caller) -> None:
    call = caller.stream(max_tokens=LONG)
    await first_text(call)
    call.cancel()

    trace = await caller.trace(STREAM)
    assert trace.tree == [f"SERVER {STREAM}", *WHOLE]
    assert trace.attributes(STREAM)["rpc.status_code"] == "CANCELLED"
    assert "gen_ai.response.finish_reasons" not in trace.attributes(DECODE)


async def test_a_stream_that_is_never_read_ends_its_spans(caller: Caller) -> None:
    call = caller.stream(max_tokens=LONG)
    await call.initial_metadata()
    call.cancel()

    trace = await caller.trace(STREAM)
    assert trace.tree[:2] == [f"SERVER {STREAM}", *WHOLE[:1]]
    assert not [line for line in trace.tree if "ERROR" in line]


async def test_a_deadline_is_the_calls_error_and_not_the_engines(caller: Caller) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await caller.ask(max_tokens=LONG, timeout=1.0)

    trace = await caller.trace(UNARY)
    assert trace.tree[0] == f"SERVER {UNARY} ERROR DEADLINE_EXCEEDED"
    assert trace.tree[1:] == WHOLE[: len(trace.tree) - 1]


async def test_who_finds_no_place_is_told_why_in_its_trace(
    caller: Caller, collector: Collector
) -> None:
    inside, waits = caller.stream(max_tokens=LONG), caller.stream(max_tokens=LONG)
    await first_text(inside)
    async with asyncio.timeout(30.0):
        while not await waiting(caller):
            pass
    refused = Caller(caller.stub, collector)
    with pytest.raises(grpc.aio.AioRpcError):
        await refused.ask()

    trace = await refused.trace(UNARY)
    assert trace.tree == [f"SERVER {UNARY}", f"  INTERNAL {QUEUE} ERROR OVERLOADED"]
    assert trace.attributes(QUEUE)["failsoft.queue.refusal"] == "full"
    assert trace.attributes(QUEUE)["failsoft.criticality"] == "critical"
    inside.cancel()
    waits.cancel()


async def test_an_engine_that_dies_is_the_error_of_what_it_did(
    caller: Caller, traced: Service
) -> None:
    call = caller.stream(max_tokens=LONG)
    await first_text(call)
    [engine] = traced[0].children()
    engine.kill()
    with pytest.raises(grpc.aio.AioRpcError):
        _ = [event async for event in call]

    trace = await caller.trace(STREAM)
    assert trace.tree == [
        f"SERVER {STREAM} ERROR UNAVAILABLE",
        *WHOLE[:2],
        f"{WHOLE[2]} ERROR ENGINE_UNAVAILABLE",
    ]
