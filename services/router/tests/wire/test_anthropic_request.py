"""Each feature of a request has its words in Messages, or is named as dropped."""

import orjson
import pytest
from chat_requests import SCHEMA, WEATHER, request, said

from failsoft_model.chat import (
    ChatRequest,
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
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.anthropic.codec import AnthropicCodec

OLD, NEW, STRANGER = "claude-haiku-4-5", "claude-opus-4-8", "qwen3-32b"


def codec(model: str = OLD, *, context_tokens: int = 0) -> AnthropicCodec:
    return AnthropicCodec(model=model, context_tokens=context_tokens)


def wire(asked: ChatRequest, model: str = OLD) -> dict[str, object]:
    body = orjson.loads(codec(model).encode(asked).body)
    assert isinstance(body, dict)
    return body


def messages(*parts: Message) -> object:
    return wire(request(*parts))["messages"]


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def schema(written: object) -> ResponseFormat:
    return ResponseFormat(
        kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=orjson.dumps(written).decode()
    )


def asked_schema(written: object) -> object:
    config = wire(request(response_format=schema(written)))["output_config"]
    assert isinstance(config, dict)
    assert config["format"]["type"] == "json_schema"
    return config["format"]["schema"]


# The call.


def test_the_least_request_says_model_turns_stream_and_a_limit() -> None:
    assert wire(request()) == {
        "model": OLD,
        "messages": [{"role": "user", "content": [text("hi")]}],
        "stream": True,
        "max_tokens": 32_000,
    }
    assert codec().encode(request()).path == "/messages"


def test_the_key_has_a_header_of_its_own_and_the_version_is_always_told() -> None:
    assert codec().headers("secret") == {"anthropic-version": "2023-06-01", "x-api-key": "secret"}
    assert codec().headers(None) == {"anthropic-version": "2023-06-01"}


# Turns.


def test_system_messages_stand_before_the_turns() -> None:
    asked = request(
        said(Role.SYSTEM, Text(text="Be kind.")),
        said(Role.SYSTEM, Text(text="Be brief."), Text(text="Be true.")),
        said(Role.USER, Text(text="hi")),
    )
    body = wire(asked)

    assert body["system"] == "Be kind.\n\nBe brief.\nBe true."
    assert body["messages"] == [{"role": "user", "content": [text("hi")]}]
    assert codec().dropped(asked) == ()


def test_a_later_system_message_is_told_to_stand_elsewhere() -> None:
    asked = request(
        said(Role.USER, Text(text="hi")),
        said(Role.SYSTEM, Text(text="Now in French.")),
        said(Role.USER, Text(text="go on")),
    )

    assert wire(asked)["system"] == "Now in French."
    assert codec().dropped(asked) == ("messages[1].role",)


def test_turns_of_one_speaker_are_one() -> None:
    assert messages(
        said(Role.USER, Text(text="a"), Text(text="b")),
        said(Role.USER, Text(text="c")),
        said(Role.ASSISTANT, Text(text="d")),
        said(Role.USER, Text(text="e")),
    ) == [
        {"role": "user", "content": [text("a"), text("b"), text("c")]},
        {"role": "assistant", "content": [text("d")]},
        {"role": "user", "content": [text("e")]},
    ]


def test_blank_texts_are_left_out() -> None:
    """The API refuses them; elsewhere they are harmless."""
    assert messages(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, Text(text=" \n")),
        said(Role.USER, Text(text=""), Text(text="b")),
    ) == [{"role": "user", "content": [text("a"), text("b")]}]


def test_images_are_told_by_data_or_by_address() -> None:
    assert messages(
        said(
            Role.USER,
            Image(data=b"\x89PNG", mime_type="image/png"),
            Image(url="https://example.org/a.jpg"),
        )
    ) == [
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
                },
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.jpg"}},
            ],
        }
    ]


def test_parallel_calls_are_followed_by_one_turn_with_all_results() -> None:
    """Results in turns of their own would be refused."""
    assert messages(
        said(Role.USER, Text(text="hi")),
        said(
            Role.ASSISTANT,
            Text(text="Both."),
            ToolCall(id="toolu_1", name="weather", arguments_json='{"n": 1}'),
            ToolCall(id="call_2", name="weather", arguments_json="{}"),
        ),
        said(Role.TOOL, ToolResult(tool_call_id="toolu_1", content="sun")),
        said(Role.TOOL, ToolResult(tool_call_id="call_2", content="", is_error=True)),
        said(Role.USER, Text(text="So?")),
    ) == [
        {"role": "user", "content": [text("hi")]},
        {
            "role": "assistant",
            "content": [
                text("Both."),
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"n": 1}},
                {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"},
                {
                    "type": "tool_result",
                    "tool_use_id": "call_2",
                    "content": "error",
                    "is_error": True,
                },
                text("So?"),
            ],
        },
    ]


def test_an_id_of_other_letters_is_numbered_in_call_and_result_alike() -> None:
    """Some models' ids are refused by this API, such as `functions.weather:0`."""
    turns = messages(
        said(Role.USER, Text(text="hi")),
        said(
            Role.ASSISTANT,
            ToolCall(id="functions.a:0", name="a", arguments_json="{}"),
            ToolCall(id="functions.a:1", name="a", arguments_json="{}"),
        ),
        said(
            Role.TOOL,
            ToolResult(tool_call_id="functions.a:1", content="1"),
            ToolResult(tool_call_id="functions.a:0", content="0"),
        ),
    )

    assert isinstance(turns, list)
    called = [block["id"] for block in turns[1]["content"]]
    assert called == ["toolu_numbered_0", "toolu_numbered_1"]
    assert [block["tool_use_id"] for block in turns[2]["content"]] == called[::-1]


def test_an_answer_to_continue_is_the_last_turn_without_blank_space_at_its_end() -> None:
    asked = request(continue_from="Once upon \n")

    assert wire(asked)["messages"][-1] == {  # type: ignore[index]
        "role": "assistant",
        "content": [text("Once upon")],
    }
    assert codec().dropped(asked) == ("continue_from",)
    assert codec().dropped(request(continue_from="Once upon")) == ()


# Tools.


def test_tools_have_schemas_even_where_nobody_wrote_one() -> None:
    body = wire(request(tools=(WEATHER, Tool(name="now", parameters_json='{"title": "x"}'))))

    assert body["tools"] == [
        {"name": "weather", "description": "The weather.", "input_schema": orjson.loads(SCHEMA)},
        {"name": "now", "input_schema": {"type": "object", "title": "x"}},
    ]
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice(mode=ToolChoiceMode.NONE), {"type": "none"}),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), {"type": "any"}),
        (
            ToolChoice(mode=ToolChoiceMode.NAMED, name="weather"),
            {"type": "tool", "name": "weather"},
        ),
    ],
)
def test_a_choice_of_tools_is_told(choice: ToolChoice, wanted: object) -> None:
    assert wire(request(tools=(WEATHER,), tool_choice=choice))["tool_choice"] == wanted


# Sampling.


def test_what_the_dialect_has_is_sent() -> None:
    sampling = Sampling(temperature=0.5, top_k=3, max_tokens=7, stop=("END",))

    body = wire(request(sampling=sampling))

    assert (body["temperature"], body["top_k"]) == (0.5, 3)
    assert (body["max_tokens"], body["stop_sequences"]) == (7, ["END"])
    assert codec().dropped(request(sampling=sampling)) == ()


def test_what_the_dialect_has_no_words_for_is_named() -> None:
    asked = request(sampling=Sampling(seed=0, presence_penalty=0.5, frequency_penalty=0.5))

    assert wire(asked) == wire(request())
    assert codec().dropped(asked) == (
        "sampling.seed",
        "sampling.presence_penalty",
        "sampling.frequency_penalty",
    )


def test_a_temperature_over_the_hottest_is_the_hottest_and_says_so() -> None:
    asked = request(sampling=Sampling(temperature=1.5))

    assert wire(asked)["temperature"] == 1.0
    assert codec().dropped(asked) == ("sampling.temperature",)


def test_temperature_and_top_p_are_not_sent_together() -> None:
    """Models from Claude 4.5 on refuse both; the temperature says more."""
    asked = request(sampling=Sampling(temperature=0.5, top_p=0.9))

    body = wire(asked)

    assert body["temperature"] == 0.5
    assert "top_p" not in body
    assert codec().dropped(asked) == ("sampling.top_p",)


def test_top_p_alone_is_sent() -> None:
    assert wire(request(sampling=Sampling(top_p=0.9)))["top_p"] == 0.9


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-5-haiku-latest", True),
        ("claude-opus-4-20250514", True),
        ("claude-sonnet-4-6", True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", True),
        (STRANGER, True),
        ("claude-opus-4-7", False),
        ("claude-opus-4-8-20260528", False),
        ("claude-opus-5", False),
        ("claude-sonnet-5-5", False),
    ],
)
def test_models_that_refuse_sampling_are_not_sent_any(model: str, takes: bool) -> None:
    asked = request(sampling=Sampling(temperature=0.0, top_k=1))

    assert ("temperature" in wire(asked, model)) is takes
    assert ("top_k" in wire(asked, model)) is takes
    lost = () if takes else ("sampling.temperature", "sampling.top_k")
    assert codec(model).dropped(asked) == lost


def test_blank_stops_are_refused_there_and_named_here() -> None:
    asked = request(sampling=Sampling(stop=("\n", "END")))

    assert wire(asked)["stop_sequences"] == ["END"]
    assert codec().dropped(asked) == ("sampling.stop",)
    assert "stop_sequences" not in wire(request(sampling=Sampling(stop=("\n",))))


@pytest.mark.parametrize(
    ("model", "context", "most"),
    [
        (NEW, 0, 32_000),
        (NEW, 1_000_000, 32_000),
        ("claude-3-haiku-20240307", 200_000, 4_096),
        (STRANGER, 8_192, 4_096),
    ],
)
def test_an_answer_has_a_limit_where_the_caller_sets_none(
    model: str, context: int, most: int
) -> None:
    """The API has no default, and refuses a call without one."""
    body = orjson.loads(codec(model, context_tokens=context).encode(request()).body)

    assert body["max_tokens"] == most


# The form of the answer.


def test_a_schema_is_closed_at_every_level() -> None:
    person = {"type": "object", "properties": {"name": {"type": "string"}}}

    assert asked_schema(
        {
            "type": "object",
            "properties": {"all": {"type": "array", "items": person}, "one": {"oneOf": [person]}},
            "$defs": {"person": person, "untyped": {"properties": {"n": {}}}},
        }
    ) == {
        "type": "object",
        "properties": {
            "all": {"type": "array", "items": {**person, "additionalProperties": False}},
            "one": {"anyOf": [{**person, "additionalProperties": False}]},
        },
        "$defs": {
            "person": {**person, "additionalProperties": False},
            "untyped": {"properties": {"n": {}}, "additionalProperties": False},
        },
        "additionalProperties": False,
    }


def test_bounds_that_are_not_kept_are_left_out_and_named() -> None:
    bounded = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1},
            "minimum": {"type": "string", "format": "date"},
            "l": {"type": "array", "minItems": 2, "items": {"type": "string", "format": "phone"}},
        },
        "additionalProperties": False,
    }
    asked = request(response_format=schema(bounded))

    assert asked_schema(bounded) == {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "minimum": {"type": "string", "format": "date"},
            "l": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }
    assert codec().dropped(asked) == ("response_format.schema_json",)
    assert codec().dropped(request(response_format=schema(orjson.loads(SCHEMA)))) == ()


@pytest.mark.parametrize(
    "form",
    [
        ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT),
        schema({"type": "object"}),
        schema({"type": "object", "properties": {"n": {}}, "additionalProperties": True}),
        schema({"type": "array", "items": {"type": "object", "additionalProperties": {}}}),
    ],
)
def test_a_form_that_has_no_words_is_refused_before_the_call(form: ResponseFormat) -> None:
    assert_refused_unsent(request(response_format=form))


@pytest.mark.parametrize("odd", ['{"title": "\\ud800"}', '{"maximum": 1e999}'])
def test_a_schema_that_not_everybody_reads_is_refused_before_the_call(odd: str) -> None:
    """What the front door takes must not end the walk here."""
    form = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=odd)

    assert_refused_unsent(request(response_format=form))
    assert_refused_unsent(request(tools=(Tool(name="a", parameters_json=odd),)))


def assert_refused_unsent(asked: ChatRequest) -> None:
    with pytest.raises(AttemptFailed) as failed:
        codec().encode(asked)
    assert failed.value.error_class is ErrorClass.UNSUPPORTED
    assert not failed.value.sent
