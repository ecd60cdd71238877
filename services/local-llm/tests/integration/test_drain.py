"""A stop while the model answers: what its callers and its watchers see."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_model.errors import Code

pytestmark = [pytest.mark.integration, pytest.mark.timeout(150)]

Service = tuple[psutil.Popen, str]
StartService = Callable[..., AbstractContextManager[Service]]
WaitUntilReady = Callable[[grpc.aio.Channel], Awaitable[None]]
TOLD_SECONDS = 2.0
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def request(max_tokens: int) -> pb.StreamGenerateRequest:
    message = chat_pb2.Message(
        role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Tell me a very long story.")]
    )
    sampling = chat_pb2.Sampling(temperature=0.0, max_tokens=max_tokens)
    return pb.StreamGenerateRequest(
        chat=chat_pb2.ChatRequest(messages=[message], sampling=sampling)
    )


async def first_text(events: AsyncIterator[pb.StreamGenerateResponse]) -> str:
    async for event in events:
        if event.HasField("delta"):
            return event.delta.text
    raise AssertionError("no text came")


def watching(channel: grpc.aio.Channel) -> AsyncIterator[health_pb2.HealthCheckResponse]:
    health: Any = health_pb2_grpc.HealthStub(channel)
    return aiter(health.Watch(health_pb2.HealthCheckRequest(service="readiness")))


async def test_who_is_being_answered_gets_the_whole_answer(
    start_service: StartService, wait_until_ready: WaitUntilReady
) -> None:
    with start_service(drain="60s", warm_up_tokens="0") as (process, address):
        async with open_channel(address) as channel:
            await wait_until_ready(channel)
            stub = pb_grpc.InferenceServiceStub(channel)
            events = aiter(stub.StreamGenerate(request(80)))
            await first_text(events)
            health = watching(channel)
            assert (await anext(health)).status == SERVING

            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(TOLD_SECONDS):
                assert (await anext(health)).status == NOT_SERVING
            rest = [event async for event in events]

        assert rest[-1].finished.usage.output_tokens == 80
        assert await asyncio.to_thread(process.wait, 15.0) == 0


async def test_who_outlasts_the_grace_or_has_only_waited_is_told_to_go_elsewhere(
    start_service: StartService, wait_until_ready: WaitUntilReady
) -> None:
    settings = {"drain": "1s", "max_sequences": "1", "warm_up_tokens": "0"}
    with start_service(**settings) as (process, address):
        async with open_channel(address) as channel:
            await wait_until_ready(channel)
            stub = pb_grpc.InferenceServiceStub(channel)
            answered = aiter(stub.StreamGenerate(request(4000)))
            await first_text(answered)
            waiting = aiter(stub.StreamGenerate(request(4000)))
            async with asyncio.timeout(TOLD_SECONDS):
                while not await waiting_requests(stub):
                    pass

            process.send_signal(signal.SIGTERM)
            errors = [await end_of(answered), await end_of(waiting)]

        assert await asyncio.to_thread(process.wait, 15.0) == 0

    for error in errors:
        told = from_rpc_error(error)
        assert (told.code, told.reason) == (Code.UNAVAILABLE, "SHUTTING_DOWN")
        assert told.retry_after is not None


async def waiting_requests(stub: "pb_grpc.InferenceServiceAsyncStub") -> int:
    [model] = (await stub.ListModels(pb.ListModelsRequest())).models
    return model.status.load.waiting


async def end_of(events: AsyncIterator[pb.StreamGenerateResponse]) -> grpc.aio.AioRpcError:
    """How a stream ends that is cut."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [event async for event in events]
    return raised.value
