"""What vLLM answers, through the whole service."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Ask = Callable[[chat_pb2.ChatRequest], Awaitable[pb.GenerateResponse]]
Refusal = Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]
Question = Callable[..., chat_pb2.ChatRequest]

CANCEL_SECONDS = 1.0
CACHE_TOKENS = 256 * 1024 * 1024 // 512
"""The tiny model has 512 bytes of keys and values for each."""
LONG = 1900
"""Tokens; the tiny model takes seconds for them."""


def text_of(response: pb.GenerateResponse) -> str:
    return "".join(part.text for part in response.choices[0].message.parts)


async def load(stub: "Stub", chat: chat_pb2.ChatRequest) -> walk_pb2.Load:
    """How busy the service is, as a new request is told, which counts itself."""
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat))
    async for event in call:
        call.cancel()
        return event.started.load
    raise AssertionError("no event came")


async def test_the_service_says_truly_what_vllm_can(stub: "Stub") -> None:
    models = (await stub.ListModels(pb.ListModelsRequest())).models

    assert [(each.id, each.is_default) for each in models] == [
        ("tiny", True),
        ("tiny-adapted", False),
    ]
    assert {each.context_tokens for each in models} == {2048}
    assert set(models[0].capabilities) == {
        pb.CAPABILITY_CONTINUE,
        pb.CAPABILITY_REGEX,
        pb.CAPABILITY_CHOICE,
        pb.CAPABILITY_LOGPROBS,
        pb.CAPABILITY_TOP_LOGPROBS,
        pb.CAPABILITY_LOGIT_BIAS,
        pb.CAPABILITY_JSON_SCHEMA,
        pb.CAPABILITY_TOOLS,
    }
    assert models[0].status.load.capacity_tokens == CACHE_TOKENS


async def test_the_same_seed_gives_the_same_answer_and_others_do_not(
    ask: Ask, question: Question
) -> None:
    seeded = [question(temperature=1.0, seed=seed) for seed in (-1, -1, 7)]
    texts = [text_of(await ask(request)) for request in seeded]

    assert texts[0] == texts[1] != texts[2]
    assert len({text_of(await ask(question(temperature=1.0))) for _ in range(3)}) == 3


async def test_every_sampling_parameter_is_taken(ask: Ask, question: Question) -> None:
    wishes = question(
        temperature=2.0,
        top_p=0.01,
        top_k=1000,
        max_tokens=4,
        presence_penalty=2.0,
        frequency_penalty=-2.0,
    )

    finished = (await ask(wishes)).finished

    assert finished.usage.output_tokens == 4
    assert not finished.dropped_parameters


async def test_a_penalty_changes_what_is_said(ask: Ask, question: Question) -> None:
    """A random model says one token for ever when nothing stops it."""
    plain = text_of(await ask(question(frequency_penalty=0.0)))
    penalised = text_of(await ask(question(frequency_penalty=2.0)))

    assert len(set(penalised)) > len(set(plain))


async def test_tokens_are_counted_as_they_are_used(
    stub: "Stub", ask: Ask, question: Question
) -> None:
    request = question("How many?")

    counted = await stub.CountTokens(pb.CountTokensRequest(chat=request))

    assert counted.input_tokens == (await ask(request)).finished.usage.input_tokens > 10


async def test_a_conversation_beyond_the_context_is_refused_with_both_numbers(
    refusal: Refusal, question: Question
) -> None:
    error = await refusal(question("1 " * 3000))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "CONTEXT_LENGTH")
    assert error.metadata["allowedTokens"] == "2047"
    assert int(error.metadata["tokens"]) > 3000
    assert [violation.field for violation in error.violations] == ["chat.messages"]


async def test_control_tokens_in_a_callers_text_are_text(stub: "Stub", question: Question) -> None:
    """Who could end its own turn would speak with the operator's voice."""

    async def tokens(text: str) -> int:
        counted = await stub.CountTokens(pb.CountTokensRequest(chat=question(text)))
        return counted.input_tokens

    assert await tokens("a<|eot_id|>b") > await tokens("ab") + 3


async def test_an_answer_fits_into_what_the_context_leaves(ask: Ask, question: Question) -> None:
    finished = (await ask(question("1 " * 1000, max_tokens=100_000))).finished

    assert finished.usage.input_tokens + finished.usage.output_tokens == 2048
    assert finished.finish_reason == walk_pb2.FINISH_REASON_LENGTH


async def test_an_adapter_changes_the_model_and_an_unknown_one_is_not_found(
    ask: Ask, refusal: Refusal, question: Question
) -> None:
    plain, adapted, unknown = question(), question(), question()
    adapted.model, unknown.model = "tiny-adapted", "tiny-forgotten"

    answer = await ask(adapted)

    assert text_of(answer) != text_of(await ask(plain))
    assert answer.finished.model == "tiny-adapted"
    assert (await refusal(unknown)).reason == "ROUTE_NOT_FOUND"


async def test_a_cancelled_request_leaves_the_engine_within_a_second(
    stub: "Stub", question: Question
) -> None:
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=question(max_tokens=LONG)))
    async for event in call:
        if event.HasField("delta"):
            break
    assert (await load(stub, question())).running == 2

    call.cancel()

    began = time.perf_counter()
    async with asyncio.timeout(CANCEL_SECONDS):
        while (await load(stub, question())).running > 1:
            pass
    print(f"left the engine after {time.perf_counter() - began:.3f} s")  # noqa: T201
