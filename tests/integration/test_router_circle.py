"""Two routers that are each other's target: a request ends soon, by name, and in few calls."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
import yaml
from processes import free_ports, process, wait_until_serving
from router_under_test import chat, hop_words, openai_target

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft.inference.v1 import walk_pb2
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_model.errors import Code
from failsoft_router.core.depth import MAX_ROUTERS
from failsoft_upstream import Upstream, faults
from failsoft_upstream import running as upstream_running

pytestmark = pytest.mark.integration

SOON = 5.0
"""Seconds on a busy machine; the route's own deadline is two minutes."""


def policy(*, other: str, provider: Upstream) -> Mapping[str, object]:
    """Route `circle` leads to the other router alone, `guarded` has a provider behind it."""
    ends = {"provider": "failsoft", "endpoint": other}
    return {
        "targets": {
            "other-circle": {**ends, "model": "circle"},
            "other-guarded": {**ends, "model": "guarded"},
            "provider": openai_target(provider),
        },
        "routes": {
            "circle": {"hops": ["other-circle"]},
            "guarded": {"hops": ["other-guarded", "provider"]},
        },
    }


@pytest.fixture
async def provider() -> AsyncIterator[Upstream]:
    async with upstream_running() as upstream:
        yield upstream


@pytest.fixture
async def address(tmp_path: Path, provider: Upstream) -> AsyncIterator[str]:
    """The address of one of the two."""
    *fronts, first_admin, second_admin = free_ports(4)
    left, right = (f"127.0.0.1:{port}" for port in fronts)
    with ExitStack() as stack:
        for name, own, other, admin in (
            ("left", left, right, first_admin),
            ("right", right, left, second_admin),
        ):
            folder = tmp_path / name
            folder.mkdir()
            file = folder / "policy.yaml"
            file.write_text(yaml.safe_dump(policy(other=other, provider=provider)))
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
            await asyncio.to_thread(
                wait_until_serving, own, "failsoft.inference.v1.InferenceService"
            )
        yield left


async def ask(address: str, route: str) -> pb.GenerateResponse:
    async with open_channel(address) as channel, asyncio.timeout(SOON):
        stub = pb_grpc.InferenceServiceStub(channel)
        return await stub.Generate(pb.GenerateRequest(chat=chat("Who is there?", model=route)))


async def refusal(address: str, route: str) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(address, route)
    return from_rpc_error(caught.value)


async def test_two_routers_that_point_at_each_other_say_so_instead_of_hanging(
    address: str,
) -> None:
    error = await refusal(address, "circle")

    assert (error.code, error.reason) == (Code.UNAVAILABLE, "ROUTE_EXHAUSTED")
    assert error.metadata["cause"] == "router_loop"
    failure = walk_pb2.WalkFailure()
    assert error.details[0].Unpack(failure)
    assert hop_words(failure.hops) == [("other-circle", "FAILED", "ROUTER_LOOP")]
    # It is nobody's illness, so the next request finds the same, not an open breaker.
    assert (await refusal(address, "circle")).metadata["cause"] == "router_loop"


async def test_a_circle_costs_one_walk_a_router_and_no_more(
    address: str, provider: Upstream
) -> None:
    """Each router on the way back goes on to its provider; a second try anywhere would show."""
    await provider.set_fault(faults.Status(status=503))

    error = await refusal(address, "guarded")

    assert error.metadata["cause"] == "router_loop"
    assert provider.meter.calls == MAX_ROUTERS


async def test_a_circle_does_not_keep_a_provider_behind_it_from_answering(
    address: str, provider: Upstream
) -> None:
    reply = await ask(address, "guarded")

    assert "gpt-5-mini" in reply.choices[0].message.parts[0].text
    assert provider.meter.calls == 1
