"""What is asked of the service with real vLLM and the tiny model."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import grpc
import pytest
from vllm_service import VllmService

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import RemoteError, from_rpc_error

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub


@pytest.fixture
async def channel(tiny: VllmService) -> AsyncIterator[grpc.aio.Channel]:
    tiny.wait_until_serving()
    async with open_channel(tiny.address) as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "InferenceServiceAsyncStub":
    """A client, once the model is ready."""
    return InferenceServiceStub(channel)


Ask = Callable[[chat_pb2.ChatRequest], Awaitable[pb.GenerateResponse]]


@pytest.fixture
def ask(stub: "InferenceServiceAsyncStub") -> Ask:
    """Asks for a whole answer."""

    async def asking(chat: chat_pb2.ChatRequest) -> pb.GenerateResponse:
        return await stub.Generate(pb.GenerateRequest(chat=chat))

    return asking


@pytest.fixture
def refusal(ask: Ask) -> Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]:
    """Why a request is not answered."""

    async def refused(chat: chat_pb2.ChatRequest) -> RemoteError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(chat)
        return from_rpc_error(raised.value)

    return refused


@pytest.fixture
def question() -> Callable[..., chat_pb2.ChatRequest]:
    """Makes a request; the tiny model's most likely answer unless a temperature is given."""

    def make(text: str = "Count.", **sampling: object) -> chat_pb2.ChatRequest:
        wishes = {"temperature": 0.0, "max_tokens": 16, **sampling}
        return chat_pb2.ChatRequest(
            messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)])],
            sampling=chat_pb2.Sampling(**wishes),  # type: ignore[arg-type]
        )

    return make
