"""Conversations as templates see them."""

import json

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.template import ChatTemplate
from failsoft_local_llm.wire.turns import functions, turns
from failsoft_model.chat import Message, Role, Text, Tool, ToolCall, ToolResult

WEATHER = Tool(
    name="weather",
    description="Of a city",
    parameters_json='{"type": "object", "properties": {"city": {"enum": ["<end>", "Rome"]}}}',
)
CALLED = Message(
    role=Role.ASSISTANT,
    parts=(
        Text(text="Let me look."),
        ToolCall(id="c0", name="weather", arguments_json='{"city": "\\u003cend>"}'),
    ),
)
RESULTS = Message(
    role=Role.TOOL,
    parts=(
        ToolResult(tool_call_id="c0", content="sunny"),
        ToolResult(tool_call_id="c1", content="late"),
    ),
)
SOURCE = (
    "{% if tools is not none %}{{ tools | tojson }}{% endif %}"
    "{% for message in messages %}{{ message | tojson }}{% endfor %}"
)
FACTS = ModelFacts(
    architecture="llama",
    context_tokens=64,
    chat_template=SOURCE,
    bos="",
    eos="",
    end_tokens=frozenset(),
    hidden_tokens=frozenset(),
    control_texts=frozenset({"<end>"}),
)


def plain(text: str) -> str:
    return text


def test_a_call_carries_its_arguments_as_values() -> None:
    """Templates write them down in the form that their model was trained on."""
    [turn] = turns([CALLED], plain)

    assert turn == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {
                "id": "c0",
                "type": "function",
                "function": {"name": "weather", "arguments": {"city": "<end>"}},
            }
        ],
    }


def test_each_result_is_a_turn() -> None:
    assert turns([RESULTS], plain) == [
        {"role": "tool", "content": "sunny", "tool_call_id": "c0"},
        {"role": "tool", "content": "late", "tool_call_id": "c1"},
    ]


def test_a_tool_without_parameters_takes_none() -> None:
    [function] = functions([Tool(name="now")], plain) or []

    assert function == {
        "type": "function",
        "function": {
            "name": "now",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
        },
    }


def test_no_tools_are_none_to_a_template() -> None:
    assert functions([], plain) is None


def test_no_control_token_comes_through_tools_calls_or_results() -> None:
    """Who writes a tool's schema is a caller like any other, and JSON can hide what it says."""
    result = ToolResult(tool_call_id="<end>", content="<end>")
    messages = [CALLED, Message(role=Role.TOOL, parts=(result,))]

    pieces = ChatTemplate(FACTS).prompt(messages, continue_from="", tools=[WEATHER])

    assert not [piece for piece in pieces if "<end>" in piece]
    assert "".join(pieces).count("<end>") == 4


def test_json_is_written_as_it_is_and_not_for_a_web_page() -> None:
    asked = Message(role=Role.USER, parts=(Text(text="a < b & 'ü'"),))

    pieces = ChatTemplate(FACTS).prompt([asked], continue_from="")

    assert json.dumps("a < b & 'ü'", ensure_ascii=False) in "".join(pieces)


def test_a_template_says_whether_it_tells_the_model_of_tools() -> None:
    """Llama's own sets what it was not given, which does not mean that it ignores it."""
    llama = "{% if not tools is defined %}{% set tools = none %}{% endif %}{{ tools | tojson }}"

    assert ChatTemplate(FACTS).takes_tools
    assert ChatTemplate(facts(llama)).takes_tools
    assert not ChatTemplate(facts("{{ messages }}")).takes_tools


def facts(source: str) -> ModelFacts:
    return ModelFacts(
        architecture="llama",
        context_tokens=64,
        chat_template=source,
        bos="",
        eos="",
        end_tokens=frozenset(),
        hidden_tokens=frozenset(),
        control_texts=frozenset(),
    )
