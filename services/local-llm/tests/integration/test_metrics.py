"""What Prometheus reads from a service with a real model, and what a collector gets of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from processes import free_ports
from scrape import Scrape, scrape
from span_collector import Collector, collecting

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.telemetry.process_metrics import version

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

pytestmark = pytest.mark.integration

MODEL = "smollm2-135m-instruct"
Service = tuple[psutil.Popen, str]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def metrics_address() -> str:
    (port,) = free_ports(1)
    return f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def measured(
    start_service: Callable[..., AbstractContextManager[Service]],
    metrics_address: str,
    collector: Collector,
) -> Iterator[Service]:
    """A service whose metrics are read, and pushed five times a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        with start_service(metrics_address=metrics_address) as service:
            yield service


@pytest.fixture
async def stub(
    measured: Service, wait_until_ready: Callable[[grpc.aio.Channel], Awaitable[None]]
) -> AsyncIterator["InferenceServiceAsyncStub"]:
    async with open_channel(measured[1]) as channel:
        await wait_until_ready(channel)
        yield pb_grpc.InferenceServiceStub(channel)


def question(**sampling: object) -> chat_pb2.ChatRequest:
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Hi!")])
    wishes = {"temperature": 0.0, "max_tokens": 8, **sampling}
    return chat_pb2.ChatRequest(
        messages=[message],
        sampling=chat_pb2.Sampling(**wishes),  # type: ignore[arg-type]
    )


async def test_what_is_asked_is_counted(
    stub: "InferenceServiceAsyncStub", metrics_address: str
) -> None:
    async def read() -> Scrape:
        return await asyncio.to_thread(scrape, metrics_address)

    before = await read()
    reply = await stub.Generate(pb.GenerateRequest(chat=question()))
    events = [
        event async for event in stub.StreamGenerate(pb.StreamGenerateRequest(chat=question()))
    ]
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.Generate(pb.GenerateRequest(chat=chat_pb2.ChatRequest(model="unknown")))
    after = await read()

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    served = {"gen_ai_provider_name": "openvino", "gen_ai_response_model": MODEL}
    usages = [reply.finished.usage, events[-1].finished.usage]
    assert grown("gen_ai_server_request_duration_seconds_count", **served, error_type="") == 2
    assert grown("gen_ai_server_time_to_first_token_seconds_count", **served) == 2
    assert grown("gen_ai_server_time_per_output_token_seconds_count", **served) == 2
    assert grown("failsoft_queue_wait_seconds_count") == 2
    for kind, tokens in (("input", "input_tokens"), ("output", "output_tokens")):
        expected = sum(getattr(usage, tokens) for usage in usages)
        assert grown("failsoft_tokens_total", gen_ai_token_type=kind) == expected
    calls = "rpc_server_call_duration_seconds_count"
    assert grown(calls, rpc_method="failsoft.inference.v1.InferenceService/Generate") == 2
    assert grown(calls, rpc_status_code="OK") == 2


async def test_what_is_so_is_told(stub: "InferenceServiceAsyncStub", metrics_address: str) -> None:
    await stub.Generate(pb.GenerateRequest(chat=question(max_tokens=1)))
    told = await asyncio.to_thread(scrape, metrics_address)
    assert told.value("failsoft_engine_up") == 1
    assert told.value("failsoft_engine_degraded") == 0
    engine = {"gen_ai_response_model": MODEL, "failsoft_profile": "minimal"}
    assert told.value("failsoft_engine_info", **engine) == 1
    assert told.value("failsoft_engine_events_total", failsoft_engine_event="started") == 1
    assert told.value("failsoft_engine_start_duration_seconds_sum") > 0
    assert told.value("failsoft_build_info", service_version=version()) == 1
    assert told.value("target_info", service_name="failsoft-local-llm") == 1
    assert told.value("failsoft_event_loop_lag_seconds_count") > 0
    assert told.value("process_resident_memory_bytes") > 0


async def test_a_collector_gets_the_same(
    stub: "InferenceServiceAsyncStub", collector: Collector
) -> None:
    await stub.Generate(pb.GenerateRequest(chat=question(max_tokens=1)))

    def pushed_later() -> int:
        """Whole answers by the second batch from now on: the first may be from before."""
        collector.measured.queue.clear()
        collector.measured.get(timeout=10.0)
        batch = collector.measured.get(timeout=10.0)
        points = batch["gen_ai.server.time_to_first_token"].histogram.data_points
        return sum(point.count for point in points)

    count = await asyncio.to_thread(pushed_later)
    await stub.Generate(pb.GenerateRequest(chat=question(max_tokens=1)))
    assert await asyncio.to_thread(pushed_later) == count + 1
