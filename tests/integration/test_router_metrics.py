"""What Prometheus reads from a router whose providers fail."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from processes import free_ports, process, wait_until_serving
from router_under_test import chat, two_hops
from scrape import Scrape, scrape

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_upstream import Upstream, faults

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

pytestmark = pytest.mark.integration

STRIKES = 2
OF_FIRST, OF_SECOND = (
    {"gen_ai_provider_name": "openai", "gen_ai_request_model": model}
    for model in ("gpt-5-mini", "gpt-5-nano")
)


class Measured:
    """A router in a process of its own, whose first target is out after two failures."""

    def __init__(self, stub: "InferenceServiceAsyncStub", metrics_address: str) -> None:
        self._stub = stub
        self._metrics_address = metrics_address

    async def ask(self) -> pb.GenerateResponse:
        return await self._stub.Generate(pb.GenerateRequest(chat=chat("What is soft?")))

    async def stream(self) -> None:
        request = pb.StreamGenerateRequest(chat=chat("What is soft?"))
        assert [event async for event in self._stub.StreamGenerate(request)]

    async def told(self) -> Scrape:
        return await asyncio.to_thread(scrape, self._metrics_address)


@pytest.fixture
async def measured(first: Upstream, second: Upstream, tmp_path: Path) -> AsyncIterator[Measured]:
    file = tmp_path / "policy.yaml"
    breaker = {"consecutive_failures": STRIKES, "open_for": "60s", "open_cap": "60s"}
    policy = two_hops(first, second, breaker=breaker)
    file.write_text(yaml.safe_dump(policy))
    address, admin_address, metrics_address = (f"127.0.0.1:{port}" for port in free_ports(3))
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin_address,
        "FAILSOFT_ROUTER_METRICS_ADDRESS": metrics_address,
        "FAILSOFT_ROUTER_POLICY_FILE": str(file),
        "FAILSOFT_ROUTER_DRAIN": "1s",
    }
    with process(["-m", "failsoft_router"], folder=tmp_path, variables=variables):
        service = "failsoft.inference.v1.InferenceService"
        await asyncio.to_thread(wait_until_serving, address, service)
        async with open_channel(address) as channel:
            yield Measured(pb_grpc.InferenceServiceStub(channel), metrics_address)


async def test_an_outage_is_told_in_numbers(
    measured: Measured, first: Upstream, second: Upstream
) -> None:
    await measured.ask()
    await first.set_fault(faults.Status(status=503))
    for _ in range(STRIKES):
        await measured.ask()
    await measured.stream()
    await second.set_fault(faults.Status(status=500))
    await measured.ask()

    told = await measured.told()

    walks = {
        got: told.value("failsoft_walks_total", failsoft_route="chat", failsoft_degradation=got)
        for got in ("none", "fallback_target", "mock", "failed")
    }
    assert walks == {"none": 1, "fallback_target": 3, "mock": 1, "failed": 0}
    assert told.value("failsoft_walk_duration_seconds_count") == 5
    assert told.value("failsoft_walk_calls_sum") == first.meter.calls + second.meter.calls

    hops = "failsoft_hops_total"
    of_first = {"failsoft_hop_target": "first"}
    assert told.value(hops, **of_first, failsoft_hop_outcome="served") == 1
    assert told.value(hops, **of_first, failsoft_error_class="transient") == STRIKES
    assert told.value(hops, **of_first, failsoft_hop_skip_reason="circuit_open") == 2
    assert told.value(hops, failsoft_hop_target="second", failsoft_error_class="transient") == 1

    calls = "gen_ai_client_operation_duration_seconds_count"
    assert told.value(calls, **OF_FIRST, error_type="transient") == STRIKES
    assert told.value(calls, **OF_SECOND, error_type="") == 3
    first_contents = "gen_ai_client_operation_time_to_first_chunk_seconds_count"
    assert told.value(first_contents, **OF_SECOND) == 3

    states = {
        state: told.value("failsoft_breaker_state", **of_first, failsoft_breaker_state=state)
        for state in ("closed", "open", "half_open")
    }
    assert states == {"closed": 0, "open": 1, "half_open": 0}
    opened = {**of_first, "failsoft_breaker_state": "open"}
    assert told.value("failsoft_breaker_transitions_total", **opened) == 1


async def test_tokens_are_those_of_the_providers_own_meter(
    measured: Measured, first: Upstream, second: Upstream
) -> None:
    """Also where an answer came by a second target, and none of them twice."""
    await measured.ask()
    await measured.stream()
    read_by_first = first.meter.tokens_in
    await first.set_fault(faults.Status(status=503))
    await measured.ask()
    await measured.stream()

    told = await measured.told()

    def tokens(kind: str, **of: str) -> float:
        return told.value("gen_ai_client_token_usage_sum", gen_ai_token_type=kind, **of)

    assert tokens("output") == first.meter.tokens_out + second.meter.tokens_out > 0
    assert tokens("input", **OF_SECOND) == second.meter.tokens_in > 0
    assert tokens("input", **OF_FIRST) == read_by_first > 0
