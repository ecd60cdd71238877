"""Conversations in the words of chat templates: dictionaries, as the hub's templates expect them.

Everything that callers wrote is handed through `defuse`, names and keys of JSON included.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from failsoft_model.chat import Message, Tool, ToolCall, ToolResult

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Defuse = Callable[[str], str]

_NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


def turns(messages: Sequence[Message], defuse: Defuse) -> list[Json]:
    """The conversation; each result of a tool is a turn of its own."""
    return [turn for message in messages for turn in _turns(message, defuse)]


def functions(tools: Sequence[Tool], defuse: Defuse) -> list[Json] | None:
    """The tools that may be called; None: there are none, which templates ask for."""
    return [_function(tool, defuse) for tool in tools] or None


def _turns(message: Message, defuse: Defuse) -> Iterator[Json]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield {
            "role": message.role.value,
            "content": defuse(result.content),
            "tool_call_id": defuse(result.tool_call_id),
        }
    if results:
        return
    turn: dict[str, Json] = {"role": message.role.value, "content": defuse(message.text)}
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        turn["tool_calls"] = [_call(call, defuse) for call in calls]
    yield turn


def _call(call: ToolCall, defuse: Defuse) -> Json:
    arguments = _defused(json.loads(call.arguments_json or "{}"), defuse)
    return {
        "id": defuse(call.id),
        "type": "function",
        "function": {"name": defuse(call.name), "arguments": arguments},
    }


def _function(tool: Tool, defuse: Defuse) -> Json:
    parameters: Json = json.loads(tool.parameters_json) if tool.parameters_json else _NO_ARGUMENTS
    return {
        "type": "function",
        "function": {
            "name": defuse(tool.name),
            "description": defuse(tool.description),
            "parameters": _defused(parameters, defuse),
        },
    }


def _defused(value: Json, defuse: Defuse) -> Json:
    match value:
        case str():
            return defuse(value)
        case list():
            return [_defused(each, defuse) for each in value]
        case dict():
            return {defuse(key): _defused(each, defuse) for key, each in value.items()}
        case _:
            return value
