"""local-llm with the same small model on each of its engines."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import grpc
import pytest
from processes import free_ports, process, wait_until_serving
from vllm_service import model as model_directory
from vllm_service import vllm_service

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import RemoteError, from_rpc_error

if TYPE_CHECKING:
    from pathlib import Path

    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

INFERENCE = "failsoft.inference.v1.InferenceService"
START_SECONDS = 180.0
"""The machine may have other things to do."""


@contextmanager
def on_openvino(folder: "Path") -> Iterator[str]:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    variables = {
        "FAILSOFT_LOCAL_LLM_ADDRESS": address,
        "FAILSOFT_LOCAL_LLM_CONTEXT_TOKENS": "2048",
    }
    with process(["-m", "failsoft_local_llm"], folder=folder, variables=variables):
        wait_until_serving(address, INFERENCE, within=START_SECONDS)
        yield address


@contextmanager
def on_vllm(folder: "Path") -> Iterator[str]:
    with vllm_service(model_directory("smollm2")) as service:
        service.wait_until_serving()
        yield service.address


ENGINES: Mapping[str, "Callable[[Path], AbstractContextManager[str]]"] = {
    "openvino": on_openvino,
    "vllm": on_vllm,
}
PARAMETERS = [
    pytest.param(name, marks=[pytest.mark.vllm] if name == "vllm" else []) for name in ENGINES
]


@pytest.fixture(scope="session", params=PARAMETERS)
def engine(request: pytest.FixtureRequest) -> str:
    """Which one answers."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def address(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a service whose model answers."""
    with ENGINES[engine](tmp_path_factory.mktemp("engine")) as started:
        yield started


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(address) as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "InferenceServiceAsyncStub":
    return InferenceServiceStub(channel)


Answer = tuple[str, pb.Finished]
Ask = Callable[[chat_pb2.ChatRequest], Coroutine[None, None, Answer]]


@pytest.fixture
def ask(stub: "InferenceServiceAsyncStub") -> Ask:
    """Asks for a whole answer: its text, and how it ended."""

    async def asking(chat: chat_pb2.ChatRequest) -> Answer:
        response = await stub.Generate(pb.GenerateRequest(chat=chat))
        text = "".join(part.text for part in response.choices[0].message.parts)
        return text, response.finished

    return asking


@pytest.fixture
def refusal(
    stub: "InferenceServiceAsyncStub",
) -> Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]:
    """Why a request is not answered."""

    async def refused(chat: chat_pb2.ChatRequest) -> RemoteError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Generate(pb.GenerateRequest(chat=chat))
        return from_rpc_error(raised.value)

    return refused


@pytest.fixture
def question() -> Callable[..., chat_pb2.ChatRequest]:
    """Makes a request; the most likely answer unless a temperature is given."""

    def make(text: str, *, continue_from: str = "", **sampling: object) -> chat_pb2.ChatRequest:
        wishes = {"temperature": 0.0, "frequency_penalty": 0.0, "max_tokens": 24, **sampling}
        return chat_pb2.ChatRequest(
            messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)])],
            sampling=chat_pb2.Sampling(**wishes),  # type: ignore[arg-type]
            continue_from=continue_from,
        )

    return make
