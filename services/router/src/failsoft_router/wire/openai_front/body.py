"""The shape of a request to `POST /v1/chat/completions`.

Fields that are not named here are tolerated, as OpenAI tolerates them. Those that change an
answer and that we cannot carry are named all the same, so that the reply can tell of them.
Every field may be null where it may be absent.
"""

import msgspec
from msgspec import Raw

_ABSENT = Raw(b"")
"""Raw cannot be one of several types: null comes as `null`, and nothing as this."""


def text_of(raw: Raw) -> str:
    """A part of the request as the JSON that it came as; empty: absent or null."""
    text = bytes(raw).decode()
    return "" if text == "null" else text


class FunctionCall(msgspec.Struct):
    name: str
    arguments: str | None = None


class ToolCallBody(msgspec.Struct):
    function: FunctionCall
    id: str | None = None


class ImageUrl(msgspec.Struct):
    url: str


class PartBody(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: ImageUrl | None = None
    refusal: str | None = None


class MessageBody(msgspec.Struct):
    role: str
    name: str | None = None
    content: str | list[PartBody] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallBody] | None = None
    tool_call_id: str | None = None


class FunctionBody(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Raw = _ABSENT
    strict: bool | None = None


class ToolBody(msgspec.Struct):
    type: str | None = None
    function: FunctionBody | None = None


class NamedFunction(msgspec.Struct):
    name: str


class ToolChoiceBody(msgspec.Struct):
    type: str | None = None
    function: NamedFunction | None = None


class JsonSchemaBody(msgspec.Struct):
    name: str
    schema: Raw = _ABSENT


class ResponseFormatBody(msgspec.Struct):
    type: str
    json_schema: JsonSchemaBody | None = None


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class CacheControlBody(msgspec.Struct, forbid_unknown_fields=True):
    no_cache: bool | None = None
    no_store: bool | None = None
    max_age: float | str | None = None


class OptionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Failsoft's own, in the field `failsoft`: the one place where a typing error is refused."""

    deadline: float | str | None = None
    cache_control: CacheControlBody | None = None
    allow_stale: bool | None = None
    allow_mock: bool | None = None
    criticality: str | None = None


class ChatBody(msgspec.Struct):
    messages: list[MessageBody]
    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    tools: list[ToolBody] | None = None
    tool_choice: str | ToolChoiceBody | None = None
    response_format: ResponseFormatBody | None = None
    failsoft: OptionsBody | None = None
    functions: Raw = _ABSENT
    function_call: Raw = _ABSENT
    modalities: list[str] | None = None
    audio: Raw = _ABSENT
    parallel_tool_calls: bool | None = None
    prediction: Raw = _ABSENT
    reasoning_effort: Raw = _ABSENT
    verbosity: Raw = _ABSENT
    web_search_options: Raw = _ABSENT
