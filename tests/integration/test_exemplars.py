"""From a bucket of a histogram to a trace: both come to the same collector."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from processes import free_ports, process, wait_until_serving
from router_under_test import chat, two_hops
from span_collector import Collector, collecting

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.telemetry import SpanContext
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

WITH_EXAMPLES = {
    "failsoft.walk.duration",
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.client.token.usage",
    "rpc.server.call.duration",
}
SAMPLED, UNSAMPLED = (
    SpanContext(trace_id=0xA, span_id=0xB, sampled=True),
    SpanContext(trace_id=0xC, span_id=0xD, sampled=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a router has sent when it has ended."""

    traces: frozenset[bytes]
    examples: dict[str, frozenset[bytes]]
    """Traces of exemplars, by metric."""
    walks: float


class Router:
    """A router in a process of its own, which sends spans and metrics to one collector."""

    def __init__(self, folder: Path, policy: dict[str, object], collector: Collector) -> None:
        self._folder = folder
        self._collector = collector
        file = folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy))
        self._address, admin_address = (f"127.0.0.1:{port}" for port in free_ports(2))
        self._variables = {
            "FAILSOFT_ROUTER_ADDRESS": self._address,
            "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin_address,
            "FAILSOFT_ROUTER_POLICY_FILE": str(file),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        }

    async def sent(self, *parents: SpanContext) -> Sent:
        """All that it sends about one request as part of each trace."""
        with process(["-m", "failsoft_router"], folder=self._folder, variables=self._variables):
            service = "failsoft.inference.v1.InferenceService"
            await asyncio.to_thread(wait_until_serving, self._address, service)
            async with open_channel(self._address) as channel:
                stub = pb_grpc.InferenceServiceStub(channel)
                for parent in parents:
                    request = pb.GenerateRequest(chat=chat("What is soft?"))
                    await stub.Generate(request, metadata=outgoing_metadata(span=parent))
        return _sent(self._collector)


@pytest.fixture
async def router(first: Upstream, second: Upstream, tmp_path: Path) -> AsyncIterator[Router]:
    await first.set_fault(faults.Status(status=503))
    with collecting() as collector:
        yield Router(tmp_path, two_hops(first, second), collector)


async def test_an_exemplar_leads_to_a_trace_that_was_received(router: Router) -> None:
    sent = await router.sent(SAMPLED)

    assert sent.traces == {SAMPLED.trace_id.to_bytes(16, "big")}
    assert sent.examples == dict.fromkeys(WITH_EXAMPLES, sent.traces)


async def test_a_trace_that_is_not_kept_leaves_no_exemplar(router: Router) -> None:
    """It would lead nowhere; the request is counted like any other."""
    sent = await router.sent(SAMPLED, UNSAMPLED)

    assert sent.walks == 2
    assert sent.traces == {SAMPLED.trace_id.to_bytes(16, "big")}
    assert sent.examples == dict.fromkeys(WITH_EXAMPLES, sent.traces)


def _sent(collector: Collector) -> Sent:
    spans = [collector.received.get_nowait() for _ in range(collector.received.qsize())]
    batches = [collector.measured.get_nowait() for _ in range(collector.measured.qsize())]
    last = batches[-1]
    examples = {name: _examples(metric) for name, metric in last.items()}
    return Sent(
        traces=frozenset(span.trace_id for span in spans),
        examples={name: traces for name, traces in examples.items() if traces},
        walks=sum(point.as_double for point in last["failsoft.walks"].sum.data_points),
    )


def _examples(metric: Metric) -> frozenset[bytes]:
    return frozenset(
        exemplar.trace_id for point in metric.histogram.data_points for exemplar in point.exemplars
    )
