"""The canonical form of a request: equal bytes for requests that ask the same.

It covers what changes an answer and nothing else: not the caller's id, deadline
or criticality, not the name that led to the route, not the targets behind it.
Changing how a field is written makes every stored answer unreachable; raise `VERSION`
then, so that this happens on purpose. A new field that is left out where nobody sets it
changes no form that was made before.
"""

import hashlib
import json

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Sampling,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
)

VERSION = 2

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical(request: ChatRequest, *, route: str, epoch: int) -> bytes:
    """JSON in UTF-8, keys sorted, absent values left out.

    Args:
        request: The request.
        route: Name of the route that answers it.
        epoch: The route's cache epoch, raised by hand to forget old answers.
    """
    form: dict[str, object] = {
        "v": VERSION,
        "route": route,
        "epoch": epoch,
        "messages": [_message(message) for message in request.messages],
    }
    if sampling := _sampling(request.sampling):
        form["sampling"] = sampling
    if request.tools:
        form["tools"] = [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters_json}
            for tool in request.tools
        ]
        if request.tool_choice != ToolChoice():
            form["tool_choice"] = [request.tool_choice.mode.value, request.tool_choice.name]
    if request.response_format.kind is not ResponseFormatKind.TEXT:
        form["format"] = _format(request.response_format)
    if request.continue_from:
        form["continue_from"] = request.continue_from
    return _encode(form).encode("utf-8", "surrogatepass")


def _message(message: Message) -> list[object]:
    return [message.role.value, *map(_part, message.parts)]


def _part(part: Part) -> object:
    match part:
        case Text():
            return part.text
        case Image():
            return {"image": part.url or _digest(part.data), "type": part.mime_type}
        case ToolCall():
            return {"call": part.id, "name": part.name, "arguments": part.arguments_json}
        case ToolResult():
            return {"result": part.tool_call_id, "content": part.content, "error": part.is_error}


def _digest(data: bytes) -> str:
    """Stands for the bytes of an image, which may be millions: the form goes over the wire."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _format(wanted: ResponseFormat) -> list[str]:
    match wanted.kind:
        case ResponseFormatKind.REGEX:
            return [wanted.kind.value, wanted.regex]
        case ResponseFormatKind.CHOICE:
            return [wanted.kind.value, *wanted.choices]
        case _:
            return [wanted.kind.value, wanted.schema_json]


def _sampling(sampling: Sampling) -> dict[str, object]:
    """The set fields; numbers of the same value are the same: 1 and 1.0, 0.0 and -0.0."""
    form: dict[str, object] = {}
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        number: float | None = getattr(sampling, name)
        if number is not None:
            form[name] = float(number) + 0.0
    for name in ("top_k", "max_tokens", "seed"):
        whole: int | None = getattr(sampling, name)
        if whole is not None:
            form[name] = whole
    if sampling.stop:
        form["stop"] = list(sampling.stop)
    if sampling.logprobs:
        form["logprobs"] = sampling.top_logprobs
    if sampling.logit_bias:
        form["logit_bias"] = [[token, float(bias) + 0.0] for token, bias in sampling.logit_bias]
    return form
