"""vLLM on a GPU, with random weights of 1 B parameters; prints what it measured."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vllm_service import VllmService, model, vllm_service

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [
    pytest.mark.integration,
    pytest.mark.gpu,
    pytest.mark.skipif(
        not Path("/dev/nvidiactl").exists(), reason="there is no NVIDIA GPU on this machine"
    ),
]

STREAMS = (1, 8, 64)
TOKENS = 256
SCHEMA = '{"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A service that serves, and how many seconds that took."""

    service: VllmService
    seconds: float


@pytest.fixture(scope="module", params=["1b-bf16", "1b-fp16"])
def started(request: pytest.FixtureRequest) -> Iterator[Started]:
    directory, began = model(request.param), time.perf_counter()
    with vllm_service(directory, max_sequences="64", kv_cache_mib="4096") as service:
        service.wait_until_serving()
        seconds = time.perf_counter() - began
        print(f"\n{request.param}: serving after {seconds:.1f} s")  # noqa: T201
        yield Started(service=service, seconds=seconds)


@pytest.fixture
async def stub(started: Started) -> "AsyncIterator[Stub]":
    async with open_channel(started.service.address) as channel:
        yield InferenceServiceStub(channel)


def chat(**sampling: object) -> chat_pb2.ChatRequest:
    wishes = {"temperature": 1.0, "max_tokens": TOKENS, **sampling}
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Count.")])
    return chat_pb2.ChatRequest(
        messages=[message],
        sampling=chat_pb2.Sampling(**wishes),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("streams", STREAMS)
async def test_streams_side_by_side_are_whole(stub: "Stub", streams: int) -> None:
    async def tokens(seed: int) -> int:
        answer = await stub.Generate(pb.GenerateRequest(chat=chat(seed=seed)))
        return answer.finished.usage.output_tokens

    began = time.perf_counter()
    counts = await asyncio.gather(*(tokens(seed) for seed in range(streams)))
    rate = sum(counts) / (time.perf_counter() - began)

    print(f"{streams} streams: {rate:.0f} tokens/s")  # noqa: T201
    assert all(0 < count <= TOKENS for count in counts)


async def test_a_cancelled_request_leaves_the_gpu_within_a_second(stub: "Stub") -> None:
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat(max_tokens=1900)))
    async for event in call:
        if event.HasField("delta"):
            break

    call.cancel()

    began = time.perf_counter()
    async with asyncio.timeout(1.0):
        while (
            await stub.Generate(pb.GenerateRequest(chat=chat(max_tokens=1)))
        ).finished.load.running:
            pass
    print(f"left after {time.perf_counter() - began:.3f} s")  # noqa: T201


async def test_an_answer_is_what_the_schema_wants(stub: "Stub") -> None:
    request = chat()
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA
    request.response_format.name = "ok"
    request.response_format.schema_json = SCHEMA

    answer = await stub.Generate(pb.GenerateRequest(chat=request))

    said = answer.choices[0].message.parts[0].text.replace(" ", "")
    assert said in ('{"ok":true}', '{"ok":false}')
