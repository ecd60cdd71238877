"""What tenants share in the engine, and what not; and whose trace its work is in."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from received_trace import Trace, received_trace
from span_collector import Collector

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import outgoing_metadata
from failsoft_kit.telemetry import SpanContext

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Question = Callable[..., chat_pb2.ChatRequest]
UNARY = "failsoft.inference.v1.InferenceService/Generate"
QUEUE, PREFILL, DECODE = OF_ENGINE = tuple(
    f"failsoft.engine.{each}" for each in ("queue", "prefill", "decode")
)


@pytest.fixture
def token(token_file: Path) -> ServiceToken:
    return ServiceToken.from_file(token_file)


async def test_a_prefix_is_read_once_for_a_tenant_and_never_shared_with_another(
    stub: "Stub", question: Question, token: ServiceToken
) -> None:
    """Who finds a prefix read already knows what somebody has asked."""
    request = pb.GenerateRequest(chat=question("7 " * 300, max_tokens=1))

    async def cached(tenant: str) -> int:
        metadata = outgoing_metadata(tenant=tenant, token=token)
        answer = await stub.Generate(request, metadata=metadata)
        return answer.finished.usage.cached_input_tokens

    assert await cached("acme") == 0
    assert await cached("acme") >= 256
    assert await cached("globex") == 0
    assert await cached("globex") >= 256


async def traced(collector: Collector, caller: SpanContext) -> Trace:
    """What has come of a unary call that belongs to that caller's span."""
    names = (UNARY, "llm_request", *OF_ENGINE)
    return await asyncio.to_thread(received_trace, collector, caller.trace_id, names=names)


async def test_the_engines_work_is_in_its_callers_trace(
    stub: "Stub", question: Question, token: ServiceToken, collector: Collector
) -> None:
    """Under the service's own span, with the attempt's id, beside what vLLM writes itself."""
    caller = SpanContext(trace_id=0xFA11, span_id=0x50F7, sampled=True)
    metadata = outgoing_metadata(span=caller, attempt_id="w1/2/1", token=token)
    await stub.Generate(pb.GenerateRequest(chat=question(max_tokens=2)), metadata=metadata)

    trace = await traced(collector, caller)
    assert trace.tree[0] == f"SERVER {UNARY}"
    below = ["  SERVER llm_request", *(f"  INTERNAL {each}" for each in OF_ENGINE)]
    assert sorted(trace.tree[1:]) == sorted(below)
    assert int.from_bytes(trace.one(UNARY).parent_span_id) == caller.span_id
    engines = trace.attributes("llm_request")
    assert engines["gen_ai.usage.completion_tokens"] == 2
    assert engines["gen_ai.request.id"] == "w1/2/1"
    assert trace.attributes(DECODE)["failsoft.engine.output_tokens"] == 2
    assert trace.attributes(UNARY)["gen_ai.provider.name"] == "vllm"


async def test_what_had_not_to_be_read_again_is_told_with_the_reading(
    stub: "Stub", question: Question, token: ServiceToken, collector: Collector
) -> None:
    caller = SpanContext(trace_id=0xCAC4E, span_id=0x50F7, sampled=True)
    request = pb.GenerateRequest(chat=question("8 " * 300, max_tokens=1))
    await stub.Generate(request, metadata=outgoing_metadata(token=token))
    metadata = outgoing_metadata(span=caller, token=token)
    usage = (await stub.Generate(request, metadata=metadata)).finished.usage

    read = (await traced(collector, caller)).attributes(PREFILL)
    assert read["failsoft.engine.prompt_tokens"] == usage.input_tokens
    assert read["failsoft.engine.cached_tokens"] == usage.cached_input_tokens >= 256
