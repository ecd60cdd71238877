"""What tenants share in the engine, and what not; and whose trace its work is in."""

import queue
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from span_collector import Collector

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import outgoing_metadata
from failsoft_kit.telemetry import SpanContext

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Question = Callable[..., chat_pb2.ChatRequest]
SPAN_SECONDS = 20.0


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


async def test_the_engines_work_is_in_its_callers_trace(
    stub: "Stub", question: Question, token: ServiceToken, collector: Collector
) -> None:
    """Under the service's own span, with the attempt's id."""
    caller = SpanContext(trace_id=0xFA11, span_id=0x50F7, sampled=True)
    metadata = outgoing_metadata(span=caller, attempt_id="w1/2/1", token=token)
    await stub.Generate(pb.GenerateRequest(chat=question(max_tokens=2)), metadata=metadata)

    of_trace: list[Span] = []
    while len(of_trace) < 2:
        try:
            span = collector.received.get(timeout=SPAN_SECONDS)
        except queue.Empty:
            pytest.fail(f"of this trace came only {[each.name for each in of_trace]}")
        if int.from_bytes(span.trace_id) == caller.trace_id:
            of_trace.append(span)
    [engines] = [span for span in of_trace if span.name == "llm_request"]
    [services] = [span for span in of_trace if span is not engines]
    assert engines.parent_span_id == services.span_id
    attributes = {each.key: each.value for each in engines.attributes}
    assert attributes["gen_ai.usage.completion_tokens"].int_value == 2
    assert attributes["gen_ai.request.id"].string_value == "w1/2/1"
