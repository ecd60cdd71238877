"""What a service says about itself."""
# ruff: noqa: ANN401 - the stubs of grpc_health leave out its client

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.testing.echo import Echo
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_model.errors import Code

pytestmark = pytest.mark.integration

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.fixture
async def health() -> Health:
    return Health(["model"])


@pytest.fixture
async def stub(health: Health) -> AsyncIterator[Any]:
    service = service_of(Echo().register, access={}, health=health)
    async with channel_to(service) as channel:
        yield health_pb2_grpc.HealthStub(channel)


def asking(name: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=name)


async def test_a_name_is_well_when_it_says_so(health: Health, stub: Any) -> None:
    assert (await stub.Check(asking("model"))).status == NOT_SERVING
    health.set("model", serving=True, why="it answered")
    assert (await stub.Check(asking("model"))).status == SERVING


async def test_the_server_is_well_when_every_name_is(health: Health, stub: Any) -> None:
    health.set("model", serving=True, why="it answered")
    assert (await stub.Check(asking(""))).status == SERVING
    health.set("index", serving=False, why="it is loading")
    assert (await stub.Check(asking(""))).status == NOT_SERVING


async def test_a_name_that_nobody_reports_is_not_found(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await stub.Check(asking("models"))
    assert from_rpc_error(unknown.value).code is Code.NOT_FOUND


async def test_a_watcher_sees_each_change_once(health: Health, stub: Any) -> None:
    seen = aiter(stub.Watch(asking("model")))
    assert (await anext(seen)).status == NOT_SERVING
    health.set("model", serving=False, why="still loading")
    health.set("other", serving=True, why="it is another's business")
    health.set("model", serving=True, why="it answered")
    assert (await anext(seen)).status == SERVING
    health.set("model", serving=False, why="it crashed")
    assert (await anext(seen)).status == NOT_SERVING


async def test_a_watcher_of_an_unknown_name_waits_for_it(health: Health, stub: Any) -> None:
    seen = aiter(stub.Watch(asking("later")))
    assert (await anext(seen)).status == SERVICE_UNKNOWN
    health.set("later", serving=True, why="it came up")
    assert (await anext(seen)).status == SERVING


async def test_all_names_can_be_listed(health: Health, stub: Any) -> None:
    health.set("index", serving=True, why="it is loaded")
    listed = await stub.List(health_pb2.HealthListRequest())  # type: ignore[attr-defined]
    assert {name: answer.status for name, answer in listed.statuses.items()} == {
        "": NOT_SERVING,
        "model": NOT_SERVING,
        "index": SERVING,
    }


async def test_a_draining_server_is_not_well_whatever_is_set(health: Health, stub: Any) -> None:
    health.set("model", serving=True, why="it answered")
    seen = aiter(stub.Watch(asking("model")))
    assert (await anext(seen)).status == SERVING
    health.drain()
    assert (await anext(seen)).status == NOT_SERVING
    health.set("model", serving=True, why="it answered again")
    assert (await stub.Check(asking("model"))).status == NOT_SERVING
    assert (await stub.Check(asking(""))).status == NOT_SERVING


async def test_a_reason_that_changes_is_told_though_the_service_stays_well(
    health: Health, stub: Any
) -> None:
    """A degraded service is well, and its operator has to know all the same."""
    health.set("model", serving=True, why="it answered")
    seen = aiter(stub.Watch(asking("model")))
    assert (await anext(seen)).status == SERVING
    with capture_logs() as logged:
        health.set("model", serving=True, why="degraded: its disk is full")
        health.set("model", serving=True, why="degraded: its disk is full")
        health.set("model", serving=True, why="it answered")
    health.set("model", serving=False, why="it crashed")

    assert [(line["serving"], line["why"]) for line in logged] == [
        (True, "degraded: its disk is full"),
        (True, "it answered"),
    ]
    assert (await anext(seen)).status == NOT_SERVING, "watchers hear of health alone"
    assert health.why("model") == "it crashed"
    assert health.why("other") is None


async def test_who_waits_for_the_drain_is_told_when_it_begins(health: Health) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(health.until_drain())
        await asyncio.sleep(0)
        health.set("model", serving=True, why="it answered")
        await asyncio.sleep(0)
        assert not waiting.done(), "a change of health is not the drain"

        health.drain()
    await health.until_drain()
