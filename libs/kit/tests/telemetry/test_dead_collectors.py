"""Whatever befalls the collector, no request waits for it, and neither does the end."""

import asyncio
from dataclasses import replace

import pytest
from dead_collectors import Ailment, dead_collector
from google.protobuf.wrappers_pb2 import StringValue
from structlog.testing import capture_logs

from failsoft_kit.clock import LoopClock, SystemClock
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import telemetry_from
from failsoft_kit.telemetry.process_metrics import SPANS_DROPPED
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo, EchoStub
from failsoft_kit.testing.grpc import service_of
from failsoft_kit.testing.metrics import number

pytestmark = pytest.mark.integration

A_BATCH = 512
MORE = 100
IN_FLIGHT = 32
FLUSH = 2.0
"""Seconds that the end may wait for a collector."""
BUSY = 5.0
"""Times that a loaded machine may take."""


async def ask(stub: EchoStub, *, calls: int) -> None:
    for start in range(0, calls, IN_FLIGHT):
        await asyncio.gather(
            *(stub.unary(StringValue(value="x")) for _ in range(min(IN_FLIGHT, calls - start)))
        )


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize("ailment", Ailment, ids=lambda ailment: ailment.name.lower())
async def test_no_request_waits_for_a_dead_collector_and_neither_does_the_end(
    ailment: Ailment, protocol: str
) -> None:
    """It is asked for one batch, which it may take a minute for; calls go on meanwhile."""
    async with dead_collector(ailment, protocol) as collector:
        telemetry = telemetry_from(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_TIMEOUT": "60000",
                "OTEL_METRICS_EXPORTER": "none",
            },
            service="test",
            clock=SystemClock(),
        )
        service = replace(service_of(Echo().register, access=OPEN_TO_TENANTS), telemetry=telemetry)
        with capture_logs() as logged:
            async with running(service) as ports, open_channel(f"127.0.0.1:{ports[0]}") as channel:
                stub = EchoStub(channel)
                await ask(stub, calls=A_BATCH)
                if ailment is not Ailment.ABSENT:
                    await collector.contacted.wait()
                await ask(stub, calls=MORE)
                began = LoopClock().now()
        took = LoopClock().now() - began

    lost = 0 if ailment is Ailment.SLOW else A_BATCH + MORE
    assert number(telemetry.meter, SPANS_DROPPED) == lost
    assert took < FLUSH * BUSY
    events = [entry["event"] for entry in logged]
    assert events.count("telemetry.export_failing") == (1 if lost else 0)
