"""Real words: SmolLM2, out of its GGUF, on vLLM."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
from vllm_service import VllmService, model, vllm_service

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

CAPITAL = "What is the capital of France?"
CUTS = (1, 3, 6)
"""Tokens that the first target has said before it died."""


@pytest.fixture(scope="module")
def smollm2() -> Iterator[VllmService]:
    with vllm_service(model("smollm2")) as service:
        service.wait_until_serving()
        yield service


@pytest.fixture
async def words(smollm2: VllmService) -> "AsyncIterator[Stub]":
    async with open_channel(smollm2.address) as channel:
        yield InferenceServiceStub(channel)


def asking(text: str, *, continue_from: str = "", **sampling: object) -> chat_pb2.ChatRequest:
    wishes = {"temperature": 0.0, "frequency_penalty": 0.0, "max_tokens": 24, **sampling}
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)])],
        sampling=chat_pb2.Sampling(**wishes),  # type: ignore[arg-type]
        continue_from=continue_from,
    )


async def answer(stub: "Stub", chat: chat_pb2.ChatRequest) -> tuple[str, pb.Finished]:
    response = await stub.Generate(pb.GenerateRequest(chat=chat))
    return "".join(part.text for part in response.choices[0].message.parts), response.finished


async def test_a_question_is_answered(words: "Stub") -> None:
    text, finished = await answer(words, asking(CAPITAL))

    assert "Paris" in text
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


async def test_a_stop_string_ends_the_answer_before_itself(words: "Stub") -> None:
    text, finished = await answer(words, asking(CAPITAL, stop=["Paris"]))

    assert "capital" in text
    assert "Paris" not in text
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize("tokens", CUTS)
async def test_a_partial_answer_goes_on_exactly_where_it_was_cut(
    words: "Stub", tokens: int
) -> None:
    """The caller of a stream that was rescued reads what the first target would have said."""
    whole, finished = await answer(words, asking(CAPITAL))
    begun, _ = await answer(words, asking(CAPITAL, max_tokens=tokens))

    rest, finished_rest = await answer(words, asking(CAPITAL, continue_from=begun))

    assert begun + rest == whole
    assert finished_rest.usage.input_tokens == finished.usage.input_tokens + tokens
    assert finished_rest.usage.output_tokens == finished.usage.output_tokens - tokens


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_an_emoji_is_whole_or_not_there(words: "Stub", limit: int) -> None:
    """The model spells it with several tokens; the limit may come in between."""
    parrots = asking("Repeat: 🦜🦜🦜", continue_from="🦜🦜🦜", max_tokens=limit)

    text, _ = await answer(words, parrots)

    assert "\N{REPLACEMENT CHARACTER}" not in text
