"""What engines would compile is looked at before, wherever it stands in the request."""

import json
import time

import pytest

from failsoft_local_llm.core.errors import Unsupported
from failsoft_local_llm.core.forms import MOST_PARAMETERS, check_forms
from failsoft_local_llm.core.references import Json
from failsoft_model.chat import (
    ChatRequest,
    ResponseFormat,
    ResponseFormatKind,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)

REQUIRED = ToolChoice(mode=ToolChoiceMode.REQUIRED)
NONE = ToolChoice(mode=ToolChoiceMode.NONE)
AUTO = ToolChoice()

PLAIN: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
MISREAD: Json = {"type": "object", "properties": {"n": {"type": "number", "minimum": 0}}}
HEAVY: Json = {"type": "string", "pattern": "(?:" + "abcdefgh" * 500 + "){999}"}
HALF: Json = {"type": "string", "pattern": "^a{600}$"}
TITLE: Json = {"type": "string", "maxLength": 255}


def calling(choice: ToolChoice, *parameters: Json) -> ChatRequest:
    """A request with the tools t0, t1, …"""
    tools = (
        Tool(name=f"t{place}", parameters_json=json.dumps(schema))
        for place, schema in enumerate(parameters)
    )
    return ChatRequest(model="", messages=(), tools=tuple(tools), tool_choice=choice)


def naming(name: str) -> ToolChoice:
    return ToolChoice(mode=ToolChoiceMode.NAMED, name=name)


def refused_fields(request: ChatRequest) -> list[str]:
    try:
        check_forms(request)
    except Unsupported as refusal:
        return [violation.field for violation in refusal.violations]
    return []


@pytest.mark.parametrize(
    "form",
    [
        ResponseFormat(
            kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=json.dumps(MISREAD)
        ),
        ResponseFormat(kind=ResponseFormatKind.REGEX, regex=r"a\b"),
    ],
    ids=lambda form: form.kind.name,
)
def test_a_form_that_no_answer_can_be_held_to_is_refused(form: ResponseFormat) -> None:
    [field] = refused_fields(ChatRequest(model="", messages=(), response_format=form))

    assert field.startswith("chat.response_format.")


def test_a_call_that_is_demanded_must_be_able_to_keep_its_parameters() -> None:
    """It would be taken for one that keeps them."""
    at_fault = ["chat.tools[1].parameters_json"]
    assert refused_fields(calling(REQUIRED, PLAIN, MISREAD)) == at_fault
    assert refused_fields(calling(naming("t1"), PLAIN, MISREAD)) == at_fault


def test_the_parameters_of_a_tool_that_is_not_called_for_are_not_looked_at() -> None:
    assert refused_fields(calling(naming("t0"), PLAIN, MISREAD, HEAVY)) == []
    assert refused_fields(calling(NONE, MISREAD, HEAVY)) == []


def test_where_the_model_may_call_parameters_are_a_description() -> None:
    assert refused_fields(calling(AUTO, PLAIN, MISREAD)) == []


@pytest.mark.parametrize("choice", [AUTO, naming("t0")], ids=["auto", "named"])
def test_parameters_that_take_minutes_to_compile_are_refused_however_they_may_be_called(
    choice: ToolChoice,
) -> None:
    [field] = refused_fields(calling(choice, HEAVY))

    assert field.startswith("chat.tools")


def test_what_is_light_in_each_tool_may_be_too_much_in_all() -> None:
    assert refused_fields(calling(REQUIRED, HALF)) == []
    assert refused_fields(calling(REQUIRED, HALF, HALF)) == ["chat.tools"]


@pytest.mark.parametrize("choice", [AUTO, REQUIRED], ids=["auto", "required"])
def test_many_tools_with_the_same_bounds_are_taken(choice: ToolChoice) -> None:
    """Five titles of a database were refused, and with them all the tools of a server."""
    assert refused_fields(calling(choice, *[TITLE] * 100)) == []


def test_looking_at_the_longest_parameters_takes_a_moment() -> None:
    long: Json = {"enum": [0] * (60 * 1024 // 3)}
    assert refused_fields(calling(REQUIRED, *[long] * 4)) == []

    began = time.process_time()
    told = refused_fields(calling(REQUIRED, *[long] * 128))

    assert time.process_time() - began < 2.0
    assert told == ["chat.tools"]
    assert MOST_PARAMETERS < 128 * 60 * 1024
