"""Callers without time or patience: an InferenceService lets go at once."""

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = pytest.mark.integration

SECONDS = 30.0
QUICKLY = 2.0
"""Seconds; a cancel is to reach the source within one."""


@pytest.fixture
def long_chat(model: str) -> chat_pb2.ChatRequest:
    """A question whose answer takes a while."""
    question = "Count from one to ten thousand, in words. Leave nothing out."
    return chat_pb2.ChatRequest(
        model=model,
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=question)])],
        sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=1000),
    )


def short(chat: chat_pb2.ChatRequest) -> chat_pb2.ChatRequest:
    """The same with an answer of one token."""
    shortened = chat_pb2.ChatRequest()
    shortened.CopyFrom(chat)
    shortened.sampling.max_tokens = 1
    return shortened


async def running_at_start(stub: "Stub", chat: chat_pb2.ChatRequest) -> int:
    """How many requests the sender answers when it begins with this one, itself included."""
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat), timeout=SECONDS)
    events = [event async for event in call]
    return events[0].started.load.running


async def test_a_call_without_time_ends_at_once(
    stub: "Stub", long_chat: chat_pb2.ChatRequest
) -> None:
    async with asyncio.timeout(QUICKLY):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Generate(pb.GenerateRequest(chat=long_chat), timeout=-1.0)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_cancelled_stream_makes_room(stub: "Stub", long_chat: chat_pb2.ChatRequest) -> None:
    """Nobody reads it any more, and the next caller finds the place free."""
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=long_chat), timeout=SECONDS)
    async for event in call:
        if event.HasField("delta"):
            break
    call.cancel()

    async with asyncio.timeout(QUICKLY):
        while await running_at_start(stub, short(long_chat)) > 1:
            pass


async def test_a_stream_that_is_out_of_time_makes_room(
    stub: "Stub", long_chat: chat_pb2.ChatRequest
) -> None:
    """The deadline counts while the answer comes, too; a fast source may be done before."""
    try:
        request = pb.StreamGenerateRequest(chat=long_chat)
        async for _ in stub.StreamGenerate(request, timeout=0.3):
            pass
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # noqa: PT017 - it may not fail

    async with asyncio.timeout(QUICKLY):
        while await running_at_start(stub, short(long_chat)) > 1:
            pass
