"""The engine of the local model is killed, and a router's callers hardly notice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from local_llm_process import INFERENCE, MODEL, LocalLlm, local_llm
from router_under_test import Router, StartRouter, chat, openai_target

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_upstream import Upstream

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOLD_SECONDS = 2.0
BACK_SECONDS = 60.0
"""The model is loaded anew, on a machine that has other things to do."""
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLlm]:
    """One service for all; each test leaves it serving or on its way there."""
    with local_llm(tmp_path_factory.mktemp("local-llm"), warm_up_tokens="0") as service:
        yield service


@pytest.fixture
async def router(start_router: StartRouter, model: LocalLlm, second: Upstream) -> Router:
    """In front of it, with a look-alike of a cloud behind it; its breaker forgives soon."""
    await asyncio.to_thread(model.wait_until_serving)
    local: dict[str, object] = {
        "provider": "failsoft",
        "model": MODEL,
        "endpoint": model.address,
        "limits": {"connect": "1s", "first_content": "20s", "stall": "20s", "total": "60s"},
        "breaker": {"open_for": "500ms", "open_cap": "1s"},
    }
    return await start_router(
        {
            "targets": {"local": local, "second": openai_target(second)},
            "routes": {"chat": {"default": True, "hops": ["local", "second"]}},
        }
    )


class Health:
    """What the service says of itself, change by change."""

    def __init__(self, replies: AsyncIterator[health_pb2.HealthCheckResponse]) -> None:
        self._replies = replies

    async def says(self, status: int, *, within: float) -> None:
        """Returns when it says so; fails the test when it does not in time."""
        async with asyncio.timeout(within):
            async for reply in self._replies:
                if reply.status == status:
                    return
        raise AssertionError("it stopped telling how it is")


@pytest.fixture
async def health(model: LocalLlm) -> AsyncIterator[Health]:
    async with open_channel(model.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        call = stub.Watch(health_pb2.HealthCheckRequest(service=INFERENCE))
        yield Health(aiter(call))
        call.cancel()


def killed(model: LocalLlm) -> None:
    engine = model.engine()
    assert engine is not None
    engine.kill()


async def served_by(router: Router) -> str:
    return (await router.ask("Hi", sampling={"max_tokens": 4})).finished.served_by


async def wait_until_local_again(router: Router, health: Health) -> None:
    """The service is back by itself, and the router has found out."""
    await health.says(SERVING, within=BACK_SECONDS)
    async with asyncio.timeout(BACK_SECONDS):
        while await served_by(router) != "local":
            pass


async def test_killed_while_idle_it_tells_at_once_and_comes_back(
    router: Router, model: LocalLlm, health: Health
) -> None:
    await health.says(SERVING, within=TOLD_SECONDS)

    killed(model)

    await health.says(NOT_SERVING, within=TOLD_SECONDS)
    assert await served_by(router) == "second"
    await wait_until_local_again(router, health)


async def test_killed_while_it_loads_it_loads_again(
    router: Router, model: LocalLlm, health: Health
) -> None:
    await health.says(SERVING, within=TOLD_SECONDS)
    killed(model)
    await health.says(NOT_SERVING, within=TOLD_SECONDS)
    async with asyncio.timeout(TOLD_SECONDS * 5):
        while (loading := await asyncio.to_thread(model.engine)) is None:
            pass

    loading.kill()

    assert await served_by(router) == "second"
    await wait_until_local_again(router, health)
    now = model.engine()
    assert now is not None
    assert now.pid != loading.pid


async def test_killed_in_the_middle_of_an_answer_another_target_finishes_it(
    router: Router, model: LocalLlm, health: Health
) -> None:
    await health.says(SERVING, within=TOLD_SECONDS)
    request = pb.StreamGenerateRequest(
        chat=chat("Tell me a very long story.", sampling={"max_tokens": 2000})
    )
    call = router.stub.StreamGenerate(request)
    events: list[pb.StreamGenerateResponse] = []
    async for event in call:
        events.append(event)
        if event.HasField("delta"):
            killed(model)
            break
    events += [event async for event in call]

    assert events[-1].finished.served_by == "second"
    await health.says(NOT_SERVING, within=TOLD_SECONDS)
    await wait_until_local_again(router, health)


async def test_killed_under_load_nobody_is_left_without_an_answer(
    router: Router, model: LocalLlm, health: Health
) -> None:
    await health.says(SERVING, within=TOLD_SECONDS)

    async with asyncio.TaskGroup() as callers:
        asking = [
            callers.create_task(router.ask("Tell me a story.", sampling={"max_tokens": 500}))
            for _ in range(16)
        ]
        async with asyncio.timeout(BACK_SECONDS):
            while await running(model) < 4:
                pass
        killed(model)
        await health.says(NOT_SERVING, within=TOLD_SECONDS)

    finished = [task.result().finished for task in asking]
    assert {each.served_by for each in finished} == {"second"}
    await wait_until_local_again(router, health)


async def running(model: LocalLlm) -> int:
    """Requests that the engine answers now."""
    async with open_channel(model.address) as channel:
        stub = pb_grpc.InferenceServiceStub(channel)
        listed = await stub.ListModels(pb.ListModelsRequest())
    return listed.models[0].status.load.running
