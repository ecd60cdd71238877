"""A request of ours as the JSON body of POST /v1/messages.

Messages knows no log probabilities, biases, regular expressions or choices; no target of
this provider can have these capabilities. JSON without a schema cannot be asked for either.
"""

import orjson

from failsoft_model.chat import (
    ChatRequest,
    ResponseFormatKind,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.anthropic import conversation
from failsoft_router.wire.anthropic.sampling import fit
from failsoft_router.wire.anthropic.schema import Narrowing, read_schema

Json = dict[str, object]

_NO_PARAMETERS: Json = {"type": "object"}

_MODES = {
    ToolChoiceMode.AUTO: "auto",
    ToolChoiceMode.NONE: "none",
    ToolChoiceMode.REQUIRED: "any",
    ToolChoiceMode.NAMED: "tool",
}


def encode(request: ChatRequest, *, model: str, context_tokens: int) -> bytes:
    """The body of a streamed call.

    Args:
        model: The target's own model id.
        context_tokens: Request and answer together; 0: not known.

    Raises:
        AttemptFailed: `UNSUPPORTED`: the form of the answer, or a tool, cannot be asked for;
            nothing was sent.
    """
    body: Json = {
        "model": model,
        "messages": conversation.turns(request),
        "stream": True,
        **fit(request.sampling, model=model, context_tokens=context_tokens).fields,
    }
    if said := conversation.system(request):
        body["system"] = said
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice.mode is not ToolChoiceMode.AUTO:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    match request.response_format.kind:
        case ResponseFormatKind.JSON_SCHEMA:
            schema = Narrowing(request.response_format.schema_json).schema
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        case ResponseFormatKind.JSON_OBJECT:
            raise AttemptFailed(
                ErrorClass.UNSUPPORTED, "the API has no JSON without a schema", sent=False
            )
        case _:
            pass
    return orjson.dumps(body)


def dropped(request: ChatRequest, *, model: str, context_tokens: int) -> tuple[str, ...]:
    """Field paths of the request that the model does not get, or not as a whole."""
    paths = [
        *fit(request.sampling, model=model, context_tokens=context_tokens).dropped,
        *conversation.dropped(request),
    ]
    form = request.response_format
    if form.kind is ResponseFormatKind.JSON_SCHEMA and Narrowing(form.schema_json).is_lossy:
        paths.append("response_format.schema_json")
    return tuple(paths)


def _tool(tool: Tool) -> Json:
    wire: Json = {"name": tool.name, "input_schema": _NO_PARAMETERS}
    if tool.description:
        wire["description"] = tool.description
    if tool.parameters_json:
        # A schema without a type is refused, and a tool's parameters are never anything else.
        wire["input_schema"] = {**_NO_PARAMETERS, **read_schema(tool.parameters_json)}
    return wire


def _tool_choice(choice: ToolChoice) -> Json:
    wire: Json = {"type": _MODES[choice.mode]}
    if choice.mode is ToolChoiceMode.NAMED:
        wire["name"] = choice.name
    return wire
