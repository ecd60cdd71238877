"""The service with a real model, over real gRPC; what every engine does is in tests/engines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc

    Stub = pb_grpc.InferenceServiceAsyncStub

pytestmark = pytest.mark.integration

CAPITAL = "What is the capital of France?"
STORY = "Tell me a very long story about a ship and its crew."
SERVICE = "failsoft.inference.v1.InferenceService"
CANCEL_SECONDS = 1.0


def chat(text: str, *, continue_from: str = "", **sampling: object) -> chat_pb2.ChatRequest:
    """A question; the most likely answer unless a temperature is given."""
    return chat_pb2.ChatRequest(
        messages=[
            chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)]),
        ],
        sampling=chat_pb2.Sampling(**{"temperature": 0.0, **sampling}),  # type: ignore[arg-type]
        continue_from=continue_from,
    )


async def asked(stub: "Stub", request: chat_pb2.ChatRequest) -> tuple[str, pb.Finished]:
    response = await stub.Generate(pb.GenerateRequest(chat=request))
    [choice] = response.choices
    return "".join(part.text for part in choice.message.parts), response.finished


def streamed(
    stub: "Stub", request: chat_pb2.ChatRequest
) -> "grpc.aio.UnaryStreamCall[pb.StreamGenerateRequest, pb.StreamGenerateResponse]":
    return stub.StreamGenerate(pb.StreamGenerateRequest(chat=request))


async def failure(stub: "Stub", request: chat_pb2.ChatRequest) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asked(stub, request)
    return from_rpc_error(raised.value)


async def running_requests(stub: "Stub") -> int:
    """How many requests are answered, as a new one is told, which counts itself."""
    call = streamed(stub, chat("Hi", max_tokens=1))
    async for event in call:
        call.cancel()
        return event.started.load.running
    raise AssertionError("no event came")


async def wait_until_idle(stub: "Stub") -> None:
    while await running_requests(stub) > 1:
        pass


async def first_text(events: AsyncIterator[pb.StreamGenerateResponse]) -> str:
    async for event in events:
        if event.HasField("delta"):
            return event.delta.text
    raise AssertionError("no text came")


async def test_a_question_is_answered(stub: "Stub") -> None:
    text, finished = await asked(stub, chat(CAPITAL))

    assert "Paris" in text
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP
    assert finished.served_by == finished.model == "smollm2-135m-instruct"
    assert finished.degradation == chat_pb2.DEGRADATION_NONE
    assert finished.usage.output_tokens > 3


async def test_an_answer_is_streamed_in_pieces_that_make_the_whole(stub: "Stub") -> None:
    whole, _ = await asked(stub, chat(CAPITAL))

    events = [event async for event in streamed(stub, chat(CAPITAL))]

    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"
    assert set(kinds[1:-1]) == {"delta"}
    assert len(kinds) > 4
    assert "".join(event.delta.text for event in events) == whole


async def test_a_request_whose_deadline_has_come_leaves_the_engine_too(stub: "Stub") -> None:
    request = pb.GenerateRequest(chat=chat(STORY, max_tokens=4000))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Generate(request, timeout=0.3)

    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(CANCEL_SECONDS):
        await wait_until_idle(stub)


def with_tool(request: chat_pb2.ChatRequest) -> chat_pb2.ChatRequest:
    request.tools.add(name="now")
    return request


def with_image(request: chat_pb2.ChatRequest) -> chat_pb2.ChatRequest:
    request.messages[0].parts.add(image=chat_pb2.Image(url="https://example.com/a.png"))
    return request


def with_endless_stop(request: chat_pb2.ChatRequest) -> chat_pb2.ChatRequest:
    request.sampling.stop.append("")
    return request


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (with_tool(chat("Hi")), ["chat.tools"]),
        (with_image(chat("Hi")), ["chat.messages[0].parts[1].image"]),
        (with_endless_stop(chat("Hi")), ["chat.sampling.stop[0]"]),
        (chat_pb2.ChatRequest(), ["chat.messages"]),
    ],
    ids=["tools", "image", "empty stop string", "no messages"],
)
async def test_what_cannot_be_done_is_refused_with_its_field(
    stub: "Stub", request_: chat_pb2.ChatRequest, fields: Sequence[str]
) -> None:
    error = await failure(stub, request_)

    assert error.code is Code.INVALID_ARGUMENT
    assert [violation.field for violation in error.violations] == fields


async def test_another_model_is_not_found(stub: "Stub") -> None:
    request = chat("Hi")
    request.model = "gpt-5"

    error = await failure(stub, request)

    assert (error.code, error.reason) == (Code.NOT_FOUND, "ROUTE_NOT_FOUND")


async def test_the_model_says_what_it_is(stub: "Stub") -> None:
    response = await stub.ListModels(pb.ListModelsRequest())

    [model] = response.models
    assert (model.id, model.kind, model.is_default) == ("smollm2-135m-instruct", "model", True)
    assert model.context_tokens == 8192
    assert set(model.capabilities) == {
        pb.CAPABILITY_CONTINUE,
        pb.CAPABILITY_JSON_SCHEMA,
        pb.CAPABILITY_REGEX,
        pb.CAPABILITY_CHOICE,
        pb.CAPABILITY_LOGPROBS,
    }
    assert "profile minimal: smollm2-135m-instruct-q4" in model.status.why
    assert (model.status.loading, model.status.serving) == (False, True)


async def test_a_killed_engine_is_noticed_told_and_repaired(
    stub: "Stub",
    channel: grpc.aio.Channel,
    engine_process: Callable[[], psutil.Process],
) -> None:
    """Running streams end at once and truthfully, health says so, and it comes back by itself."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = aiter(health.Watch(health_pb2.HealthCheckRequest(service=SERVICE)))
    assert (await anext(watch)).status == health_pb2.HealthCheckResponse.SERVING
    call = aiter(streamed(stub, chat(STORY, max_tokens=4000)))
    await first_text(call)

    engine_process().kill()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async with asyncio.timeout(2.0):
            _ = [event async for event in call]
    error = from_rpc_error(raised.value)
    assert (error.code, error.reason) == (Code.UNAVAILABLE, "ENGINE_UNAVAILABLE")
    assert error.retry_after is not None
    async with asyncio.timeout(2.0):
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    refused = await failure(stub, chat(CAPITAL))
    assert "SIGKILL" in refused.message
    async with asyncio.timeout(50.0):
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.SERVING
    assert "Paris" in (await asked(stub, chat(CAPITAL)))[0]
