"""Answers that have to look like something: the same on every engine."""

import asyncio
import json
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

ON_BOTH = {
    pb.CAPABILITY_CONTINUE,
    pb.CAPABILITY_JSON_SCHEMA,
    pb.CAPABILITY_REGEX,
    pb.CAPABILITY_CHOICE,
    pb.CAPABILITY_LOGPROBS,
}
CAN = {
    "openvino": ON_BOTH,
    "vllm": ON_BOTH | {pb.CAPABILITY_TOP_LOGPROBS, pb.CAPABILITY_LOGIT_BIAS},
}
WEATHER = "What is the weather in Rome? Answer in JSON."
PLACE = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Paris"]}, "rain": {"type": "boolean"}},
    "required": ["city", "rain"],
    "additionalProperties": False,
}
NOT_HELD = {
    '{"type": "nonsense"}': "/type",
    '{"$ref": "#"}': "/$ref",
    '{"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}': "/properties/a/$ref",
    '{"type": "array", "uniqueItems": true}': "/uniqueItems",
}
NOT_COMPILED = [
    '{"type": "string", "pattern": "(?<=x)y"}',
    '{"type": "string", "pattern": "["}',
    '{"type": "string", "minLength": 5, "maxLength": 2}',
]
SLOW = {"type": "string", "maxLength": 300}
"""Takes the engine seconds to compile."""
TOKENS = 120


def with_schema(request: chat_pb2.ChatRequest, schema_json: str) -> chat_pb2.ChatRequest:
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA
    request.response_format.name = "place"
    request.response_format.schema_json = schema_json
    return request


async def test_the_service_says_what_its_engine_can(stub: "Stub", engine: str) -> None:
    [model] = (await stub.ListModels(pb.ListModelsRequest())).models

    assert set(model.capabilities) == CAN[engine]


@pytest.mark.parametrize("seed", range(3))
async def test_an_answer_is_what_the_schema_wants(ask: Ask, question: Question, seed: int) -> None:
    request = question(WEATHER, temperature=0.7, top_p=0.9, seed=seed, max_tokens=TOKENS)

    text, finished = await ask(with_schema(request, json.dumps(PLACE)))

    said = json.loads(text)
    assert set(said) == {"city", "rain"}
    assert said["city"] in ("Rome", "Paris")
    assert isinstance(said["rain"], bool)
    assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


async def test_any_object_is_a_form_too(ask: Ask, question: Question) -> None:
    request = question(WEATHER, max_tokens=TOKENS)
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_JSON_OBJECT

    text, finished = await ask(request)

    assert text.lstrip().startswith("{")
    if finished.finish_reason == walk_pb2.FINISH_REASON_STOP:
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("schema_json", NOT_HELD)
async def test_a_schema_that_no_answer_can_be_held_to_is_refused_with_the_place(
    refusal: Refusal, question: Question, schema_json: str
) -> None:
    error = await refusal(with_schema(question(WEATHER), schema_json))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "UNSUPPORTED")
    [violation] = error.violations
    assert violation.field == "chat.response_format.schema_json"
    assert violation.description.startswith(NOT_HELD[schema_json] + ":")


@pytest.mark.parametrize("schema_json", NOT_COMPILED)
async def test_a_schema_that_the_engine_cannot_compile_is_refused_and_others_go_on(
    ask: Ask, refusal: Refusal, question: Question, schema_json: str
) -> None:
    beside = asyncio.gather(*(ask(question("Count to ten.")) for _ in range(2)))

    error = await refusal(with_schema(question(WEATHER), schema_json))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "UNSUPPORTED")
    fields = [violation.field for violation in error.violations]
    assert fields == ["chat.response_format.schema_json"]
    assert all(finished.usage.output_tokens > 0 for _, finished in await beside)


async def test_nobody_waits_for_the_schema_of_another(ask: Ask, question: Question) -> None:
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(ask(with_schema(question(WEATHER), json.dumps(SLOW))))

        await ask(question("Count to three.", max_tokens=4))

        assert not slow.done()
    assert slow.result()[0].startswith('"')
