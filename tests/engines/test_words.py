"""What is said, and how it is chosen: the same on every engine."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

import pytest

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Ask = Callable[[chat_pb2.ChatRequest], Coroutine[None, None, tuple[str, pb.Finished]]]
Refusal = Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]
Question = Callable[..., chat_pb2.ChatRequest]

CAPITAL = "What is the capital of France?"
STORY = "Tell me a very long story about a ship and its crew."
CUTS = (1, 3, 6)
"""Tokens that the first target has said before it died."""
CANCEL_SECONDS = 1.0


async def load(stub: "Stub", chat: chat_pb2.ChatRequest) -> walk_pb2.Load:
    """How busy the service is, as a new request is told, which counts itself."""
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat))
    async for event in call:
        call.cancel()
        return event.started.load
    raise AssertionError("no event came")


async def test_a_question_is_answered(ask: Ask, question: Question) -> None:
    text, finished = await ask(question(CAPITAL))

    assert "Paris" in text
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


async def test_a_stop_string_ends_the_answer_before_itself(ask: Ask, question: Question) -> None:
    text, finished = await ask(question(CAPITAL, stop=["Paris", "Berlin"]))

    assert "capital" in text
    assert "Paris" not in text
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize("tokens", CUTS)
async def test_a_partial_answer_goes_on_where_it_was_cut(
    engine: str, ask: Ask, question: Question, tokens: int
) -> None:
    """The caller of a stream that was rescued reads what the first target would have said.

    OpenVINO keeps what it has read in 8 bits, and with it less of what was read in pieces: there
    the answer goes on, but perhaps in other words.
    """
    whole, finished = await ask(question(CAPITAL))
    begun, _ = await ask(question(CAPITAL, max_tokens=tokens))

    rest, finished_rest = await ask(question(CAPITAL, continue_from=begun))

    assert (begun + rest).startswith("The capital of France is Paris")
    assert finished_rest.usage.input_tokens == finished.usage.input_tokens + tokens
    if engine == "vllm":
        assert begun + rest == whole
        assert finished_rest.usage.output_tokens == finished.usage.output_tokens - tokens


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_an_emoji_is_whole_or_not_there(ask: Ask, question: Question, limit: int) -> None:
    """The model spells it with several tokens; the limit may come in between."""
    text, _ = await ask(question("Repeat: 🦜🦜🦜", continue_from="🦜🦜🦜", max_tokens=limit))

    assert "\N{REPLACEMENT CHARACTER}" not in text


async def test_an_answer_that_reaches_its_limit_says_so(ask: Ask, question: Question) -> None:
    _, finished = await ask(question(STORY, max_tokens=3))

    assert finished.finish_reason == walk_pb2.FINISH_REASON_LENGTH
    assert finished.usage.output_tokens == 3


async def test_the_same_seed_gives_the_same_answer_and_others_do_not(
    ask: Ask, question: Question
) -> None:
    seeded = [question(STORY, temperature=1.5, seed=seed) for seed in (-5, -5, 7)]
    texts = [(await ask(request))[0] for request in seeded]

    assert texts[0] == texts[1] != texts[2]
    assert len({(await ask(question(STORY, temperature=1.5)))[0] for _ in range(3)}) > 1


async def test_every_sampling_parameter_is_taken(ask: Ask, question: Question) -> None:
    _, finished = await ask(
        question(
            STORY,
            temperature=2.0,
            top_p=0.01,
            top_k=1000,
            max_tokens=4,
            seed=2**63 - 1,
            presence_penalty=2.0,
            frequency_penalty=-2.0,
        )
    )

    assert finished.usage.output_tokens == 4
    assert not finished.dropped_parameters


async def test_a_penalty_changes_what_is_said(ask: Ask, question: Question) -> None:
    again = question("Sing: la la la la la la", continue_from="la la la la la la la la la la")
    plain, _ = await ask(again)
    again.sampling.frequency_penalty = 2.0

    penalised, _ = await ask(again)

    assert penalised.split().count("la") < plain.split().count("la")


async def test_tokens_are_counted_as_they_are_used(
    stub: "Stub", ask: Ask, question: Question
) -> None:
    request = question(CAPITAL, max_tokens=1)
    _, finished = await ask(request)

    counted = await stub.CountTokens(pb.CountTokensRequest(chat=request))

    assert counted.input_tokens == finished.usage.input_tokens > 10
    assert not counted.estimated


async def test_a_conversation_beyond_the_context_is_refused_with_both_numbers(
    refusal: Refusal, question: Question
) -> None:
    error = await refusal(question("word " * 3000))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "CONTEXT_LENGTH")
    assert error.metadata["allowedTokens"] == "2047"
    assert 3000 < int(error.metadata["tokens"]) < 3100


async def test_requests_are_answered_side_by_side(stub: "Stub", question: Question) -> None:
    order: list[int] = []

    async def answer(number: int) -> None:
        call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=question(STORY)))
        async for event in call:
            if event.HasField("delta"):
                order.append(number)  # noqa: PERF401 - in the order of both

    await asyncio.gather(answer(0), answer(1))

    last = {number: place for place, number in enumerate(order)}
    assert order.index(0) < last[1]
    assert order.index(1) < last[0]


async def test_a_cancelled_request_leaves_the_engine_within_a_second(
    stub: "Stub", question: Question
) -> None:
    long = question(STORY, max_tokens=1900)
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=long))
    async for event in call:
        if event.HasField("delta"):
            break
    assert (await load(stub, question("Hi"))).running == 2

    call.cancel()

    async with asyncio.timeout(CANCEL_SECONDS):
        while (await load(stub, question("Hi"))).running > 1:
            pass
