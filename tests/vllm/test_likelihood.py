"""Alternatives to each token, and biases: what vLLM can do and OpenVINO cannot.

The weights are random, so nothing that is likely here is likely by chance.
"""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from vllm_service import model

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Ask = Callable[[chat_pb2.ChatRequest], Awaitable[pb.GenerateResponse]]
Refusal = Callable[[chat_pb2.ChatRequest], Awaitable[RemoteError]]
Question = Callable[..., chat_pb2.ChatRequest]

ALTERNATIVES = 20
SEVEN = "7"


@pytest.fixture(scope="module")
def seven() -> int:
    """The token that is spelled 7."""
    tokenizer = json.loads((model("tiny") / "tokenizer.json").read_text())
    token: int = tokenizer["model"]["vocab"][SEVEN]
    return token


async def test_the_likeliest_tokens_are_told_likeliest_first(ask: Ask, question: Question) -> None:
    answer = await ask(question(frequency_penalty=0.0, logprobs=True, top_logprobs=ALTERNATIVES))

    told = answer.choices[0].logprobs
    assert told
    for token in told:
        likely = [top.logprob for top in token.top]
        assert len(likely) == ALTERNATIVES
        assert likely == sorted(likely, reverse=True)
        assert (token.top[0].data, token.top[0].logprob) == (token.data, token.logprob)


async def test_a_token_without_alternatives_is_told_alone(ask: Ask, question: Question) -> None:
    answer = await ask(question(logprobs=True, temperature=2.0, seed=1))

    assert [len(token.top) for token in answer.choices[0].logprobs] == (
        [0] * len(answer.choices[0].logprobs)
    )


async def test_pieces_that_come_one_by_one_have_all_tokens(
    stub: "Stub", ask: Ask, question: Question
) -> None:
    """Random bytes are rarely whole characters: their tokens wait for each other."""
    chat = question(logprobs=True, top_logprobs=1, max_tokens=64, temperature=2.0, seed=3)
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat))
    deltas = [event.delta for event in [each async for each in call] if event.HasField("delta")]

    tokens = [token for delta in deltas for token in delta.logprobs]
    text = "".join(delta.text for delta in deltas)
    said = b"".join(token.data for token in tokens).decode("utf-8", "replace")
    assert said == text or said.startswith(text)
    assert tokens == list((await ask(chat)).choices[0].logprobs)


async def test_a_bias_forces_a_token_and_another_forbids_it(
    ask: Ask, question: Question, seven: int
) -> None:
    forced = await ask(question(logit_bias={seven: 100.0}, max_tokens=5))
    forbidden = await ask(
        question(logit_bias={seven: -100.0}, max_tokens=64, temperature=2.0, seed=2, logprobs=True)
    )

    assert forced.choices[0].message.parts[0].text == SEVEN * 5
    assert SEVEN not in [token.token for token in forbidden.choices[0].logprobs]


@pytest.mark.parametrize("token", [10_000_000, 2**32 - 1])
async def test_a_bias_for_no_token_is_refused_and_the_engine_lives_on(
    ask: Ask, refusal: Refusal, question: Question, token: int
) -> None:
    error = await refusal(question(logit_bias={0: 1.0, token: 1.0}))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "UNSUPPORTED")
    (violation,) = error.violations
    assert violation.field == "chat.sampling.logit_bias"
    assert "take the ids of its own tokenizer" in violation.description
    assert (await ask(question())).finished.usage.output_tokens > 0


async def test_the_tokens_of_an_answer_that_may_call_are_not_told(
    ask: Ask, refusal: Refusal, question: Question
) -> None:
    """A parser reads them, and nobody could say which of them are text."""
    chat = question(logprobs=True)
    chat.tools.add(name="now")

    error = await refusal(chat)

    assert [violation.field for violation in error.violations] == ["chat.sampling.logprobs"]
    chat.tool_choice.mode = chat_pb2.TOOL_CHOICE_MODE_NONE
    assert (await ask(chat)).choices[0].logprobs
