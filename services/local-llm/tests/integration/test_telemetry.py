"""What the service's spans say, and that its metrics are those that are declared."""

import asyncio

import grpc
import pytest

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import (
    MetricName,
    NameRegistry,
    SpanContext,
    Telemetry,
    Tracer,
    telemetry_from,
)
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_local_llm.settings import LocalLlmSettings
from failsoft_local_llm.telemetry import NAMES
from failsoft_local_llm.wiring import SERVICE, build

pytestmark = pytest.mark.integration

CALLER = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)


async def test_every_metric_that_is_declared_is_made_and_no_other() -> None:
    """What the documentation lists can be looked for; what can be found is in it."""
    clock, names = SystemClock(), NameRegistry(strict=True)
    declared = (*RPC_NAMES, *PROCESS_NAMES, *NAMES)
    names.register(declared)
    telemetry = telemetry_from({}, service="failsoft-local-llm", clock=clock, names=names)
    settings = LocalLlmSettings(address="127.0.0.1:0", drain=0.0)

    async with running(build(settings, clock=clock, telemetry=telemetry)):
        await asyncio.sleep(0)

    assert telemetry.meter.made() == {name for name in declared if isinstance(name, MetricName)}


async def test_a_call_continues_its_callers_trace_and_names_the_attempt() -> None:
    """That is how a walk's attempt and the engine's work are found in one trace."""
    clock, spans = SystemClock(), RecordedSpans()
    names = NameRegistry(strict=True)
    names.register((*RPC_NAMES, *NAMES))
    telemetry = Telemetry(tracer=Tracer(clock=clock, sink=spans, names=names))
    settings = LocalLlmSettings(address="127.0.0.1:0", drain=0.0)
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Hi")])
    request = pb.CountTokensRequest(chat=chat_pb2.ChatRequest(messages=[message]))

    async with (
        running(build(settings, clock=clock, telemetry=telemetry)) as (port,),
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await pb_grpc.InferenceServiceStub(channel).CountTokens(
                request, metadata=outgoing_metadata(span=CALLER, attempt_id="w1/2/1")
            )

    span = spans.one(f"{SERVICE}/CountTokens")
    assert span.context.trace_id == CALLER.trace_id
    assert span.attributes["failsoft.attempt.id"] == "w1/2/1"
    assert span.attributes["failsoft.reason"] == "ENGINE_UNAVAILABLE"
