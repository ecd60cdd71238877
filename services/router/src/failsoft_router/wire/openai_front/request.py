"""A body of `POST /v1/chat/completions` as a request of ours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from failsoft_model.chat import (
    ChatRequest,
    ResponseFormat,
    ResponseFormatKind,
    Sampling,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_model.errors import FieldViolation, InvalidRequest
from failsoft_model.limits import MAX_BIASES, MAX_STOPS, MAX_TOOLS
from failsoft_router.wire.openai_front.body import (
    ChatBody,
    ResponseFormatBody,
    ToolBody,
    ToolChoiceBody,
    text_of,
)
from failsoft_router.wire.openai_front.messages import decode_messages
from failsoft_router.wire.openai_front.options import Options, decode_options
from failsoft_router.wire.openai_front.params import limit_violations, spelling_of
from failsoft_router.wire.openai_front.strict import read

Found = list[FieldViolation]

_NOT_CARRIED = ("prediction", "reasoning_effort", "verbosity", "web_search_options")
"""Fields that change an answer and that no target is told of: the reply says so."""
_MODES = {mode.value: mode for mode in ToolChoiceMode if mode is not ToolChoiceMode.NAMED}
_KINDS = {
    kind.value: kind
    for kind in (
        ResponseFormatKind.TEXT,
        ResponseFormatKind.JSON_OBJECT,
        ResponseFormatKind.JSON_SCHEMA,
    )
}
MOST_TOLD = 64
"""Violations that a caller is told of; a body has room for some hundred thousand."""
_FUNCTION = ("function", None)
_ANY_TOOL = ToolChoice()
_PLAIN_TEXT = ResponseFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and how its caller wants to be answered.

    Attributes:
        deadline: Seconds from now; None: the caller has none.
        dropped: Fields of the caller's that nobody is told of.
        spelling: Gives the caller's own name of a field for a path of the contract's.
    """

    chat: ChatRequest
    stream: bool
    include_usage: bool
    deadline: float | None
    dropped: tuple[str, ...]
    spelling: Callable[[str], str]

    def dropped_with(self, paths: Iterable[str]) -> list[str]:
        """All fields that were not honoured, in the caller's words.

        Args:
            paths: What the one who answered could not honour, as the contract says it.
        """
        return [*self.dropped, *map(self.spelling, paths)]


def decode(body: bytes, headers: Mapping[str, str], *, request_id: str) -> Asked:
    """A caller's request, checked.

    Args:
        headers: Names in lower case.

    Raises:
        InvalidRequest: It is wrong; has the first violations, with the paths of their fields.
    """
    told = read(body)
    found: Found = []
    _refuse_what_is_not_served(told, found)
    options = decode_options(told.failsoft, headers, found)
    chat = _chat(told, options, request_id, found)
    used = "max_tokens" if told.max_completion_tokens is None else "max_completion_tokens"
    if not found:
        found = limit_violations(chat, max_tokens=used)
    if found:
        raise _invalid(found)
    usage = told.stream_options is not None and told.stream_options.include_usage
    return Asked(
        chat=chat,
        stream=bool(told.stream),
        include_usage=bool(usage),
        deadline=options.deadline,
        dropped=_dropped(told),
        spelling=spelling_of(chat, max_tokens=used),
    )


def _invalid(found: Found) -> InvalidRequest:
    first = f"{found[0].field}: {found[0].description}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidRequest(first + more, violations=found[:MOST_TOLD])


def _refuse_what_is_not_served(told: ChatBody, found: Found) -> None:
    if told.n not in (None, 1):
        _add(found, "n", "must be 1: ask several times, side by side, for several answers")
    if text_of(told.functions):
        _add(found, "functions", "is not served any more: write it as tools")
    if text_of(told.function_call):
        _add(found, "function_call", "is not served any more: write it as tool_choice")
    if text_of(told.audio) or "audio" in (told.modalities or ()):
        _add(found, "modalities", "must be text: no audio is served")


def _chat(told: ChatBody, options: Options, request_id: str, found: Found) -> ChatRequest:
    """The request, with placeholders for what `found` says is wrong."""
    return ChatRequest(
        model=told.model,
        messages=decode_messages(told.messages, found),
        sampling=_sampling(told, found),
        tools=_tools(told.tools or (), found),
        tool_choice=_tool_choice(told.tool_choice, found),
        response_format=_response_format(told.response_format, found),
        cache_control=options.cache_control,
        request_id=request_id,
        criticality=options.criticality,
        refused_degradations=options.refused_degradations,
    )


def _sampling(told: ChatBody, found: Found) -> Sampling:
    stop = [told.stop] if isinstance(told.stop, str) else told.stop or []
    most = told.max_tokens if told.max_completion_tokens is None else told.max_completion_tokens
    return Sampling(
        temperature=told.temperature,
        top_p=told.top_p,
        top_k=told.top_k,
        max_tokens=most,
        stop=tuple(stop[: MAX_STOPS + 1]),
        seed=told.seed,
        presence_penalty=told.presence_penalty,
        frequency_penalty=told.frequency_penalty,
        logprobs=bool(told.logprobs),
        top_logprobs=told.top_logprobs or 0,
        logit_bias=_biases(told.logit_bias or {}, found),
    )


def _biases(told: Mapping[str, float], found: Found) -> tuple[tuple[int, float], ...]:
    some = list(islice(told.items(), MAX_BIASES + 1))
    if not all(token.isascii() and token.isdecimal() and len(token) <= 10 for token, _ in some):
        _add(found, "logit_bias", "its keys must be token ids")
        return ()
    return tuple(sorted((int(token), bias) for token, bias in some))


def _tools(told: Sequence[ToolBody], found: Found) -> tuple[Tool, ...]:
    tools = []
    for index, tool in enumerate(told[: MAX_TOOLS + 1]):
        if tool.type not in _FUNCTION:
            _add(found, f"tools[{index}].type", "must be function")
        elif tool.function is None:
            _add(found, f"tools[{index}].function", "required")
        else:
            function = tool.function
            tools.append(
                Tool(
                    name=function.name,
                    description=function.description or "",
                    parameters_json=text_of(function.parameters),
                )
            )
    return tuple(tools)


def _tool_choice(told: str | ToolChoiceBody | None, found: Found) -> ToolChoice:
    match told:
        case None:
            return _ANY_TOOL
        case str():
            mode = _MODES.get(told)
            if mode is None:
                _add(found, "tool_choice", f"must be one of {', '.join(_MODES)}, or a function")
            return ToolChoice(mode=mode or ToolChoiceMode.AUTO)
    if told.type not in _FUNCTION:
        _add(found, "tool_choice.type", "must be function")
    elif told.function is None:
        _add(found, "tool_choice.function", "required")
    else:
        return ToolChoice(mode=ToolChoiceMode.NAMED, name=told.function.name)
    return _ANY_TOOL


def _response_format(told: ResponseFormatBody | None, found: Found) -> ResponseFormat:
    if told is None:
        return _PLAIN_TEXT
    kind = _KINDS.get(told.type)
    if kind is None:
        _add(found, "response_format.type", f"must be one of {', '.join(_KINDS)}")
        return _PLAIN_TEXT
    if kind is not ResponseFormatKind.JSON_SCHEMA:
        return ResponseFormat(kind=kind)
    if told.json_schema is None:
        _add(found, "response_format.json_schema", "required")
        return _PLAIN_TEXT
    schema = told.json_schema
    return ResponseFormat(kind=kind, name=schema.name, schema_json=text_of(schema.schema))


def _dropped(told: ChatBody) -> tuple[str, ...]:
    dropped = [name for name in _NOT_CARRIED if text_of(getattr(told, name))]
    if told.parallel_tool_calls is False:
        dropped.append("parallel_tool_calls")
    dropped += [
        f"tools[{index}].function.strict"
        for index, tool in enumerate(told.tools or ())
        if tool.function is not None and tool.function.strict
    ]
    dropped += [f"messages[{index}].name" for index, each in enumerate(told.messages) if each.name]
    return tuple(dropped)


def _add(found: Found, field: str, description: str) -> None:
    found.append(FieldViolation(field=field, description=description))
