"""A request of ours as the JSON body of POST /chat/completions.

OpenAI's own API knows no regular expressions and no choices; servers that have them are
told in vLLM's words, and no target is asked for what its capabilities do not list.
"""

import base64
from collections.abc import Iterable

import orjson

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    ResponseFormatKind,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_router.wire.openai.sampling import Words, fit

Json = dict[str, object]


def encode(request: ChatRequest, *, model: str, said_in: Words) -> bytes:
    """The body of a streamed call, usage included.

    Args:
        model: The target's own model id.
        said_in: The words of the model's server.
    """
    body: Json = {"model": model, "messages": _messages(request, said_in), "stream": True}
    if said_in.usage_on_demand:
        body["stream_options"] = {"include_usage": True}
    if request.continue_from:
        body.update(said_in.goes_on)
    body.update(fit(request.sampling, said_in).fields)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice.mode is not ToolChoiceMode.AUTO:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    match request.response_format.kind:
        case ResponseFormatKind.TEXT:
            pass
        case ResponseFormatKind.JSON_OBJECT:
            body["response_format"] = {"type": "json_object"}
        case ResponseFormatKind.JSON_SCHEMA:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": request.response_format.name,
                    "schema": orjson.Fragment(request.response_format.schema_json),
                    "strict": True,
                },
            }
        case ResponseFormatKind.REGEX:
            body["structured_outputs"] = {"regex": request.response_format.regex}
        case ResponseFormatKind.CHOICE:
            body["structured_outputs"] = {"choice": list(request.response_format.choices)}
    return orjson.dumps(body)


def dropped(request: ChatRequest, *, said_in: Words) -> tuple[str, ...]:
    """Field paths of the request that the server is not told, or not as a whole."""
    paths = list(fit(request.sampling, said_in).dropped)
    paths += [
        f"messages[{index}].parts[{place}].tool_result.is_error"
        for index, message in enumerate(request.messages)
        for place, part in enumerate(message.parts)
        if isinstance(part, ToolResult) and part.is_error
    ]
    return tuple(paths)


def _messages(request: ChatRequest, said_in: Words) -> list[Json]:
    messages = [wire for message in request.messages for wire in _message(message)]
    if request.continue_from:
        begun = {"role": "assistant", "content": request.continue_from}
        messages.append({**begun, **said_in.begun_turn})
    return messages


def _message(message: Message) -> Iterable[Json]:
    """One message of ours is one of theirs, but each tool result is one of its own."""
    match message.role:
        case Role.TOOL:
            for part in message.parts:
                if isinstance(part, ToolResult):
                    yield {
                        "role": "tool",
                        "tool_call_id": part.tool_call_id,
                        "content": part.content,
                    }
        case Role.ASSISTANT:
            calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
            wire: Json = {"role": "assistant", "content": message.text or None}
            if calls:
                wire["tool_calls"] = calls
            yield wire
        case Role.SYSTEM | Role.USER:
            yield {"role": message.role.value, "content": _content(message)}


def _content(message: Message) -> str | list[Json]:
    if len(message.parts) == 1 and isinstance(only := message.parts[0], Text):
        return only.text
    content: list[Json] = []
    for part in message.parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            content.append({"type": "image_url", "image_url": {"url": _image_url(part)}})
    return content


def _image_url(image: Image) -> str:
    return image.url or f"data:{image.mime_type};base64,{base64.b64encode(image.data).decode()}"


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments_json}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters_json:
        function["parameters"] = orjson.Fragment(tool.parameters_json)
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | Json:
    if choice.mode is ToolChoiceMode.NAMED:
        return {"type": "function", "function": {"name": choice.name}}
    mode: str = choice.mode.value
    return mode
