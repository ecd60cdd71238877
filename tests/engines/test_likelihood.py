"""What an engine tells of its tokens, and answers that match an expression or are one of some."""

import math
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Refusal = Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]
Question = Callable[..., chat_pb2.ChatRequest]

CAPITAL = "What is the capital of France?"
DATE = r"(19|20)\d{2}-(0[1-9]|1[0-2])-\d\d"
ODD_CHOICES = ['"yes"\nand\\no', "où 🙂", "a | b"]
NOT_HELD = {r"\bword\b": "escape", r"a(?=b)": "group", "(a{99}){99}": "counts", "(a": "compile"}


def matching(request: chat_pb2.ChatRequest, regex: str) -> chat_pb2.ChatRequest:
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_REGEX
    request.response_format.regex = regex
    return request


def one_of(request: chat_pb2.ChatRequest, choices: list[str]) -> chat_pb2.ChatRequest:
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_CHOICE
    request.response_format.choices.extend(choices)
    return request


async def whole(stub: "Stub", chat: chat_pb2.ChatRequest) -> pb.GenerateResponse:
    return await stub.Generate(pb.GenerateRequest(chat=chat))


def text_of(answer: pb.GenerateResponse) -> str:
    return answer.choices[0].message.parts[0].text


async def test_the_tokens_that_are_told_are_the_text(stub: "Stub", question: Question) -> None:
    chat = question(CAPITAL, logprobs=True, max_tokens=4)
    answer = await whole(stub, chat)
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat))
    pieces = [event.delta for event in [each async for each in call] if event.HasField("delta")]

    told = list(answer.choices[0].logprobs)
    assert b"".join(token.data for token in told).decode() == text_of(answer)
    assert len(told) == answer.finished.usage.output_tokens
    assert [token for piece in pieces for token in piece.logprobs] == told
    assert all(b"".join(t.data for t in piece.logprobs).decode() == piece.text for piece in pieces)


async def test_a_likely_answer_is_told_as_likely(stub: "Stub", question: Question) -> None:
    """The capital of France is about as certain as a small model can be."""
    answer = await whole(
        stub, question(CAPITAL, continue_from="The capital of France is", logprobs=True)
    )

    first = answer.choices[0].logprobs[0]
    assert first.token == " Paris"
    assert 0.5 < math.exp(first.logprob) <= 1.0


async def test_nothing_is_told_unasked(stub: "Stub", question: Question) -> None:
    assert not (await whole(stub, question(CAPITAL, max_tokens=2))).choices[0].logprobs


async def test_what_is_cut_by_a_stop_string_is_not_told(stub: "Stub", question: Question) -> None:
    answer = await whole(stub, question(CAPITAL, logprobs=True, stop=[" France"]))

    assert text_of(answer) == "The capital of"
    assert [token.token for token in answer.choices[0].logprobs] == ["The", " capital", " of"]


@pytest.mark.parametrize("seed", range(3))
async def test_an_answer_matches_the_expression_as_a_whole(
    stub: "Stub", question: Question, seed: int
) -> None:
    chat = matching(question("When?", temperature=2.0, seed=seed), DATE)

    answer = await whole(stub, chat)

    assert re.fullmatch(DATE, text_of(answer))
    assert answer.finished.finish_reason == walk_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize("seed", range(3))
async def test_an_answer_is_one_of_the_choices(stub: "Stub", question: Question, seed: int) -> None:
    """As it is written, quotes, line breaks and all."""
    chat = one_of(question("Which?", temperature=2.0, seed=seed), ODD_CHOICES)

    answer = await whole(stub, chat)

    assert text_of(answer) in ODD_CHOICES
    assert answer.finished.finish_reason == walk_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize("regex", NOT_HELD)
async def test_an_expression_that_no_answer_can_be_held_to_is_refused_and_the_engine_lives_on(
    stub: "Stub", refusal: Refusal, question: Question, regex: str
) -> None:
    error = await refusal(matching(question(CAPITAL), regex))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "UNSUPPORTED")
    (violation,) = error.violations
    assert violation.field == "chat.response_format.regex"
    assert NOT_HELD[regex] in violation.description
    assert "use literals, classes, groups" in violation.description
    assert text_of(await whole(stub, question(CAPITAL, max_tokens=1)))
