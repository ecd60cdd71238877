"""The cache finds an answer exactly when it was given to the same question."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.canonical import VERSION, canonical
from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Criticality,
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

text = st.text(max_size=8)
finite = st.floats(-2, 2)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=text),
    st.builds(Image, data=st.binary(max_size=4), url=text, mime_type=text),
    st.builds(ToolCall, id=text, name=text, arguments_json=text),
    st.builds(ToolResult, tool_call_id=text, content=text, is_error=st.booleans()),
)
messages = st.builds(
    Message,
    role=st.sampled_from(Role),
    parts=st.lists(parts, min_size=1, max_size=3).map(tuple),
)
samplings = st.builds(
    Sampling,
    temperature=st.none() | finite,
    top_p=st.none() | finite,
    top_k=st.none() | st.integers(1, 1000),
    max_tokens=st.none() | st.integers(1, 1000),
    stop=st.lists(text, max_size=2).map(tuple),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    presence_penalty=st.none() | finite,
    frequency_penalty=st.none() | finite,
    logit_bias=st.lists(st.tuples(st.integers(0, 3), finite), max_size=2).map(tuple),
)
tools = st.builds(Tool, name=text, description=text, parameters_json=text)
formats = st.one_of(
    st.just(ResponseFormat()),
    st.builds(
        ResponseFormat, kind=st.just(ResponseFormatKind.JSON_SCHEMA), name=text, schema_json=text
    ),
    st.builds(ResponseFormat, kind=st.just(ResponseFormatKind.REGEX), regex=text),
    st.builds(
        ResponseFormat,
        kind=st.just(ResponseFormatKind.CHOICE),
        choices=st.lists(text, min_size=1, max_size=3).map(tuple),
    ),
)
requests = st.builds(
    ChatRequest,
    model=text,
    messages=st.lists(messages, min_size=1, max_size=3).map(tuple),
    sampling=samplings,
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=st.builds(ToolChoice, mode=st.sampled_from(ToolChoiceMode), name=text),
    response_format=formats,
    continue_from=text,
)

RELEVANT = (
    "messages",
    "sampling",
    "tools",
    "tool_choice",
    "response_format",
    "continue_from",
)

QUESTION = Message(role=Role.USER, parts=(Text(text="why?"),))
PLAIN = ChatRequest(model="chat", messages=(QUESTION,))
ADD = Tool(name="add", description="adds", parameters_json="{}")


def form(request: ChatRequest) -> bytes:
    return canonical(request, route="chat", epoch=1)


def asking(*parts: Part) -> ChatRequest:
    return dataclasses.replace(PLAIN, messages=(Message(role=Role.USER, parts=parts),))


def sampled(sampling: Sampling) -> ChatRequest:
    return dataclasses.replace(PLAIN, sampling=sampling)


@given(requests, text, st.sampled_from(Criticality), st.sets(st.sampled_from(Degradation)))
def test_what_does_not_change_the_answer_does_not_change_the_form(
    request: ChatRequest, word: str, criticality: Criticality, refused: set[Degradation]
) -> None:
    """Else the same question from another caller, or on a worse day, would miss."""
    other = dataclasses.replace(
        request,
        model=word,
        request_id=word,
        criticality=criticality,
        refused_degradations=frozenset(refused),
        cache_control=CacheControl(no_cache=True, max_age=1.0),
    )

    assert form(other) == form(request)


@given(requests, requests, st.sets(st.sampled_from(RELEVANT)))
def test_a_form_is_equal_exactly_when_the_question_is(
    one: ChatRequest, other: ChatRequest, changed: set[str]
) -> None:
    """Whatever text is where: nothing that a caller writes can imitate the form's own marks."""
    changed_one = dataclasses.replace(one, **{name: getattr(other, name) for name in changed})

    assert (form(one) == form(changed_one)) == (relevant(one) == relevant(changed_one))


def relevant(request: ChatRequest) -> object:
    """What two equal questions have in common, said without JSON."""
    return (
        [
            (message.role, [_relevant_part(part) for part in message.parts])
            for message in request.messages
        ],
        request.sampling,
        request.tools,
        request.tool_choice if request.tools else None,
        dataclasses.replace(request.response_format, name=""),
        request.continue_from,
    )


def _relevant_part(part: Part) -> object:
    if isinstance(part, Image):
        return (Image, part.url or part.data.hex(), part.mime_type)
    return part


ONE_FIELD_AWAY = {
    "the text": asking(Text(text="why not?")),
    "the role": dataclasses.replace(
        PLAIN, messages=(Message(role=Role.SYSTEM, parts=QUESTION.parts),)
    ),
    "a second message": dataclasses.replace(PLAIN, messages=(QUESTION, QUESTION)),
    "a second part": asking(*QUESTION.parts, Text(text="x")),
    "the parts' border": asking(Text(text="wh"), Text(text="y?")),
    "an image": asking(Image(data=b"x", mime_type="image/png")),
    "another image": asking(Image(data=b"y", mime_type="image/png")),
    "another type of image": asking(Image(data=b"x", mime_type="image/gif")),
    "an image's url": asking(Image(url="https://example.org/x")),
    "a call": asking(ToolCall(id="1", name="add", arguments_json="{}")),
    "a call's id": asking(ToolCall(id="2", name="add", arguments_json="{}")),
    "a call's name": asking(ToolCall(id="1", name="sub", arguments_json="{}")),
    "a call's arguments": asking(ToolCall(id="1", name="add", arguments_json='{"a":1}')),
    "a result": asking(ToolResult(tool_call_id="1", content="2")),
    "a result's id": asking(ToolResult(tool_call_id="2", content="2")),
    "a result's content": asking(ToolResult(tool_call_id="1", content="3")),
    "a result's error": asking(ToolResult(tool_call_id="1", content="2", is_error=True)),
    "temperature 0": sampled(Sampling(temperature=0.0)),
    "temperature 1": sampled(Sampling(temperature=1.0)),
    "top_p": sampled(Sampling(top_p=1.0)),
    "top_k": sampled(Sampling(top_k=1)),
    "max_tokens": sampled(Sampling(max_tokens=1)),
    "stop": sampled(Sampling(stop=("a", "b"))),
    "stop in one": sampled(Sampling(stop=("ab",))),
    "seed": sampled(Sampling(seed=0)),
    "presence_penalty": sampled(Sampling(presence_penalty=0.0)),
    "frequency_penalty": sampled(Sampling(frequency_penalty=0.0)),
    "logprobs": sampled(Sampling(logprobs=True)),
    "alternatives": sampled(Sampling(logprobs=True, top_logprobs=1)),
    "a bias": sampled(Sampling(logit_bias=((1, 2.0),))),
    "another bias": sampled(Sampling(logit_bias=((1, 3.0),))),
    "another token's bias": sampled(Sampling(logit_bias=((2, 2.0),))),
    "a tool": dataclasses.replace(PLAIN, tools=(ADD,)),
    "a tool's name": dataclasses.replace(PLAIN, tools=(dataclasses.replace(ADD, name="sub"),)),
    "a tool's description": dataclasses.replace(
        PLAIN, tools=(dataclasses.replace(ADD, description=""),)
    ),
    "a tool's parameters": dataclasses.replace(
        PLAIN, tools=(dataclasses.replace(ADD, parameters_json=""),)
    ),
    "the tool choice": dataclasses.replace(
        PLAIN, tools=(ADD,), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE)
    ),
    "the chosen tool": dataclasses.replace(
        PLAIN, tools=(ADD,), tool_choice=ToolChoice(mode=ToolChoiceMode.NAMED, name="add")
    ),
    "the format": dataclasses.replace(
        PLAIN, response_format=ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)
    ),
    "the schema": dataclasses.replace(
        PLAIN,
        response_format=ResponseFormat(
            kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json="{}"
        ),
    ),
    "a regex": dataclasses.replace(
        PLAIN, response_format=ResponseFormat(kind=ResponseFormatKind.REGEX, regex="ab")
    ),
    "a choice": dataclasses.replace(
        PLAIN, response_format=ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("ab",))
    ),
    "two choices": dataclasses.replace(
        PLAIN, response_format=ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("a", "b"))
    ),
    "the beginning": dataclasses.replace(PLAIN, continue_from="Because"),
}


def test_each_field_that_matters_changes_the_form() -> None:
    forms = {name: form(request) for name, request in {"plain": PLAIN, **ONE_FIELD_AWAY}.items()}

    assert len(set(forms.values())) == len(forms)


def test_every_field_of_a_request_is_thought_of() -> None:
    """A new field is either in the form where it is set, or known not to matter."""
    free = {"model", "request_id", "criticality", "refused_degradations", "cache_control"}

    assert {field.name for field in dataclasses.fields(ChatRequest)} == set(RELEVANT) | free


@pytest.mark.parametrize(("route", "epoch"), [("chat", 2), ("code", 1)])
def test_another_route_or_epoch_is_another_form(route: str, epoch: int) -> None:
    assert canonical(PLAIN, route=route, epoch=epoch) != form(PLAIN)


def test_a_whole_number_is_the_same_temperature() -> None:
    """JSON front doors hand in 1 where others hand in 1.0."""
    assert form(sampled(Sampling(temperature=1))) == form(sampled(Sampling(temperature=1.0)))


def test_zero_has_no_sign() -> None:
    assert form(sampled(Sampling(temperature=-0.0))) == form(sampled(Sampling(temperature=0.0)))


def test_the_choice_among_no_tools_does_not_matter() -> None:
    choice = ToolChoice(mode=ToolChoiceMode.NONE)

    assert form(dataclasses.replace(PLAIN, tool_choice=choice)) == form(PLAIN)


def test_the_schema_s_name_does_not_matter() -> None:
    """It is a label; the schema decides what may be said."""
    one, other = (
        ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name=name, schema_json="{}")
        for name in ("one", "other")
    )

    assert form(dataclasses.replace(PLAIN, response_format=one)) == form(
        dataclasses.replace(PLAIN, response_format=other)
    )


def test_the_form_is_json_in_utf8_with_sorted_keys() -> None:
    """Its bytes are a contract with every stored answer: a change needs a new VERSION."""
    request = dataclasses.replace(
        asking(Text(text="où?")), sampling=Sampling(temperature=0.0, max_tokens=5)
    )

    assert VERSION == 2
    assert (
        form(request)
        == (
            '{"epoch":1,"messages":[["user","où?"]],"route":"chat",'
            '"sampling":{"max_tokens":5,"temperature":0.0},"v":2}'
        ).encode()
    )
    assert json.loads(form(request))["v"] == VERSION


def test_the_largest_image_makes_a_short_form() -> None:
    """The form is sent to the cache before anything else is done."""
    image = Image(data=bytes(5 * 1024 * 1024), mime_type="image/png")

    assert len(form(asking(image))) < 1024


def test_half_a_surrogate_pair_is_no_crash() -> None:
    """JSON front doors can hand one in."""
    assert form(asking(Text(text="\ud83d"))) != form(asking(Text(text="?")))
