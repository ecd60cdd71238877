"""What OpenAI would refuse is refused, with OpenAI's codes."""

import orjson
import pytest

from failsoft_upstream.openai.errors import Rejected
from failsoft_upstream.openai.request import ChatRequest, parse

HELLO = {"role": "user", "content": "Hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def read(**fields: object) -> ChatRequest:
    return parse(orjson.dumps({"model": "gpt-4.1-mini", "messages": [HELLO], **fields}))


def error_of(rejected: Rejected) -> tuple[str | None, str | None]:
    error = orjson.loads(rejected.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (rejected.status, error["type"]) == (400, "invalid_request_error")
    return error["param"], error["code"]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, None, None),
        ({"model": 5}, "model", "invalid_type"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [{**HELLO, "role": "USER"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", None),
        ({"messages": [{**HELLO, "parts": []}]}, "messages[0].parts", "unknown_parameter"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
            "missing_required_parameter",
        ),
        (
            {"messages": [{**HELLO, "tool_calls": [CALL]}]},
            "messages[0].tool_calls",
            "unknown_parameter",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL]}]}, "messages", None),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL]}, HELLO]}, "messages", None),
        (
            {"messages": [{"role": "tool", "content": "4", "tool_call_id": "c1"}]},
            "messages[0].role",
            None,
        ),
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"temperature": "1"}, "temperature", "invalid_type"),
        ({"top_p": -0.1}, "top_p", "decimal_below_min_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, None, "invalid_parameter_combination"),
        ({"n": 2}, "n", "invalid_value"),
        ({"top_logprobs": 2}, "top_logprobs", None),
        ({"logprobs": 1}, "logprobs", "invalid_type"),
        (
            {"logprobs": True, "top_logprobs": 21},
            "top_logprobs",
            "integer_above_max_value",
        ),
        ({"logit_bias": [1]}, "logit_bias", "invalid_type"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5", "decimal_above_max_value"),
        ({"logit_bias": {"5": "x"}}, "logit_bias.5", "invalid_type"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        (
            {"stream": True, "stream_options": {"usage": True}},
            "stream_options.usage",
            "unknown_parameter",
        ),
        ({"tools": []}, "tools", "empty_array"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
            "invalid_value",
        ),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
            "missing_required_parameter",
        ),
        ({"reasoning_effort": "much"}, "reasoning_effort", "invalid_value"),
        ({"max_output_tokens": 5}, "max_output_tokens", "unknown_parameter"),
    ],
)
def test_a_mistake_is_refused_with_its_place(
    fields: dict[str, object], param: str | None, code: str | None
) -> None:
    with pytest.raises(Rejected) as raised:
        read(**fields)
    assert error_of(raised.value) == (param, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "\xff"}'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as raised:
        parse(body)
    assert error_of(raised.value) == (None, None)


def test_a_whole_request_is_understood() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "2+2?"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "4", "tool_call_id": "c1"},
    ]
    asked = read(
        messages=messages,
        tools=[TOOL],
        tool_choice="auto",
        temperature=0,
        max_completion_tokens=9,
        stop="\n",
        stream=True,
        stream_options={"include_usage": True},
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
        seed=7,
    )
    assert (asked.question.text, asked.question.max_tokens) == ("2+2?", 9)
    assert asked.question.stops == ("\n",)
    assert (asked.stream, asked.include_usage, asked.fault) == (True, True, None)


def test_a_models_suffix_is_a_fault_and_no_part_of_its_name() -> None:
    asked = read(model="gpt-4.1-mini#status=503")
    assert (asked.question.model, asked.fault) == ("gpt-4.1-mini", "status=503")


@pytest.mark.parametrize("model", ["gpt-5-mini", "gpt-5.6", "gpt-6-luna", "o1", "o4-mini"])
@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"max_tokens": 5}, "max_tokens", "unsupported_parameter"),
        ({"stop": ["a"]}, "stop", "unsupported_parameter"),
        ({"temperature": 0}, "temperature", "unsupported_value"),
        ({"top_p": 0.5}, "top_p", "unsupported_value"),
        ({"presence_penalty": 1}, "presence_penalty", "unsupported_value"),
    ],
)
def test_models_that_reason_refuse_what_others_take(
    model: str, fields: dict[str, object], param: str, code: str
) -> None:
    with pytest.raises(Rejected) as caught:
        read(model=model, **fields)

    assert error_of(caught.value) == (param, code)
    read(model="gpt-4.1-mini", **fields)


def test_what_they_do_anyway_they_can_be_asked_for() -> None:
    read(model="gpt-5-mini", temperature=1, top_p=1, presence_penalty=0, max_completion_tokens=5)
