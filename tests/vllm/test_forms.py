"""Answers that have to look like something: JSON by a schema, and tool calls.

The weights are random: whatever is right about the form is the engine's doing.
"""

import json
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

PLACE = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Paris"]}, "rain": {"type": "boolean"}},
    "required": ["city", "rain"],
    "additionalProperties": False,
}
UNKNOWN_TO_IT = [
    '{"type": "nonsense"}',
    '{"$ref": "#/nowhere"}',
    '{"$ref": "#"}',
    '{"type": "string", "pattern": "(?<=x)y"}',
    '{"type": "array", "uniqueItems": true}',
]
TOKENS = 120


def place(text: str) -> dict[str, object]:
    """What the text says, if it is what the schema wants."""
    said: dict[str, object] = json.loads(text)
    assert set(said) == {"city", "rain"}
    assert said["city"] in ("Rome", "Paris")
    assert isinstance(said["rain"], bool)
    return said


def with_schema(request: chat_pb2.ChatRequest, schema_json: str) -> chat_pb2.ChatRequest:
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA
    request.response_format.name = "place"
    request.response_format.schema_json = schema_json
    return request


def with_tools(
    request: chat_pb2.ChatRequest, mode: chat_pb2.ToolChoiceMode.ValueType, name: str = ""
) -> chat_pb2.ChatRequest:
    schema = json.dumps(PLACE)
    request.tools.add(name="weather", description="Of a city", parameters_json=schema)
    request.tools.add(name="traffic", parameters_json=schema)
    request.tool_choice.mode = mode
    request.tool_choice.name = name
    return request


@pytest.mark.parametrize("seed", range(4))
async def test_an_answer_is_what_the_schema_wants(ask: Ask, question: Question, seed: int) -> None:
    request = with_schema(
        question(temperature=1.0, seed=seed, max_tokens=TOKENS), json.dumps(PLACE)
    )

    answer = await ask(request)

    place(answer.choices[0].message.parts[0].text)
    assert answer.finished.finish_reason == walk_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize("schema_json", UNKNOWN_TO_IT)
async def test_a_schema_that_the_engine_does_not_know_is_refused_and_it_lives_on(
    ask: Ask, refusal: Refusal, question: Question, schema_json: str
) -> None:
    error = await refusal(with_schema(question(), schema_json))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "UNSUPPORTED")
    fields = [violation.field for violation in error.violations]
    assert fields == ["chat.response_format.schema_json"]
    assert (await ask(question())).finished.usage.output_tokens > 0


async def test_a_tool_whose_parameters_it_does_not_know_is_refused(
    refusal: Refusal, question: Question
) -> None:
    request = question()
    request.tools.add(name="odd", parameters_json='{"type": "nonsense"}')
    request.tool_choice.mode = chat_pb2.TOOL_CHOICE_MODE_REQUIRED

    error = await refusal(request)

    fields = [violation.field for violation in error.violations]
    assert fields == ["chat.tools[0].parameters_json"]


@pytest.mark.parametrize("seed", range(4))
async def test_a_required_call_is_a_call_with_the_arguments_that_its_tool_wants(
    ask: Ask, question: Question, seed: int
) -> None:
    request = with_tools(
        question(temperature=2.0, seed=seed, max_tokens=TOKENS), chat_pb2.TOOL_CHOICE_MODE_REQUIRED
    )

    answer = await ask(request)

    calls = [part.tool_call for part in answer.choices[0].message.parts if part.tool_call.name]
    assert {call.name for call in calls} <= {"weather", "traffic"}
    assert len({call.id for call in calls}) == len(calls) >= 1
    if answer.finished.finish_reason == walk_pb2.FINISH_REASON_TOOL_CALLS:
        assert all(place(call.arguments_json) for call in calls)


async def test_a_named_call_is_streamed_in_pieces_of_one_block(
    stub: "Stub", question: Question
) -> None:
    request = with_tools(
        question(temperature=2.0, seed=3, max_tokens=TOKENS),
        chat_pb2.TOOL_CHOICE_MODE_NAMED,
        "traffic",
    )

    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=request))
    events = [event async for event in call]

    deltas = [event.delta for event in events if event.HasField("delta")]
    assert {delta.block for delta in deltas} == {0}
    assert [delta.tool_call.name for delta in deltas if delta.tool_call.name] == ["traffic"]
    assert len([delta for delta in deltas if delta.tool_call.id]) == 1
    place("".join(delta.tool_call.arguments_json for delta in deltas))
    assert events[-1].finished.finish_reason == walk_pb2.FINISH_REASON_TOOL_CALLS


async def test_a_model_that_may_call_may_as_well_talk(ask: Ask, question: Question) -> None:
    request = with_tools(question(), chat_pb2.TOOL_CHOICE_MODE_AUTO)

    answer = await ask(request)

    assert answer.choices[0].message.parts[0].text
    assert answer.finished.finish_reason == walk_pb2.FINISH_REASON_LENGTH


async def test_what_a_tool_gave_is_part_of_the_conversation(
    stub: "Stub", question: Question
) -> None:
    async def tokens(request: chat_pb2.ChatRequest) -> int:
        counted = await stub.CountTokens(pb.CountTokensRequest(chat=request))
        return counted.input_tokens

    conversation = with_tools(question(), chat_pb2.TOOL_CHOICE_MODE_AUTO)
    before = await tokens(conversation)
    called = conversation.messages.add(role=chat_pb2.ROLE_ASSISTANT).parts.add().tool_call
    called.id, called.name, called.arguments_json = "c0", "weather", '{"city": "Rome"}'
    given = conversation.messages.add(role=chat_pb2.ROLE_TOOL).parts.add().tool_result
    given.tool_call_id, given.content = "c0", "It is sunny."

    assert await tokens(conversation) > before + 10
