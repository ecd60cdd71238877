"""Each feature of a request has its words in Gemini's format, or is named as dropped."""

import base64

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
from failsoft_router.wire.gemini.codec import GeminiCodec
from failsoft_router.wire.gemini.contents import FOREIGN_CALL
from failsoft_router.wire.gemini.request import dropped, encode, path

OLD = "gemini-2.0-flash"
"""A model that knows neither thoughts nor signatures: its bodies hold what was asked for."""

JSON = ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)


def wire(asked: ChatRequest, *, model: str = OLD) -> dict[str, object]:
    body = orjson.loads(encode(asked, model=model))
    assert isinstance(body, dict)
    return body


def contents(*messages: Message, model: str = OLD) -> object:
    return wire(request(*messages), model=model)["contents"]


def call(identifier: str, name: str = "weather", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=identifier, name=name, arguments_json=arguments)


def result(identifier: str, content: str, *, is_error: bool = False) -> ToolResult:
    return ToolResult(tool_call_id=identifier, content=content, is_error=is_error)


# Where it goes.


@pytest.mark.parametrize(
    ("model", "there"),
    [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("models/gemma-3", "/models/gemma-3:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", "/tunedModels/mine:streamGenerateContent?alt=sse"),
        ("a b?c", "/models/a%20b%3Fc:streamGenerateContent?alt=sse"),
    ],
)
def test_the_model_is_in_the_path(model: str, there: str) -> None:
    assert path(model) == there


def test_the_key_goes_into_a_header_and_never_into_the_path() -> None:
    codec = GeminiCodec(model=OLD)

    assert codec.headers("secret") == {"x-goog-api-key": "secret"}
    assert codec.headers(None) == {}
    assert "secret" not in codec.encode(request()).path


# Conversations.


def test_a_plain_question_is_the_smallest_body() -> None:
    assert wire(request()) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_system_messages_are_the_instruction_and_not_the_conversation() -> None:
    body = wire(
        request(
            said(Role.SYSTEM, Text(text="Be brief."), Text(text="Be kind.")),
            said(Role.USER, Text(text="hi")),
        )
    )

    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]


def test_a_system_message_that_loses_its_place_is_told() -> None:
    asked = request(
        said(Role.SYSTEM, Text(text="a")),
        said(Role.USER, Text(text="b")),
        said(Role.SYSTEM, Text(text="c")),
        said(Role.USER, Text(text="d")),
    )

    assert dropped(asked) == ("messages[2].role",)
    assert wire(asked)["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "c"}]}


def test_turns_have_geminis_roles_and_those_of_one_role_are_one() -> None:
    assert contents(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, Text(text="b")),
        said(Role.USER, Text(text="c")),
        said(Role.USER, Text(text="d")),
    ) == [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"text": "b"}]},
        {"role": "user", "parts": [{"text": "c"}, {"text": "d"}]},
    ]


def test_what_says_nothing_is_left_out() -> None:
    """Gemini refuses an empty text, and a content without parts."""
    assert contents(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, Text(text="")),
        said(Role.USER, Text(text="b")),
    ) == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_an_answer_that_is_continued_ends_the_conversation() -> None:
    body = wire(request(continue_from="Once upon"))

    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "Once upon"}]},
    ]


# Images.


def test_an_image_is_sent_inline() -> None:
    image = Image(data=b"\x89PNG", mime_type="image/png")
    data = base64.b64encode(b"\x89PNG").decode()

    assert contents(said(Role.USER, Text(text="a"), image)) == [
        {
            "role": "user",
            "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": data}}],
        }
    ]


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image(url="https://x.example/a.jpg?size=1"), {"mimeType": "image/jpeg"}),
        (Image(url="https://x.example/a.jpg", mime_type="image/webp"), {"mimeType": "image/webp"}),
        (Image(url="https://x.example/a"), {}),
    ],
)
def test_an_image_by_reference_is_fetched_by_the_provider(
    image: Image, kind: dict[str, str]
) -> None:
    file = {"fileData": {"fileUri": image.url, **kind}}

    assert contents(said(Role.USER, image), model="gemini-2.5-flash") == [
        {"role": "user", "parts": [file]}
    ]


# Tools.


def test_tools_are_declared_with_their_schemas() -> None:
    body = wire(request(tools=(WEATHER, Tool(name="bare"))))

    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "weather",
                    "description": "The weather.",
                    "parametersJsonSchema": orjson.loads(SCHEMA),
                },
                {"name": "bare"},
            ]
        }
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice(mode=ToolChoiceMode.NONE), {"mode": "NONE"}),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), {"mode": "ANY"}),
        (
            ToolChoice(mode=ToolChoiceMode.NAMED, name="weather"),
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_a_tool_choice_is_a_mode(choice: ToolChoice, calling: dict[str, object]) -> None:
    body = wire(request(tools=(WEATHER,), tool_choice=choice))

    assert body["toolConfig"] == {"functionCallingConfig": calling}


def test_results_are_one_content_under_their_functions_names() -> None:
    """Gemini refuses fewer results in a content than there were calls in the one before."""
    assert contents(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, call("1", arguments='{"at": "Rome"}'), call("2", "time")),
        said(Role.TOOL, result("1", "sunny")),
        said(Role.TOOL, result("2", "down", is_error=True)),
        said(Role.USER, Text(text="b")),
    ) == [
        {"role": "user", "parts": [{"text": "a"}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "1", "name": "weather", "args": {"at": "Rome"}}},
                {"functionCall": {"id": "2", "name": "time", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "1",
                        "name": "weather",
                        "response": {"output": "sunny"},
                    }
                },
                {"functionResponse": {"id": "2", "name": "time", "response": {"error": "down"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "b"}]},
    ]


def test_an_id_that_is_used_again_belongs_to_its_latest_call() -> None:
    turns = contents(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, call("1", "time")),
        said(Role.TOOL, result("1", "noon")),
        said(Role.ASSISTANT, call("1", "weather")),
        said(Role.TOOL, result("1", "sunny")),
    )

    assert isinstance(turns, list)
    assert [turns[at]["parts"][0]["functionResponse"]["name"] for at in (2, 4)] == [
        "time",
        "weather",
    ]


@pytest.mark.parametrize(
    ("model", "signed"),
    [
        ("gemini-1.5-pro", False),
        ("gemini-2.0-flash", False),
        ("gemini-2.5-flash", False),
        ("gemini-3-flash-preview", True),
        ("models/gemini-3.1-pro", True),
        ("gemini-10-pro", True),
        ("gemini-flash-latest", True),
        ("gemma-3-27b-it", False),
    ],
)
def test_the_first_call_of_each_step_is_marked_for_models_that_check(
    model: str, signed: bool
) -> None:
    """A conversation may have begun at another provider, whose calls nobody has signed."""
    turns = contents(
        said(Role.USER, Text(text="a")),
        said(Role.ASSISTANT, Text(text="b"), call("1"), call("2")),
        said(Role.TOOL, result("1", "c"), result("2", "d")),
        said(Role.ASSISTANT, call("3")),
        said(Role.TOOL, result("3", "e")),
        model=model,
    )

    assert isinstance(turns, list)
    marks = [part.get("thoughtSignature") for turn in turns for part in turn["parts"]]
    mark = FOREIGN_CALL if signed else None
    assert marks == [None, None, mark, None, None, None, mark, None]


# What is known before the call.


@pytest.mark.parametrize(
    ("asked", "since"),
    [
        (request(said(Role.USER, Image(url="https://x.example/a.jpg"))), 2.5),
        (request(tools=(WEATHER,), response_format=JSON), 3.0),
    ],
)
def test_what_a_generation_lacks_is_told_before_the_call(asked: ChatRequest, since: float) -> None:
    for generation in (1.5, 2.0, 2.5, 3.0, 3.5):
        model = f"gemini-{generation}-flash"
        if generation >= since:
            assert wire(asked, model=model)
            continue
        with pytest.raises(AttemptFailed) as refused:
            encode(asked, model=model)
        assert (refused.value.error_class, refused.value.sent) == (ErrorClass.UNSUPPORTED, False)
    assert wire(asked, model="our-proxy-s-name")
    assert wire(asked, model="gemini-flash-latest")


def test_tools_that_may_not_be_called_are_no_hindrance_to_json() -> None:
    never = ToolChoice(mode=ToolChoiceMode.NONE)

    assert wire(request(tools=(WEATHER,), tool_choice=never, response_format=JSON))


# Forms, sampling, thoughts.


@pytest.mark.parametrize(
    ("form", "config"),
    [
        (
            ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT),
            {"responseMimeType": "application/json"},
        ),
        (
            ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=SCHEMA),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": orjson.loads(SCHEMA),
            },
        ),
        (
            ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("yes", "no")),
            {
                "responseMimeType": "text/x.enum",
                "responseSchema": {"type": "STRING", "enum": ["yes", "no"]},
            },
        ),
    ],
)
def test_a_form_is_part_of_the_configuration(
    form: ResponseFormat, config: dict[str, object]
) -> None:
    assert wire(request(response_format=form))["generationConfig"] == config


def test_sampling_has_geminis_names() -> None:
    sampling = Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_tokens=7,
        stop=("a", "b"),
        seed=0,
        presence_penalty=0.25,
        frequency_penalty=-0.25,
        logprobs=True,
        top_logprobs=2,
    )

    assert wire(request(sampling=sampling))["generationConfig"] == {
        "temperature": 0.0,
        "topP": 0.5,
        "topK": 3,
        "maxOutputTokens": 7,
        "stopSequences": ["a", "b"],
        "seed": 0,
        "presencePenalty": 0.25,
        "frequencyPenalty": -0.25,
        "responseLogprobs": True,
        "logprobs": 2,
    }
    assert dropped(request(sampling=sampling)) == ()


def test_what_is_too_much_for_the_api_is_cut_and_told() -> None:
    asked = request(sampling=Sampling(stop=tuple("abcdef"), seed=2**31))

    assert wire(asked)["generationConfig"] == {"stopSequences": list("abcde")}
    assert dropped(asked) == ("sampling.stop", "sampling.seed")


@pytest.mark.parametrize("seed", [-(2**31), 2**31 - 1])
def test_the_widest_seeds_are_sent(seed: int) -> None:
    asked = request(sampling=Sampling(seed=seed))

    assert wire(asked)["generationConfig"] == {"seed": seed}
    assert dropped(asked) == ()


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("gemini-1.5-pro", False),
        ("gemini-2.0-flash", False),
        ("gemini-2.5-flash", True),
        ("gemini-3-pro-preview", True),
        ("gemini-pro-latest", True),
        ("gemma-3-27b-it", False),
    ],
)
def test_models_that_think_are_asked_to_show_it(model: str, shown: bool) -> None:
    """Else one that thinks for longer than the first content's limit looks like a dead one."""
    config = wire(request(), model=model).get("generationConfig")

    assert config == ({"thinkingConfig": {"includeThoughts": True}} if shown else None)
