"""Requests are refused for what the contract says, all mistakes at once, and for nothing else."""

import dataclasses
import json
import math

import pytest

from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Degradation,
    Image,
    Message,
    Part,
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
from failsoft_model.limits import violations

MIB = 1024 * 1024
QUESTION = Message(role=Role.USER, parts=(Text(text="why?"),))
PLAIN = ChatRequest(model="chat", messages=(QUESTION,))
CALL = ToolCall(id="1", name="add", arguments_json='{"a": 1}')
RESULT = ToolResult(tool_call_id="1", content="2")
PNG = Image(data=b"\x89PNG", mime_type="image/png")
ADD = Tool(name="add")


def nested(levels: int) -> str:
    """A JSON object in which that many objects are nested, itself included."""
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


def fields(request: ChatRequest) -> list[str]:
    return [violation.field for violation in violations(request)]


def saying(*parts: Part, role: Role = Role.USER) -> ChatRequest:
    """A request whose second message has these parts."""
    return ChatRequest(model="chat", messages=(QUESTION, Message(role=role, parts=parts), QUESTION))


def sampled(sampling: Sampling) -> ChatRequest:
    return dataclasses.replace(PLAIN, sampling=sampling)


def formed(kind: ResponseFormatKind, name: str = "", schema: str = "") -> ChatRequest:
    form = ResponseFormat(kind=kind, name=name, schema_json=schema)
    return dataclasses.replace(PLAIN, response_format=form)


def matched(regex: str) -> ChatRequest:
    form = ResponseFormat(kind=ResponseFormatKind.REGEX, regex=regex)
    return dataclasses.replace(PLAIN, response_format=form)


def one_of(*choices: str) -> ChatRequest:
    form = ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=choices)
    return dataclasses.replace(PLAIN, response_format=form)


def choosing(mode: ToolChoiceMode, name: str = "", tools: tuple[Tool, ...] = (ADD,)) -> ChatRequest:
    return dataclasses.replace(PLAIN, tools=tools, tool_choice=ToolChoice(mode=mode, name=name))


ALLOWED = {
    "one question": PLAIN,
    "no model": dataclasses.replace(PLAIN, model=""),
    "the system alone": dataclasses.replace(
        PLAIN, messages=(Message(role=Role.SYSTEM, parts=(Text(text="be kind"),)),)
    ),
    "the longest model": dataclasses.replace(PLAIN, model="m" * 256),
    "512 messages": dataclasses.replace(PLAIN, messages=(QUESTION,) * 512),
    "256 parts": saying(*[Text(text="x")] * 256),
    "an empty text": saying(Text(text="")),
    "text of the system": saying(Text(text="be kind"), role=Role.SYSTEM),
    "text of the assistant": saying(Text(text="yes"), role=Role.ASSISTANT),
    "an image": saying(PNG),
    "the largest image": saying(Image(data=b"x" * (5 * MIB), mime_type="image/png")),
    "a url": saying(Image(url="HTTPS://example.org/" + "a" * 2028)),
    "a call": saying(CALL, role=Role.ASSISTANT),
    "a result": saying(RESULT, role=Role.TOOL),
    "an empty result": saying(ToolResult(tool_call_id="1", content=""), role=Role.TOOL),
    "the longest result": saying(
        ToolResult(tool_call_id="1", content="é" * (MIB // 2)), role=Role.TOOL
    ),
    "a result at the end": dataclasses.replace(
        PLAIN, messages=(QUESTION, Message(role=Role.TOOL, parts=(RESULT,)))
    ),
    "the least sampling": sampled(
        Sampling(
            temperature=0.0,
            top_p=1e-9,
            top_k=1,
            max_tokens=1,
            stop=("x",),
            seed=-(2**63),
            presence_penalty=-2.0,
            frequency_penalty=-2.0,
        )
    ),
    "the greatest sampling": sampled(
        Sampling(
            temperature=2.0,
            top_p=1.0,
            top_k=1000,
            max_tokens=1_000_000,
            stop=("é" * 256,) * 16,
            seed=2**63 - 1,
            presence_penalty=2.0,
            frequency_penalty=2.0,
        )
    ),
    "128 tools": dataclasses.replace(PLAIN, tools=tuple(Tool(name=f"t_-{i}") for i in range(128))),
    "a deep schema": dataclasses.replace(
        PLAIN, tools=(Tool(name="t", parameters_json=nested(16)),)
    ),
    "a long schema": formed(ResponseFormatKind.JSON_SCHEMA, "n", "{" + " " * (64 * 1024 - 2) + "}"),
    "a whole surrogate pair": dataclasses.replace(
        PLAIN, tools=(Tool(name="t", parameters_json=r'{"title": "\uD83d\ude00 \\ud800 é"}'),)
    ),
    "a named tool": choosing(ToolChoiceMode.NAMED, "add"),
    "a required call": choosing(ToolChoiceMode.REQUIRED),
    "no call, no tools": choosing(ToolChoiceMode.NONE, tools=()),
    "a JSON object": formed(ResponseFormatKind.JSON_OBJECT),
    "a log probability": sampled(Sampling(logprobs=True)),
    "the most log probabilities": sampled(Sampling(logprobs=True, top_logprobs=20)),
    "the most biases": sampled(
        Sampling(logit_bias=(*((token, -100.0) for token in range(1023)), (2**32 - 1, 100.0)))
    ),
    "the longest regex": matched("é" * 2048),
    "the most choices": one_of(*(f"{number:0256}" for number in range(256))),
    "a choice where no tool may be called": dataclasses.replace(
        one_of("yes", "no"), tools=(ADD,), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE)
    ),
    "an age of zero": dataclasses.replace(PLAIN, cache_control=CacheControl(max_age=0.0)),
    "the longest id": dataclasses.replace(PLAIN, request_id="aZ09._-" + "x" * 121),
    "the longest beginning": dataclasses.replace(PLAIN, continue_from="x" * MIB),
    "refused degradations": dataclasses.replace(
        PLAIN, refused_degradations=frozenset(Degradation) - {Degradation.NONE}
    ),
}


@pytest.mark.parametrize("request_", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_the_contract_allows_is_allowed(request_: ChatRequest) -> None:
    assert violations(request_) == ()


REFUSED = {
    "a long model": (dataclasses.replace(PLAIN, model="m" * 257), "model"),
    "no messages": (dataclasses.replace(PLAIN, messages=()), "messages"),
    "513 messages": (dataclasses.replace(PLAIN, messages=(QUESTION,) * 513), "messages"),
    "no parts": (saying(), "messages[1].parts"),
    "257 parts": (saying(*[Text(text="x")] * 257), "messages[1].parts"),
    "the assistant last": (
        dataclasses.replace(
            PLAIN, messages=(QUESTION, Message(role=Role.ASSISTANT, parts=(CALL,)))
        ),
        "messages[1].role",
    ),
    "text of a tool": (saying(RESULT, Text(text="x"), role=Role.TOOL), "messages[1].parts[1].text"),
    "an image of the assistant": (saying(PNG, role=Role.ASSISTANT), "messages[1].parts[0].image"),
    "a call of the user": (saying(CALL), "messages[1].parts[0].tool_call"),
    "a result of the user": (saying(RESULT), "messages[1].parts[0].tool_result"),
    "an image from nowhere": (saying(Image(mime_type="x/y")), "messages[1].parts[0].image"),
    "an image from two places": (
        saying(Image(data=b"x", url="https://example.org", mime_type="x/y")),
        "messages[1].parts[0].image",
    ),
    "a large image": (
        saying(Image(data=b"x" * (5 * MIB + 1), mime_type="image/png")),
        "messages[1].parts[0].image.data",
    ),
    "an image of no type": (saying(Image(data=b"x")), "messages[1].parts[0].image.mime_type"),
    "a plain http url": (
        saying(Image(url="http://example.org")),
        "messages[1].parts[0].image.url",
    ),
    "a long url": (
        saying(Image(url="https://example.org/" + "a" * 2029)),
        "messages[1].parts[0].image.url",
    ),
    "a long result": (
        saying(ToolResult(tool_call_id="1", content="é" * (MIB // 2) + "x"), role=Role.TOOL),
        "messages[1].parts[0].tool_result.content",
    ),
    "an endless age": (
        dataclasses.replace(PLAIN, cache_control=CacheControl(max_age=math.inf)),
        "cache_control.max_age",
    ),
    "a negative age": (
        dataclasses.replace(PLAIN, cache_control=CacheControl(max_age=-1.0)),
        "cache_control.max_age",
    ),
    "a long beginning": (
        dataclasses.replace(PLAIN, continue_from="x" * (MIB + 1)),
        "continue_from",
    ),
    "a refusal of the best": (
        dataclasses.replace(
            PLAIN, refused_degradations=frozenset({Degradation.NONE, Degradation.MOCK})
        ),
        "refused_degradations",
    ),
    "129 tools": (dataclasses.replace(PLAIN, tools=(ADD,) * 129), "tools"),
    "two tools of one name": (dataclasses.replace(PLAIN, tools=(ADD, ADD)), "tools[1].name"),
    "a tool of no name": (dataclasses.replace(PLAIN, tools=(Tool(name=""),)), "tools[0].name"),
    "an unknown tool": (choosing(ToolChoiceMode.NAMED, "sub"), "tool_choice.name"),
    "a tool that is not named": (choosing(ToolChoiceMode.NAMED), "tool_choice.name"),
    "a name too many": (choosing(ToolChoiceMode.AUTO, "add"), "tool_choice.name"),
    "a required call of nothing": (
        choosing(ToolChoiceMode.REQUIRED, tools=()),
        "tool_choice.mode",
    ),
    "a schema of no name": (
        formed(ResponseFormatKind.JSON_SCHEMA, "", "{}"),
        "response_format.name",
    ),
    "a schema for text": (
        formed(ResponseFormatKind.TEXT, "", "{}"),
        "response_format.schema_json",
    ),
    "a name for an object": (
        formed(ResponseFormatKind.JSON_OBJECT, "n"),
        "response_format.name",
    ),
    "21 alternatives": (
        sampled(Sampling(logprobs=True, top_logprobs=21)),
        "sampling.top_logprobs",
    ),
    "less than none": (
        sampled(Sampling(logprobs=True, top_logprobs=-1)),
        "sampling.top_logprobs",
    ),
    "alternatives to nothing": (sampled(Sampling(top_logprobs=1)), "sampling.top_logprobs"),
    "1025 biases": (
        sampled(Sampling(logit_bias=tuple((token, 1.0) for token in range(1025)))),
        "sampling.logit_bias",
    ),
    "a strong bias": (sampled(Sampling(logit_bias=((5, 100.5),))), "sampling.logit_bias[5]"),
    "a bias that is no number": (
        sampled(Sampling(logit_bias=((1, 1.0), (5, math.nan)))),
        "sampling.logit_bias[5]",
    ),
    "a token before the first": (
        sampled(Sampling(logit_bias=((-1, 1.0),))),
        "sampling.logit_bias[-1]",
    ),
    "no regex": (matched(""), "response_format.regex"),
    "a long regex": (matched("é" * 2048 + "x"), "response_format.regex"),
    "a regex for text": (
        dataclasses.replace(PLAIN, response_format=ResponseFormat(regex="a")),
        "response_format.regex",
    ),
    "no choices": (one_of(), "response_format.choices"),
    "257 choices": (one_of(*map(str, range(257))), "response_format.choices"),
    "an empty choice": (one_of("a", ""), "response_format.choices[1]"),
    "a long choice": (one_of("a" * 257), "response_format.choices[0]"),
    "NUL in a choice": (one_of("a", "a\0"), "response_format.choices[1]"),
    "NUL in a regex": (matched("a\0"), "response_format.regex"),
    "a choice twice": (one_of("a", "b", "a"), "response_format.choices[2]"),
    "choices for text": (
        dataclasses.replace(PLAIN, response_format=ResponseFormat(choices=("a",))),
        "response_format.choices",
    ),
    "a choice and a call": (
        dataclasses.replace(one_of("a"), tools=(ADD,)),
        "response_format.kind",
    ),
    "a regex and a call": (
        dataclasses.replace(matched("a"), tools=(ADD,)),
        "response_format.kind",
    ),
    "a choice that has begun": (
        dataclasses.replace(one_of("ab"), continue_from="a"),
        "continue_from",
    ),
    "a regex that has begun": (
        dataclasses.replace(matched("ab"), continue_from="a"),
        "continue_from",
    ),
}


@pytest.mark.parametrize(("request_", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_limit_is_named_by_the_contract_s_path(request_: ChatRequest, field: str) -> None:
    assert fields(request_) == ["chat." + field]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("temperature", (-0.1, 2.1, math.nan, math.inf)),
        ("top_p", (0.0, 1.1, -1.0, math.nan)),
        ("top_k", (0, 1001, -1)),
        ("max_tokens", (0, 1_000_001, -5)),
        ("seed", (2**63, -(2**63) - 1)),
        ("presence_penalty", (-2.1, 2.1, math.nan)),
        ("frequency_penalty", (-2.1, 2.1, math.nan)),
    ],
)
def test_sampling_outside_its_range_is_refused(name: str, values: tuple[float, ...]) -> None:
    for value in values:
        assert fields(sampled(Sampling(**{name: value}))) == [f"chat.sampling.{name}"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stop", "field"),
    [(("x",) * 17, "stop"), (("x", ""), "stop[1]"), (("x" * 257,), "stop[0]")],
)
def test_stop_strings_are_few_and_short(stop: tuple[str, ...], field: str) -> None:
    assert fields(sampled(Sampling(stop=stop))) == [f"chat.sampling.{field}"]


@pytest.mark.parametrize("id_", ["a b", "x" * 129, "é", "a\n", "a/b"])
def test_an_id_has_few_characters(id_: str) -> None:
    """It is written to logs and headers as it is."""
    assert fields(dataclasses.replace(PLAIN, request_id=id_)) == ["chat.request_id"]


@pytest.mark.parametrize("name", ["a b", "x" * 65, "é", "a\n", "a.b"])
def test_a_name_has_few_characters(name: str) -> None:
    assert fields(dataclasses.replace(PLAIN, tools=(Tool(name=name),))) == ["chat.tools[0].name"]
    assert fields(formed(ResponseFormatKind.JSON_SCHEMA, name, "{}")) == [
        "chat.response_format.name"
    ]


@pytest.mark.parametrize(
    "schema",
    ["{", "[]", "true", '{"a": NaN}', nested(17), "[" * 20_000, "{" + " " * 64 * 1024 + "}"],
    ids=["cut", "an array", "no object", "not a number", "deep", "very deep", "long"],
)
def test_a_schema_is_a_small_json_object(schema: str) -> None:
    """The parser's own limits are met by a violation, not by a crash."""
    tool = Tool(name="t", parameters_json=schema)

    assert fields(dataclasses.replace(PLAIN, tools=(tool,))) == ["chat.tools[0].parameters_json"]
    assert fields(formed(ResponseFormatKind.JSON_SCHEMA, "n", schema)) == [
        "chat.response_format.schema_json"
    ]


HALVES = [r'{"\ud800": 1}', r'{"a": ["\uDFFF\ud800"]}', r'{"a": "\\\uD83D"}', '{"a": "\udc00"}']


@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    """No text in UTF-8 holds it: the tokenizer, the engine and the error itself would fail."""
    tool, call = (
        Tool(name="t", parameters_json=text),
        ToolCall(id="1", name="t", arguments_json=text),
    )

    assert fields(dataclasses.replace(PLAIN, tools=(tool,))) == ["chat.tools[0].parameters_json"]
    assert fields(formed(ResponseFormatKind.JSON_SCHEMA, "n", text)) == [
        "chat.response_format.schema_json"
    ]
    assert fields(saying(call, role=Role.ASSISTANT)) == [
        "chat.messages[1].parts[0].tool_call.arguments_json"
    ]


def test_arrays_count_as_levels_too() -> None:
    schema = json.dumps({"anyOf": [{}]})
    for _ in range(14):
        schema = f"[{schema}]"

    assert fields(formed(ResponseFormatKind.JSON_SCHEMA, "n", f'{{"a":{schema}}}')) == [
        "chat.response_format.schema_json"
    ]


@pytest.mark.parametrize("arguments", ["", "[]", "{", "1", "[" * 20_000])
def test_a_call_s_arguments_are_an_object(arguments: str) -> None:
    call = ToolCall(id="1", name="add", arguments_json=arguments)

    assert fields(saying(call, role=Role.ASSISTANT)) == [
        "chat.messages[1].parts[0].tool_call.arguments_json"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    """Who writes a client mends them in one go."""
    request = ChatRequest(
        model="m" * 300,
        messages=(
            Message(role=Role.USER, parts=(CALL, RESULT)),
            Message(role=Role.ASSISTANT, parts=()),
        ),
        sampling=Sampling(temperature=-1.0, max_tokens=0),
        request_id="a b",
    )

    assert fields(request) == [
        "chat.model",
        "chat.messages[0].parts[0].tool_call",
        "chat.messages[0].parts[1].tool_result",
        "chat.messages[1].parts",
        "chat.messages[1].role",
        "chat.sampling.temperature",
        "chat.sampling.max_tokens",
        "chat.request_id",
    ]


def test_a_violation_never_quotes_the_request() -> None:
    """Violations are logged and travel in headers."""
    secret = "s3cr3t word"
    request = ChatRequest(
        model=secret * 30,
        messages=(
            Message(role=Role.USER, parts=(Image(url=secret),)),
            Message(
                role=Role.USER, parts=(ToolCall(id=secret, name=secret, arguments_json=secret),)
            ),
        ),
        sampling=Sampling(stop=(secret * 30,)),
        tools=(Tool(name=secret, parameters_json=secret),),
        tool_choice=ToolChoice(name=secret),
        response_format=ResponseFormat(
            name=secret, schema_json=secret, regex=secret, choices=(secret,)
        ),
        request_id=secret,
    )
    found = violations(request)

    assert len(found) == 12
    assert not [violation for violation in found if secret in violation.description]
