"""One trace through two services: a router's attempt, and what the local model did for it.

Both are processes of their own and send their spans to a collector, as in production.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import yaml
from local_llm_process import INFERENCE, MODEL, LocalLlm, local_llm
from processes import free_ports, process, wait_until_serving
from received_trace import received_trace
from router_under_test import chat
from span_collector import Collector, collecting

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.telemetry import SpanContext

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

OF_ENGINE = ("failsoft.engine.queue", "failsoft.engine.prefill", "failsoft.engine.decode")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[LocalLlm]:
    folder = tmp_path_factory.mktemp("local-llm")
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    with local_llm(folder, warm_up_tokens="0", environ=environ) as service:
        service.wait_until_serving()
        yield service


@pytest.fixture(scope="module")
def router(
    tmp_path_factory: pytest.TempPathFactory, model: LocalLlm, collector: Collector
) -> Iterator[str]:
    """The address of a router whose only target it is."""
    folder = tmp_path_factory.mktemp("router")
    file = folder / "policy.yaml"
    local = {"provider": "failsoft", "model": MODEL, "endpoint": model.address}
    routes = {"chat": {"default": True, "hops": ["local"]}}
    file.write_text(yaml.safe_dump({"targets": {"local": local}, "routes": routes}))
    address, admin_address = (f"127.0.0.1:{port}" for port in free_ports(2))
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin_address,
        "FAILSOFT_ROUTER_POLICY_FILE": str(file),
        "FAILSOFT_ROUTER_DRAIN": "1s",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
    }
    with process(["-m", "failsoft_router"], folder=folder, variables=variables):
        wait_until_serving(address, INFERENCE)
        yield address


@pytest.fixture
async def stub(router: str) -> AsyncIterator["InferenceServiceAsyncStub"]:
    async with open_channel(router) as channel:
        yield pb_grpc.InferenceServiceStub(channel)


async def test_what_the_engine_did_stands_below_the_routers_attempt(
    stub: "InferenceServiceAsyncStub", collector: Collector
) -> None:
    asked = chat("Hi!", sampling={"max_tokens": 4, "temperature": 0.0})
    finished = (await stub.Generate(pb.GenerateRequest(chat=asked))).finished

    trace = await asyncio.to_thread(
        received_trace,
        collector,
        int(finished.trace_id, 16),
        names=(f"{INFERENCE}/Generate", f"{INFERENCE}/StreamGenerate", *OF_ENGINE),
    )

    assert trace.tree == [
        f"SERVER {INFERENCE}/Generate",
        "  INTERNAL failsoft.walk",
        "    INTERNAL failsoft.hop",
        f"      CLIENT chat {MODEL}",
        f"        SERVER {INFERENCE}/StreamGenerate",
        *(f"          INTERNAL {each}" for each in OF_ENGINE),
    ]
    attempt = trace.attributes(f"chat {MODEL}")
    engines = trace.attributes(f"{INFERENCE}/StreamGenerate")
    assert engines["failsoft.attempt.id"] == f"{finished.walk_id}/1/1"
    assert engines["gen_ai.response.model"] == attempt["gen_ai.response.model"] == MODEL


async def test_a_trace_counts_each_token_once(
    stub: "InferenceServiceAsyncStub", collector: Collector
) -> None:
    """Whoever adds up `gen_ai.usage.*` over a trace gets what was used."""
    asked = chat("Hi!", sampling={"max_tokens": 4, "temperature": 0.0})
    request = pb.StreamGenerateRequest(chat=asked)
    events = [event async for event in stub.StreamGenerate(request)]
    finished = events[-1].finished

    trace = await asyncio.to_thread(
        received_trace,
        collector,
        int(finished.trace_id, 16),
        names=("failsoft.walk", *OF_ENGINE),
    )

    used = {
        name: [
            attribute.value.int_value
            for span in trace.spans
            for attribute in span.attributes
            if attribute.key == f"gen_ai.usage.{name}"
        ]
        for name in ("input_tokens", "output_tokens")
    }
    assert used == {
        "input_tokens": [finished.usage.input_tokens],
        "output_tokens": [finished.usage.output_tokens],
    }


async def test_a_caller_who_hangs_up_ends_the_spans_of_both_services(
    stub: "InferenceServiceAsyncStub", collector: Collector
) -> None:
    caller = SpanContext(trace_id=0xCA11E2, span_id=0x50F7, sampled=True)
    asked = chat("Tell a long story.", sampling={"max_tokens": 4000, "temperature": 0.0})
    request = pb.StreamGenerateRequest(chat=asked)
    call = stub.StreamGenerate(request, metadata=outgoing_metadata(span=caller))
    async for event in call:
        if event.delta.text:
            break
    call.cancel()

    trace = await asyncio.to_thread(
        received_trace, collector, caller.trace_id, names=("failsoft.walk", *OF_ENGINE)
    )

    assert not [line for line in trace.tree if "ERROR" in line]
    assert "gen_ai.response.finish_reasons" not in trace.attributes("failsoft.engine.decode")
