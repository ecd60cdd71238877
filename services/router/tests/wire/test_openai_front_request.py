"""What OpenAI's clients send, as a request of ours; what is wrong is told by OpenAI's own names."""

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import (
    CacheControl,
    Criticality,
    Degradation,
    Image,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.errors import InvalidRequest
from failsoft_router.wire.openai_front import body
from failsoft_router.wire.openai_front.request import MOST_TOLD, Asked, decode

USER = {"role": "user", "content": "hi"}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Now.", "parameters": {"type": "object"}},
}
PNG = b"\x89PNG"


def asked(headers: Mapping[str, str] | None = None, **fields: object) -> Asked:
    sent = json.dumps({"model": "m", "messages": [USER], **fields}, separators=(",", ":"))
    return decode(sent.encode(), headers or {}, request_id="req-1")


def refusal(headers: Mapping[str, str] | None = None, **fields: object) -> str:
    """The field that is named."""
    with pytest.raises(InvalidRequest) as refused:
        asked(headers, **fields)
    return refused.value.violations[0].field


def test_the_least_request_is_answered_in_one_piece_as_the_route_says() -> None:
    least = asked()

    assert least.chat.model == "m"
    assert least.chat.messages == (Message(role=Role.USER, parts=(Text(text="hi"),)),)
    assert least.chat.request_id == "req-1"
    assert least.chat.sampling == Sampling()
    assert not least.stream
    assert least.deadline is None
    assert least.dropped == ()


def test_every_kind_of_message_is_read() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {
            "role": "user",
            "name": "Ann",
            "content": [
                {"type": "text", "text": "this?"},
                {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "HTTPS://example.com/a.png"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "sun"}]},
        {"role": "assistant", "content": "Sunny.", "refusal": None},
        {"role": "assistant", "refusal": "I won't."},
        USER,
    ]

    read = asked(messages=messages).chat.messages

    assert [message.role for message in read] == [
        Role.SYSTEM,
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.ASSISTANT,
        Role.ASSISTANT,
        Role.USER,
    ]
    assert read[2].parts == (
        Text(text="this?"),
        Image(data=PNG, mime_type="image/png"),
        Image(url="HTTPS://example.com/a.png"),
    )
    assert read[3].parts == (ToolCall(id="c1", name="weather", arguments_json="{}"),)
    assert read[4].parts == (ToolResult(tool_call_id="c1", content="sun"),)
    assert read[6].parts == (Text(text="I won't."),)


@pytest.mark.parametrize("nothing", ["", None])
def test_a_call_without_arguments_has_none(nothing: str | None) -> None:
    """Some clients send back what a model without parameters said: nothing."""
    call = {"id": "c1", "function": {"name": "now", "arguments": nothing}}
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
    ]

    part = asked(messages=messages).chat.messages[1].parts[0]

    assert part == ToolCall(id="c1", name="now", arguments_json="{}")


def test_every_sampling_parameter_is_read() -> None:
    sampling = asked(
        temperature=0,
        top_p=0.5,
        top_k=7,
        max_completion_tokens=9,
        max_tokens=8,
        stop="END",
        seed=3,
        presence_penalty=1,
        frequency_penalty=-1,
        logprobs=True,
        top_logprobs=2,
        logit_bias={"50256": -100, "7": 1.5},
    ).chat.sampling

    assert sampling == Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=7,
        max_tokens=9,
        stop=("END",),
        seed=3,
        presence_penalty=1.0,
        frequency_penalty=-1.0,
        logprobs=True,
        top_logprobs=2,
        logit_bias=((7, 1.5), (50256, -100.0)),
    )


def test_the_older_name_of_the_limit_counts_too() -> None:
    assert asked(max_tokens=8).chat.sampling.max_tokens == 8


def test_tools_and_their_choice_are_read() -> None:
    with_tools = asked(tools=[WEATHER], tool_choice="required").chat
    named = {"type": "function", "function": {"name": "weather"}}

    assert with_tools.tools == (
        Tool(name="weather", description="Now.", parameters_json='{"type":"object"}'),
    )
    assert with_tools.tool_choice == ToolChoice(mode=ToolChoiceMode.REQUIRED)
    assert asked(tools=[WEATHER], tool_choice=named).chat.tool_choice == ToolChoice(
        mode=ToolChoiceMode.NAMED, name="weather"
    )


def test_response_formats_are_read() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "place", "schema": {"a": [1]}}}

    assert asked(response_format={"type": "text"}).chat.response_format == ResponseFormat()
    assert asked(response_format={"type": "json_object"}).chat.response_format == ResponseFormat(
        kind=ResponseFormatKind.JSON_OBJECT
    )
    assert asked(response_format=schema).chat.response_format == ResponseFormat(
        kind=ResponseFormatKind.JSON_SCHEMA, name="place", schema_json='{"a":[1]}'
    )


def test_what_openai_tolerates_is_tolerated() -> None:
    """Unknown fields, and null for whatever may be absent."""
    null = dict.fromkeys(
        ("temperature", "max_tokens", "stop", "tools", "tool_choice", "response_format", "seed")
    )

    with_more = asked(user="ann", metadata={"a": "b"}, store=True, made_up={"x": []}, n=1, **null)

    assert with_more.chat == asked().chat


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{**WEATHER, "type": None}]},
        {"tools": [WEATHER], "tool_choice": {"type": None, "function": {"name": "weather"}}},
        {"failsoft": {"cache_control": {"no_cache": None, "no_store": None}}},
    ],
)
def test_null_is_as_good_as_nothing(fields: dict[str, object]) -> None:
    """Clients that write every field of a class write null for what is not there."""

    def without_null(value: object) -> object:
        match value:
            case dict():
                return {key: without_null(each) for key, each in value.items() if each is not None}
            case list():
                return [without_null(each) for each in value]
        return value

    spare = {key: without_null(each) for key, each in fields.items()}
    assert asked(None, **fields).chat == asked(None, **spare).chat


def test_usage_in_a_stream_comes_where_it_is_asked_for() -> None:
    assert asked(stream=True, stream_options={"include_usage": True}).include_usage
    assert not asked(stream=True).include_usage


def test_what_nobody_is_told_of_is_named() -> None:
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}  # type: ignore[dict-item] # it is one

    dropped = asked(
        messages=[USER, {**USER, "name": "ann"}],
        reasoning_effort="low",
        parallel_tool_calls=False,
        tools=[strict],
    ).dropped

    assert dropped == (
        "reasoning_effort",
        "parallel_tool_calls",
        "tools[0].function.strict",
        "messages[1].name",
    )


def test_what_a_target_cannot_do_is_told_in_the_callers_words() -> None:
    read = asked(max_completion_tokens=5, reasoning_effort="low")

    assert read.dropped_with(["sampling.top_k", "sampling.max_tokens", "messages[0].role"]) == [
        "reasoning_effort",
        "top_k",
        "max_completion_tokens",
        "messages[0].role",
    ]


# Failsoft's own options.


def test_options_are_read_from_the_body() -> None:
    options = {
        "deadline": "1500ms",
        "cache_control": {"no_cache": True, "max_age": 60},
        "allow_stale": False,
        "allow_mock": False,
        "criticality": "sheddable",
    }

    read = asked(failsoft=options)

    assert read.deadline == 1.5
    assert read.chat.cache_control == CacheControl(no_cache=True, max_age=60.0)
    assert read.chat.criticality is Criticality.SHEDDABLE
    assert read.chat.refused_degradations == {
        Degradation.STALE_CACHE,
        Degradation.SIMILAR_CACHE,
        Degradation.MOCK,
    }


def test_options_are_read_from_headers_and_a_field_counts_before_them() -> None:
    headers = {
        "x-failsoft-deadline": "30",
        "x-failsoft-cache-control": "no-store, max-age=5",
        "x-failsoft-allow-stale": "true",
        "x-failsoft-allow-mock": "False",
        "x-failsoft-criticality": "critical_plus",
    }

    read = asked(headers, failsoft={"criticality": "critical"})

    assert read.deadline == 30.0
    assert read.chat.cache_control == CacheControl(no_store=True, max_age=5.0)
    assert read.chat.refused_degradations == {Degradation.MOCK}
    assert read.chat.criticality is Criticality.CRITICAL


@pytest.mark.parametrize(
    ("headers", "options", "field"),
    [
        ({"x-failsoft-deadline": "soon"}, {}, "x-failsoft-deadline"),
        ({"x-failsoft-deadline": "0"}, {}, "x-failsoft-deadline"),
        ({"x-failsoft-allow-mock": "maybe"}, {}, "x-failsoft-allow-mock"),
        ({"x-failsoft-cache-control": "private"}, {}, "x-failsoft-cache-control"),
        ({"x-failsoft-criticality": "huge"}, {}, "x-failsoft-criticality"),
        ({}, {"deadline": -1}, "failsoft.deadline"),
        ({}, {"deadline": "1d"}, "failsoft.deadline"),
        ({}, {"allow_mock": "no"}, "failsoft.allow_mock"),
        ({}, {"cache_control": {"max_age": -1}}, "failsoft.cache_control.max_age"),
        ({}, {"cache_control": {"max_age": "x"}}, "failsoft.cache_control.max_age"),
        ({}, {"criticallity": "critical"}, "failsoft"),
    ],
)
def test_an_option_that_is_wrong_is_refused(
    headers: Mapping[str, str], options: Mapping[str, object], field: str
) -> None:
    assert refusal(headers, failsoft=options) == field


# What is wrong.


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "messages[1].role"),
        ({"model": None}, "model"),
        ({"model": "m" * 257}, "model"),
        ({"n": 2}, "n"),
        ({"n": "1"}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias[1]"),
        ({"seed": 2**70}, "seed"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        (
            {"tools": [{"function": {"name": "a", "parameters": "text"}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        (
            {"tools": [WEATHER], "tool_choice": {"function": {"name": "other"}}},
            "tool_choice.function.name",
        ),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
        ),
        ({"functions": [{}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"modalities": ["text", "audio"]}, "modalities"),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: Mapping[str, object], param: str) -> None:
    assert refusal(None, **fields) == param


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "gopher://x",
        "data:text/html;base64,aGk=",
        "data:image/png;base64,not base64!",
        "data:image/png;base64,",
        "",
    ],
)
def test_an_image_that_is_neither_sent_nor_on_https_is_refused(url: str) -> None:
    content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": url}}]

    param = refusal(messages=[{"role": "user", "content": content}])

    assert param == "messages[0].content[1].image_url.url"


def test_a_call_whose_arguments_are_no_object_is_named_as_its_caller_wrote_it() -> None:
    calls = [
        {"id": "1", "function": {"name": "a", "arguments": "{}"}},
        {"id": "2", "function": {"name": "b", "arguments": "[]"}},
    ]
    messages = [{"role": "assistant", "content": "Well.", "tool_calls": calls}, USER]

    assert refusal(messages=messages) == "messages[0].tool_calls[1].function.arguments"


def test_a_refusal_says_what_is_allowed_and_none_of_the_callers_words() -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(messages=[{"role": "secret-role", "content": "secret words"}])

    assert refused.value.violations[0].description == (
        "must be one of system, developer, user, assistant, tool"
    )
    assert "secret" not in str(refused.value)


def test_a_refusal_is_no_longer_than_somebody_reads() -> None:
    """It was three times as long as the body, and the body may have 8 MiB."""
    wrong = {"role": "user", "content": [{"type": "made_up"}] * 200}
    with pytest.raises(InvalidRequest, match=r"and 1999 more") as refused:
        asked(messages=[wrong] * 10)

    assert len(refused.value.violations) == MOST_TOLD


def test_a_refusal_does_not_speak_in_the_contracts_constants() -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(messages=[USER, {"role": "assistant", "content": "x"}])

    assert refused.value.violations[0].description == "the last message must not be of assistant"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"null",
        b"hello",
        b'{"model": "m", "messages": [',
        b'{"model": "m", "messages": []} {}',
        b'{"model": "\xff", "messages": []}',
        b'{"model": "m", "messages": [], "made_up": "\xff"}',
        b'{"model": "m", "messages": [], "tools": [{"function": {"parameters": "\xff"}}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "m", "temperature": NaN, "messages": []}',
        b'{"model": "m", "messages": [], "x": ' + b"[" * 100_000,
        b'{"model": "m", "messages": [], "x": ' + b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}",
        '{"model": "m"}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(sent: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode(sent, {}, request_id="")


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (b'{"model": "a", "messages": [{"role": "user", "content": "x"}], "model": "b"}', "model"),
        (b'{"model": "a", "messages": [{"role": "user", "content": "x", "role": "tool"}]}', "role"),
        (
            b'{"model": "a", "messages": [{"role": "user", "content": "x"}], "y": {"z":1,"z":2}}',
            "z",
        ),
    ],
)
def test_a_key_that_is_written_twice_is_refused(sent: bytes, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode(sent, {}, request_id="")

    assert refused.value.violations[0].field == param


def test_a_key_that_is_written_twice_is_soon_found_among_many() -> None:
    """Nobody else is answered while it is looked for, and this took minutes."""
    keys = b",".join(b'"a%d":1' % number for number in range(200_000))
    with pytest.raises(InvalidRequest) as refused:
        decode(
            b'{"model": "m", "x": {' + keys + b',"z":1,"z":2}, "messages": []}', {}, request_id=""
        )

    assert refused.value.violations[0].field == "z"


def test_one_line_of_two_megabytes_is_read() -> None:
    text = "x" * 2_000_000

    read = asked(messages=[{"role": "user", "content": text}])

    assert read.chat.messages[0].text == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
SHAPES = (
    body.ChatBody,
    body.MessageBody,
    body.PartBody,
    body.ImageUrl,
    body.ToolCallBody,
    body.FunctionBody,
    body.ResponseFormatBody,
    body.OptionsBody,
)
NAMES = st.sampled_from(sorted({name for shape in SHAPES for name in shape.__struct_fields__}))
WORDS = st.sampled_from(
    ["user", "assistant", "tool", "function", "text", "image_url", "json_schema", "auto", "5s"]
)
LIKELY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


def refusal_of(sent: bytes) -> InvalidRequest | None:
    """None: it is a request. Nothing else may come of it."""
    try:
        decode(sent, {}, request_id="r")
    except InvalidRequest as refused:
        return refused
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(sent: bytes) -> None:
    refused = refusal_of(sent)

    assert refused is not None


@given(st.dictionaries(NAMES, LIKELY | JSON, max_size=6))
def test_any_json_is_a_request_or_refused(fields: Mapping[str, object]) -> None:
    refused = refusal_of(json.dumps({"model": "m", "messages": [USER], **fields}).encode())

    assert refused is None or refused.message


@given(st.lists(st.dictionaries(NAMES, LIKELY, max_size=5), min_size=1, max_size=3))
def test_any_messages_are_a_request_or_refused_by_name(messages: list[object]) -> None:
    sent = json.dumps({"model": "m", "messages": [{"role": "user"}, *messages]}).encode()
    refused = refusal_of(sent)

    assert refused is not None
    assert refused.violations
    assert all(each.field.startswith("messages") for each in refused.violations)
