"""Two routers that are each other's target: a request ends soon, by name, and in few calls."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import yaml
from processes import free_ports, process, wait_until_serving
from router_under_test import chat, hop_words

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft.inference.v1 import walk_pb2
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_kit.settings import SettingsError
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_model.errors import Code
from failsoft_router.core.depth import MAX_ROUTERS
from failsoft_router.settings import RouterSettings
from failsoft_router.wiring.service import build
from failsoft_upstream import Options, Upstream, faults
from failsoft_upstream import running as upstream_running

pytestmark = pytest.mark.integration

SOON = 5.0
"""Seconds on a busy machine; the route's own deadline is two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """Two routers that run, each of them the other's target."""

    address: str
    """Of one of the two."""
    provider_port: int
    """Where the provider of both is, while a test has one."""


def policy(*, other: str, provider_port: int) -> Mapping[str, object]:
    """Route `circle` leads to the other router alone, `guarded` has a provider behind it."""
    ends = {"provider": "failsoft", "endpoint": other}
    provider = {
        "provider": "openai",
        "model": "gpt-5-mini",
        "endpoint": f"http://127.0.0.1:{provider_port}/v1",
        "allow_private": True,
        "attempts": 1,
    }
    return {
        "targets": {
            "other-circle": {**ends, "model": "circle"},
            "other-guarded": {**ends, "model": "guarded"},
            "provider": provider,
        },
        "routes": {
            "circle": {"hops": ["other-circle"]},
            "guarded": {"hops": ["other-guarded", "provider"]},
        },
    }


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circle]:
    """The two as processes of their own; they take a while to start, so one pair for all."""
    *fronts, first_admin, second_admin, provider_port = free_ports(5)
    left, right = (f"127.0.0.1:{port}" for port in fronts)
    with ExitStack() as stack:
        for own, other, admin in ((left, right, first_admin), (right, left, second_admin)):
            folder = tmp_path_factory.mktemp("router")
            file = folder / "policy.yaml"
            file.write_text(yaml.safe_dump(policy(other=other, provider_port=provider_port)))
            variables = {
                "FAILSOFT_ROUTER_ADDRESS": own,
                "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{admin}",
                "FAILSOFT_ROUTER_POLICY_FILE": str(file),
                "FAILSOFT_ROUTER_DRAIN": "1s",
            }
            stack.enter_context(
                process(["-m", "failsoft_router"], folder=folder, variables=variables)
            )
        for own in (left, right):
            wait_until_serving(own, "failsoft.inference.v1.InferenceService")
        yield Circle(address=left, provider_port=provider_port)


@pytest.fixture
async def provider(circle: Circle) -> AsyncIterator[Upstream]:
    async with upstream_running(Options(port=circle.provider_port)) as upstream:
        yield upstream


async def ask(circle: Circle, route: str) -> pb.GenerateResponse:
    async with open_channel(circle.address) as channel, asyncio.timeout(SOON):
        stub = pb_grpc.InferenceServiceStub(channel)
        return await stub.Generate(pb.GenerateRequest(chat=chat("Who is there?", model=route)))


async def refusal(circle: Circle, route: str) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(circle, route)
    return from_rpc_error(caught.value)


async def test_two_routers_that_point_at_each_other_say_so_instead_of_hanging(
    circle: Circle,
) -> None:
    error = await refusal(circle, "circle")

    assert (error.code, error.reason) == (Code.UNAVAILABLE, "ROUTE_EXHAUSTED")
    assert error.metadata["cause"] == "router_loop"
    failure = walk_pb2.WalkFailure()
    assert error.details[0].Unpack(failure)
    assert hop_words(failure.hops) == [("other-circle", "FAILED", "ROUTER_LOOP")]
    # It is nobody's illness, so the next request finds the same, not an open breaker.
    assert (await refusal(circle, "circle")).metadata["cause"] == "router_loop"


async def test_a_circle_costs_one_walk_a_router_and_no_more(
    circle: Circle, provider: Upstream
) -> None:
    """Each router on the way back goes on to its provider; a second try anywhere would show."""
    await provider.set_fault(faults.Status(status=503))

    error = await refusal(circle, "guarded")

    assert error.metadata["cause"] == "router_loop"
    assert provider.meter.calls == MAX_ROUTERS


async def test_a_circle_does_not_keep_a_provider_behind_it_from_answering(
    circle: Circle, provider: Upstream
) -> None:
    reply = await ask(circle, "guarded")

    assert "gpt-5-mini" in reply.choices[0].message.parts[0].text
    assert provider.meter.calls == 1


async def test_a_router_that_is_its_own_target_does_not_start(tmp_path: Path) -> None:
    own = "127.0.0.1:50050"
    file = tmp_path / "policy.yaml"
    target = {"provider": "failsoft", "endpoint": own, "model": "chat"}
    file.write_text(
        yaml.safe_dump({"targets": {"self": target}, "routes": {"chat": {"hops": ["self"]}}})
    )
    clock = SystemClock()
    building = build(
        RouterSettings(address=own, policy_file=file),
        clock=clock,
        telemetry=Telemetry(tracer=Tracer(clock=clock)),
        environ={},
    )

    with pytest.raises(SettingsError, match="in a circle; name another router, or local-llm"):
        await building.__aenter__()
