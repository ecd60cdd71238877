"""A request of ours as the JSON body of POST models/{model}:streamGenerateContent."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import orjson

from failsoft_model.chat import (
    ChatRequest,
    Image,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.gemini.contents import Json, contents
from failsoft_router.wire.gemini.generation import (
    calls_beside_json,
    checks_signatures,
    fetches,
    thinks,
)

MAX_STOPS = 5
"""The API refuses more stop strings; the first ones are sent."""

_LEAST_SEED, _GREATEST_SEED = -(2**31), 2**31 - 1
"""The API's seed has 32 bits."""

_MODES = {
    ToolChoiceMode.AUTO: "AUTO",
    ToolChoiceMode.NONE: "NONE",
    ToolChoiceMode.REQUIRED: "ANY",
    ToolChoiceMode.NAMED: "ANY",
}


def path(model: str) -> str:
    """Of a streamed call. An id with a slash, such as `tunedModels/mine`, is a whole name."""
    name = model if "/" in model else f"models/{model}"
    return f"/{quote(name)}:streamGenerateContent?alt=sse"


def encode(request: ChatRequest, *, model: str) -> bytes:
    """The body of a streamed call.

    Args:
        model: The target's own model id.

    Raises:
        AttemptFailed: `UNSUPPORTED`: the model is known to refuse it; nothing was sent.
    """
    _check(request, model=model)
    body: Json = {"contents": contents(request, signed=checks_signatures(model))}
    if instruction := _instruction(request):
        body["systemInstruction"] = {"parts": instruction}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
        if request.tool_choice.mode is not ToolChoiceMode.AUTO:
            body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}
    config = {**_sampling(request.sampling), **_form(request.response_format)}
    if thinks(model):
        # Thoughts are content: without them a model that thinks long looks like a silent one.
        config["thinkingConfig"] = {"includeThoughts": True}
    if config:
        body["generationConfig"] = config
    return orjson.dumps(body)


def _check(request: ChatRequest, *, model: str) -> None:
    """Refuse what no capability says that models of this generation lack."""
    parts = (part for message in request.messages for part in message.parts)
    if not fetches(model) and any(isinstance(part, Image) and part.url for part in parts):
        raise _unsupported("the model takes no images by their addresses")
    json = request.response_format.kind in (
        ResponseFormatKind.JSON_OBJECT,
        ResponseFormatKind.JSON_SCHEMA,
    )
    if json and request.callable_tools and not calls_beside_json(model):
        raise _unsupported("the model does not call tools where JSON is asked for")


def _unsupported(why: str) -> AttemptFailed:
    return AttemptFailed(ErrorClass.UNSUPPORTED, why, sent=False)


def dropped(request: ChatRequest) -> tuple[str, ...]:
    """Field paths of the request that the format cannot carry, or not as a whole."""
    return tuple(_dropped(request))


def _dropped(request: ChatRequest) -> Iterator[str]:
    sampling = request.sampling
    if len(sampling.stop) > MAX_STOPS:
        yield "sampling.stop"
    if sampling.seed is not None and _seed(sampling) is None:
        yield "sampling.seed"
    begun = False
    for index, message in enumerate(request.messages):
        if message.role is not Role.SYSTEM:
            begun = True
        elif begun:
            # All system messages are one instruction, before the conversation.
            yield f"messages[{index}].role"


def _instruction(request: ChatRequest) -> list[Json]:
    return [
        {"text": part.text}
        for message in request.messages
        if message.role is Role.SYSTEM
        for part in message.parts
        if isinstance(part, Text) and part.text
    ]


def _tool(tool: Tool) -> Json:
    declared: Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.parameters_json:
        declared["parametersJsonSchema"] = orjson.Fragment(tool.parameters_json)
    return declared


def _calling(choice: ToolChoice) -> Json:
    calling: Json = {"mode": _MODES[choice.mode]}
    if choice.mode is ToolChoiceMode.NAMED:
        calling["allowedFunctionNames"] = [choice.name]
    return calling


def _form(form: ResponseFormat) -> Json:
    match form.kind:
        case ResponseFormatKind.JSON_OBJECT:
            return {"responseMimeType": "application/json"}
        case ResponseFormatKind.JSON_SCHEMA:
            schema = orjson.Fragment(form.schema_json)
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case ResponseFormatKind.CHOICE:
            choices: Json = {"type": "STRING", "enum": list(form.choices)}
            return {"responseMimeType": "text/x.enum", "responseSchema": choices}
        case ResponseFormatKind.TEXT | ResponseFormatKind.REGEX:
            # A policy that says that Gemini has regular expressions is refused.
            return {}


def _sampling(sampling: Sampling) -> Json:
    """The set fields under the provider's names."""
    fields: Mapping[str, object] = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": sampling.max_tokens,
        "stopSequences": list(sampling.stop[:MAX_STOPS]) or None,
        "seed": _seed(sampling),
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "responseLogprobs": sampling.logprobs or None,
        "logprobs": sampling.top_logprobs or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _seed(sampling: Sampling) -> int | None:
    """What of the seed can be sent."""
    seed = sampling.seed
    return None if seed is None or not _LEAST_SEED <= seed <= _GREATEST_SEED else seed
