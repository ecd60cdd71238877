"""Engine processes that are killed: noticed, told, repaired; and none is left behind."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from vllm_service import INFERENCE, VllmService, model, vllm_service

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Ask = Callable[[chat_pb2.ChatRequest], Awaitable[pb.GenerateResponse]]
Refusal = Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]
Question = Callable[..., chat_pb2.ChatRequest]

NOTICED_SECONDS = 2.0
REPAIRED_SECONDS = 400.0
STOPPED_SECONDS = 60.0
"""It ends in order, on a machine that has other things to do."""
GONE_SECONDS = 5.0
"""The kernel ends the orphans of one that was killed."""
LOOK_SECONDS = 0.2
SERVING, NOT_SERVING = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
)


@pytest.mark.timeout(900)  # it loads the model twice
async def test_killed_processes_are_noticed_told_and_repaired(
    stub: "Stub",
    channel: grpc.aio.Channel,
    tiny: VllmService,
    ask: Ask,
    refusal: Refusal,
    question: Question,
) -> None:
    """First the one that serves, mid-stream; then the next while it loads."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = aiter(health.Watch(health_pb2.HealthCheckRequest(service=INFERENCE)))
    assert (await anext(watch)).status == SERVING
    call = aiter(stub.StreamGenerate(pb.StreamGenerateRequest(chat=question(max_tokens=1900))))
    while not (await anext(call)).HasField("delta"):
        pass

    tiny.engine_processes()["VLLM::EngineCore"].kill()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async with asyncio.timeout(NOTICED_SECONDS):
            _ = [event async for event in call]
    error = from_rpc_error(raised.value)
    assert (error.code, error.reason) == (Code.UNAVAILABLE, "ENGINE_UNAVAILABLE")
    assert error.retry_after is not None
    async with asyncio.timeout(NOTICED_SECONDS):
        assert (await anext(watch)).status == NOT_SERVING
    assert "SIGKILL" in (await refusal(question())).message

    (await asyncio.to_thread(first, tiny.process)).kill()

    async with asyncio.timeout(REPAIRED_SECONDS):
        assert (await anext(watch)).status == SERVING
    assert (await ask(question())).finished.usage.output_tokens == 16


@pytest.mark.timeout(900)
async def test_a_killed_worker_is_noticed_and_repaired(
    stub: "Stub", channel: grpc.aio.Channel, tiny: VllmService, ask: Ask, question: Question
) -> None:
    """It is a grandchild: the process between tells."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = aiter(health.Watch(health_pb2.HealthCheckRequest(service=INFERENCE)))
    assert (await anext(watch)).status == SERVING

    tiny.engine_processes()["VLLM::Worker"].kill()

    async with asyncio.timeout(NOTICED_SECONDS):
        assert (await anext(watch)).status == NOT_SERVING
    async with asyncio.timeout(REPAIRED_SECONDS):
        assert (await anext(watch)).status == SERVING
    assert (await ask(question())).finished.usage.output_tokens == 16


def test_a_stop_while_the_model_loads_leaves_no_process_behind() -> None:
    with vllm_service(model("tiny"), drain="0s") as service:
        child = first(service.process)
        service.process.terminate()
        _, left = psutil.wait_procs([service.process, child], STOPPED_SECONDS)

    assert not left


@pytest.mark.parametrize("newest", ["engine", "worker"])
def test_a_killed_service_takes_its_engine_along(newest: str) -> None:
    """Otherwise each crash would keep a GPU's memory, also one while the newest is importing."""
    with vllm_service(model("tiny")) as service:
        left_behind = [first(service.process)]
        if newest == "worker":
            left_behind.append(first(left_behind[0]))
        service.process.kill()
        _, left = psutil.wait_procs(left_behind, GONE_SECONDS)

    assert not left


def first(process: psutil.Process) -> psutil.Process:
    """The first of its children that does the engine's work, once it has been started."""
    for _ in range(int(REPAIRED_SECONDS / LOOK_SECONDS)):
        for child in process.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # vLLM asks small programs, too
                if "spawn_main" in " ".join(child.cmdline()) or child.name().startswith("VLLM::"):
                    return child
        threading.Event().wait(LOOK_SECONDS)  # nobody tells of another's children
    raise AssertionError("no process was started")
