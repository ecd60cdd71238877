"""Each feature of a request has its words in OpenAI's format, or is named as dropped."""

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
from failsoft_router.wire.openai.request import dropped, encode
from failsoft_router.wire.openai.sampling import words

OPENAI = words("https://api.openai.com/v1", "gpt-4o")


def wire(asked: ChatRequest) -> dict[str, object]:
    body = orjson.loads(encode(asked, model="gpt-4o", said_in=OPENAI))
    assert isinstance(body, dict)
    return body


def messages(*parts: Message) -> object:
    return wire(request(*parts))["messages"]


def test_a_plain_question_is_the_smallest_body() -> None:
    """The target's own model id, always streamed, usage always asked for."""
    assert wire(request()) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_probabilities_and_biases_have_openai_s_names() -> None:
    sampling = Sampling(logprobs=True, top_logprobs=2, logit_bias=((15, -100.0), (50256, 1.5)))
    body = wire(request(sampling=sampling))

    assert body["logprobs"] is True
    assert body["top_logprobs"] == 2
    assert body["logit_bias"] == {"15": -100, "50256": 1.5}
    assert isinstance(body["logit_bias"]["15"], int)
    assert "top_logprobs" not in wire(request(sampling=Sampling(logprobs=True)))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (ResponseFormat(kind=ResponseFormatKind.REGEX, regex=r"\d+"), {"regex": r"\d+"}),
        (
            ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("yes", "no")),
            {"choice": ["yes", "no"]},
        ),
    ],
)
def test_forms_that_openai_does_not_have_are_told_in_vllm_s_words(
    form: ResponseFormat, told: dict[str, object]
) -> None:
    body = wire(request(response_format=form))

    assert body["structured_outputs"] == told
    assert "response_format" not in body


def test_text_of_any_language_survives() -> None:
    text = 'quotes " and \\ and \n and ü and 漢字 and 🙂 and \x00'

    assert messages(said(Role.USER, Text(text=text))) == [{"role": "user", "content": text}]


def test_system_and_several_texts_are_parts() -> None:
    assert messages(
        said(Role.SYSTEM, Text(text="Be brief.")),
        said(Role.USER, Text(text="a"), Text(text="b")),
    ) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
    ]


def test_images_are_addresses_or_data_addresses() -> None:
    assert messages(
        said(
            Role.USER,
            Text(text="what is it?"),
            Image(url="https://example.com/cat.png"),
            Image(data=b"\x89PNG", mime_type="image/png"),
        )
    ) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
            ],
        }
    ]


def test_tool_calls_and_their_results_become_messages_of_their_own() -> None:
    """Two results of one turn are one message of ours and two of theirs."""
    assert messages(
        said(
            Role.ASSISTANT,
            Text(text="Let me see."),
            ToolCall(id="c1", name="weather", arguments_json='{"n": 1}'),
            ToolCall(id="c2", name="weather", arguments_json='{"n": 2}'),
        ),
        said(
            Role.TOOL,
            ToolResult(tool_call_id="c1", content="rain"),
            ToolResult(tool_call_id="c2", content="sun"),
        ),
    ) == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"n": 1}'},
                },
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"n": 2}'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": "sun"},
    ]


def test_an_assistant_that_only_called_tools_said_nothing() -> None:
    call = ToolCall(id="c1", name="weather", arguments_json="{}")

    assert messages(said(Role.ASSISTANT, call)) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ],
        }
    ]


def test_what_was_already_said_is_the_last_turn() -> None:
    assert wire(request(continue_from="Once upon"))["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Once upon"},
    ]


def test_servers_are_told_in_their_own_words_to_go_on_with_it() -> None:
    mistral = words("https://api.mistral.ai/v1", "mistral-small")
    vllm = words("http://vllm.example.com:8000/v1", "llama")
    begun = request(continue_from="Once upon")

    by_mark = orjson.loads(encode(begun, model="m", said_in=mistral))
    by_field = orjson.loads(encode(begun, model="m", said_in=vllm))
    plain = orjson.loads(encode(request(), model="m", said_in=vllm))

    assert by_mark["messages"][-1] == {
        "role": "assistant",
        "content": "Once upon",
        "prefix": True,
    }
    assert "continue_final_message" not in by_mark
    assert by_field["messages"][-1] == {"role": "assistant", "content": "Once upon"}
    assert (by_field["continue_final_message"], by_field["add_generation_prompt"]) == (True, False)
    assert "continue_final_message" not in plain


def test_every_way_of_sampling_has_its_name() -> None:
    sampling = Sampling(
        temperature=0.0,
        top_p=0.9,
        top_k=40,
        max_tokens=64,
        stop=("END", "\n"),
        seed=0,
        presence_penalty=-0.5,
        frequency_penalty=0.5,
    )
    plain = wire(request())

    assert {
        name: value for name, value in wire(request(sampling=sampling)).items() if name not in plain
    } == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_completion_tokens": 64,
        "stop": ["END", "\n"],
        "seed": 0,
        "presence_penalty": -0.5,
        "frequency_penalty": 0.5,
    }


def test_what_the_format_has_no_word_for_is_named() -> None:
    assert dropped(request(sampling=Sampling(top_k=40)), said_in=OPENAI) == ("sampling.top_k",)
    assert dropped(request(sampling=Sampling(top_p=0.5)), said_in=OPENAI) == ()


def test_more_stop_strings_than_the_api_takes_are_cut_and_named() -> None:
    """It refuses the whole request for the fifth."""
    five = request(sampling=Sampling(stop=("a", "b", "c", "d", "e")))

    assert wire(five)["stop"] == ["a", "b", "c", "d"]
    assert dropped(five, said_in=OPENAI) == ("sampling.stop",)
    assert dropped(request(sampling=Sampling(stop=("a", "b", "c", "d"))), said_in=OPENAI) == ()


def test_that_a_tool_failed_is_named_where_it_is_said() -> None:
    called = said(Role.ASSISTANT, ToolCall(id="1", name="add", arguments_json="{}"))
    results = said(
        Role.TOOL,
        ToolResult(tool_call_id="1", content="2"),
        ToolResult(tool_call_id="2", content="no", is_error=True),
    )

    assert dropped(request(called, results), said_in=OPENAI) == (
        "messages[1].parts[1].tool_result.is_error",
    )


def test_tools_carry_their_schemas_as_json_and_not_as_text() -> None:
    body = wire(request(tools=(WEATHER, Tool(name="bare"))))

    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "The weather.",
                "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
        },
        {"type": "function", "function": {"name": "bare"}},
    ]
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (ToolChoice(mode=ToolChoiceMode.NONE), "none"),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), "required"),
        (
            ToolChoice(mode=ToolChoiceMode.NAMED, name="weather"),
            {"type": "function", "function": {"name": "weather"}},
        ),
    ],
)
def test_a_choice_of_tools_is_sent_where_it_is_not_automatic(
    choice: ToolChoice, words: object
) -> None:
    assert wire(request(tools=(WEATHER,), tool_choice=choice))["tool_choice"] == words


def test_a_choice_without_tools_is_not_sent() -> None:
    """Providers answer 400 to it."""
    choice = ToolChoice(mode=ToolChoiceMode.NONE)

    assert "tool_choice" not in wire(request(tool_choice=choice))


def test_json_of_any_form_can_be_asked_for() -> None:
    form = ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)

    assert wire(request(response_format=form))["response_format"] == {"type": "json_object"}


def test_a_schema_is_sent_as_json_and_strictly() -> None:
    form = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="count", schema_json=SCHEMA)

    assert wire(request(response_format=form))["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "count",
            "schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "strict": True,
        },
    }
