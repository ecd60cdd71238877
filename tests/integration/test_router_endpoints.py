"""A router follows the endpoints of a Kubernetes service, and calls those that are ready."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from inference_replica import MODEL, Replica, replica
from kubernetes_lookalike import KubernetesApi, kubernetes_lookalike
from router_under_test import Router, StartRouter, hop_words, openai_target

from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_upstream import Upstream

pytestmark = pytest.mark.integration

SECONDS = 20.0
"""For what happens soon, on a machine that is busy."""

SKIPPED = ("local", "SKIPPED", "NO_READY_ENDPOINT")
SERVED = ("local", "SERVED", "")


@pytest.fixture
async def api() -> AsyncIterator[KubernetesApi]:
    async with kubernetes_lookalike() as lookalike:
        yield lookalike


@pytest.fixture
async def replicas() -> AsyncIterator[list[Replica]]:
    """Three servers of one model."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(replica()) for _ in range(3)]


@pytest.fixture
async def router(start_router: StartRouter, api: KubernetesApi, first: Upstream) -> Router:
    """One whose first hop is the service `llama`, and the second a provider."""
    policy = {
        "targets": {
            "local": {
                "provider": "failsoft",
                "model": MODEL,
                "endpoint": "kubernetes:///models/llama:grpc",
                "kind": "gpu",
            },
            "cloud": openai_target(first),
        },
        "routes": {"chat": {"default": True, "hops": ["local", "cloud"], "cache": None}},
    }
    return await start_router(policy, kubernetes_api=api.base_url)


async def hops(router: Router) -> list[tuple[str, str, str]]:
    reply = await router.ask()
    return hop_words(reply.finished.hops)


async def until(router: Router, so: Callable[[admin_pb.Target], bool]) -> admin_pb.Target:
    """The target `local`, once this is so of it."""
    async with asyncio.timeout(SECONDS):
        async for told in router.admin.WatchTargets(admin_pb.WatchTargetsRequest()):
            (local,) = (target for target in told.targets if target.name == "local")
            if so(local):
                return local
    raise AssertionError("the watch has ended")


def ready(target: admin_pb.Target) -> set[str]:
    return {
        endpoint.address
        for endpoint in target.endpoints
        if endpoint.state == admin_pb.ENDPOINT_STATE_READY
    }


async def test_a_hop_without_endpoints_is_skipped_and_back_when_one_is_ready(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    address = replicas[0].address
    assert (await hops(router))[0] == SKIPPED

    await api.serve("llama", unready=[address])
    await until(router, lambda target: len(target.endpoints) == 1)
    assert (await hops(router))[0] == SKIPPED

    await api.serve("llama", ready=[address])
    await until(router, lambda target: ready(target) == {address})
    assert await hops(router) == [SERVED]

    await api.serve("llama")
    await until(router, lambda target: not target.endpoints)
    assert (await hops(router))[0] == SKIPPED


async def test_calls_at_once_are_spread_over_all_replicas(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    await api.serve("llama", ready=[each.address for each in replicas])
    await until(router, lambda target: len(ready(target)) == 3)
    for each in replicas:
        each.may_answer.clear()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(hops(router)) for _ in range(6)]
        for each in replicas:
            await each.called(2)
        for each in replicas:
            each.may_answer.set()

    assert [each.calls for each in replicas] == [2, 2, 2]
    assert [each.result() for each in asked] == [[SERVED]] * 6


async def test_a_replica_that_says_that_it_is_busy_is_spared(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    busy, *idle = replicas
    busy.others = 40
    await api.serve("llama", ready=[each.address for each in replicas])
    await until(router, lambda target: len(ready(target)) == 3)

    for _ in range(6):
        await router.ask()

    assert busy.calls <= 1
    assert sum(each.calls for each in idle) >= 5


async def test_a_replica_without_room_costs_no_hop(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    full, *others = replicas
    full.refuses = True
    await api.serve("llama", ready=[each.address for each in replicas])
    await until(router, lambda target: len(ready(target)) == 3)

    for each in others:
        each.may_answer.clear()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(hops(router)) for _ in range(3)]
        for each in others:
            await each.called(1)
            each.may_answer.set()

    assert [each.result() for each in asked] == [[SERVED]] * 3
    assert full.calls == 1
    assert sum(each.calls for each in others) == 3


async def test_replicas_that_are_all_full_are_left_alone_until_they_have_room(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    for each in replicas:
        each.refuses = True
    await api.serve("llama", ready=[each.address for each in replicas])
    await until(router, lambda target: len(ready(target)) == 3)

    first, *later = [(await hops(router))[0] for _ in range(4)]
    assert first[:2] == ("local", "FAILED")
    assert later == [("local", "SKIPPED", "QUOTA")] * 3
    assert [each.calls for each in replicas] == [1, 1, 1]


async def test_a_replica_that_dies_costs_its_own_calls_and_no_others(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    dying, *well = replicas
    await api.serve("llama", ready=[each.address for each in replicas])
    await until(router, lambda target: len(ready(target)) == 3)
    for each in replicas:
        each.may_answer.clear()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(hops(router)) for _ in range(3)]
        for each in replicas:
            await each.called(1)
        await dying.stop()
        for each in well:
            each.may_answer.set()

    told = [each.result() for each in asked]
    assert told.count([SERVED]) == 2
    (rescued,) = [each for each in told if each != [SERVED]]
    assert (rescued[0][1], rescued[1]) == ("FAILED", ("cloud", "SERVED", ""))
    assert [await hops(router) for _ in range(6)] == [[SERVED]] * 6


async def test_an_attempts_span_says_which_replica_was_called(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    address = replicas[1].address
    await api.serve("llama", ready=[address])
    await until(router, lambda target: ready(target) == {address})
    await router.ask()

    call = router.spans.one(f"chat {MODEL}")
    assert f"{call.attributes['server.address']}:{call.attributes['server.port']}" == address


async def test_the_api_may_be_away_while_replicas_answer(
    router: Router, api: KubernetesApi, replicas: list[Replica]
) -> None:
    address = replicas[0].address
    await api.serve("llama", ready=[address])
    await until(router, lambda target: ready(target) == {address})
    api.refusal = 503
    asked = len(api.tokens)
    api.end_watches()
    async with asyncio.timeout(SECONDS):
        await api.until(lambda: len(api.tokens) >= asked + 2)

    assert await hops(router) == [SERVED]
