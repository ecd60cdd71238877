"""What a request may hold: every limit that the contract states, checked in one place.

Every front door calls `violations` before anything else is done with a request,
so that all of them refuse the same requests, with the same field paths.
"""

import json
import re
from collections.abc import Sequence

from failsoft_model.chat import (
    ChatRequest,
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
from failsoft_model.errors import FieldViolation

MAX_MESSAGES = 512
MAX_PARTS = 256
MAX_TOOLS = 128
MAX_STOPS = 16
MAX_BIASES = 1024
MAX_CHOICES = 256

_KIB = 1024
_MIB = 1024 * 1024
_MAX_SCHEMA_DEPTH = 16
_MAX_TOP_LOGPROBS = 20
_MAX_TOKEN_ID = 2**32 - 1
_MAX_DURATION = 315_576_000_000
"""Seconds, about 10,000 years: the longest that the contract's Duration can hold."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{0,128}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""What may be one, as JSON's escape or as it is; a whole pair is fine."""
_NAME_RULE = "must be 1 to 64 of A-Z a-z 0-9 _ -"

_WHOLE = "and have no half of a surrogate pair"

_RANGES: tuple[tuple[str, float, float], ...] = (
    ("temperature", 0, 2),
    ("top_k", 1, 1000),
    ("max_tokens", 1, 1_000_000),
    ("seed", -(2**63), 2**63 - 1),
    ("presence_penalty", -2, 2),
    ("frequency_penalty", -2, 2),
)
"""Fields of Sampling with the least and the greatest value, both allowed."""

Found = list[FieldViolation]


def violations(request: ChatRequest) -> tuple[FieldViolation, ...]:
    """Every limit of the contract that the request breaks; empty: it may be answered.

    Paths are the contract's, from the request message: `chat.messages[2].parts[0].text`.
    What is inside a list that is too long is not looked at.
    """
    found: Found = []
    if len(request.model) > 256:
        _add(found, "model", "must be at most 256 characters")
    _check_messages(request.messages, found)
    _check_sampling(request.sampling, found)
    if request.tools:
        _check_tools(request.tools, found)
    _check_tool_choice(request.tool_choice, request.tools, found)
    _check_response_format(request.response_format, found)
    _check_form_stands_alone(request, found)
    max_age = request.cache_control.max_age
    if max_age is not None and not 0 <= max_age <= _MAX_DURATION:
        _add(found, "cache_control.max_age", f"must be 0 to {_MAX_DURATION} seconds")
    if not _REQUEST_ID.fullmatch(request.request_id):
        _add(found, "request_id", "must be 1 to 128 of A-Z a-z 0-9 . _ -, or empty")
    if _longer(request.continue_from, _MIB):
        _add(found, "continue_from", "must be at most 1 MiB")
    if Degradation.NONE in request.refused_degradations:
        _add(found, "refused_degradations", "DEGRADATION_NONE cannot be refused")
    return tuple(found)


def _add(found: Found, path: str, description: str) -> None:
    found.append(FieldViolation(field="chat." + path, description=description))


def _check_messages(messages: Sequence[Message], found: Found) -> None:
    if not 1 <= len(messages) <= MAX_MESSAGES:
        _add(found, "messages", f"must be 1 to {MAX_MESSAGES} messages")
        return
    for index, message in enumerate(messages):
        if not 1 <= len(message.parts) <= MAX_PARTS:
            _add(found, f"messages[{index}].parts", f"must be 1 to {MAX_PARTS} parts")
            continue
        role = message.role
        for place, part in enumerate(message.parts):
            if problem := _part_problem(part, role):
                field, description = problem
                _add(found, f"messages[{index}].parts[{place}].{field}", description)
    if messages[-1].role is Role.ASSISTANT:
        path = f"messages[{len(messages) - 1}].role"
        _add(found, path, "the last message must not be of ROLE_ASSISTANT")


def _part_problem(part: Part, role: Role) -> tuple[str, str] | None:
    """The field within the part, and what is wrong with it; None: nothing is."""
    match part:
        case Text():
            if role is Role.TOOL:
                return "text", "not allowed in a ROLE_TOOL message"
        case Image():
            if role is not Role.USER:
                return "image", "allowed in ROLE_USER messages only"
            return _image_problem(part)
        case ToolCall():
            if role is not Role.ASSISTANT:
                return "tool_call", "allowed in ROLE_ASSISTANT messages only"
            if not isinstance(_parsed(part.arguments_json), dict):
                return "tool_call.arguments_json", f"must be a JSON object, {_WHOLE}"
        case ToolResult():
            if role is not Role.TOOL:
                return "tool_result", "allowed in ROLE_TOOL messages only"
            if _longer(part.content, _MIB):
                return "tool_result.content", "must be at most 1 MiB"
    return None


def _image_problem(image: Image) -> tuple[str, str] | None:
    if bool(image.data) == bool(image.url):
        return "image", "exactly one of data and url must be set"
    if len(image.data) > 5 * _MIB:
        return "image.data", "must be at most 5 MiB"
    if image.data and not image.mime_type:
        return "image.mime_type", "required with data"
    if image.url and not image.url.lower().startswith("https://"):
        return "image.url", "must begin with https://"
    if len(image.url) > 2048:
        return "image.url", "must be at most 2048 characters"
    return None


def _check_sampling(sampling: Sampling, found: Found) -> None:
    for name, low, high in _RANGES:
        value: float | None = getattr(sampling, name)
        if value is not None and not low <= value <= high:
            _add(found, f"sampling.{name}", f"must be {low} to {high}")
    if sampling.top_p is not None and not 0 < sampling.top_p <= 1:
        _add(found, "sampling.top_p", "must be over 0, up to 1")
    if not 0 <= sampling.top_logprobs <= _MAX_TOP_LOGPROBS:
        _add(found, "sampling.top_logprobs", f"must be 0 to {_MAX_TOP_LOGPROBS}")
    elif sampling.top_logprobs and not sampling.logprobs:
        _add(found, "sampling.top_logprobs", "must be 0 unless logprobs is set")
    if sampling.stop:
        _check_stops(sampling.stop, found)
    if sampling.logit_bias:
        _check_biases(sampling.logit_bias, found)


def _check_stops(stops: Sequence[str], found: Found) -> None:
    if len(stops) > MAX_STOPS:
        _add(found, "sampling.stop", f"must be at most {MAX_STOPS} strings")
        return
    for index, stop in enumerate(stops):
        if not 1 <= len(stop) <= 256:
            _add(found, f"sampling.stop[{index}]", "must be 1 to 256 characters")


def _check_biases(biases: Sequence[tuple[int, float]], found: Found) -> None:
    if len(biases) > MAX_BIASES:
        _add(found, "sampling.logit_bias", f"must be at most {MAX_BIASES} tokens")
        return
    for token, bias in biases:
        if not 0 <= token <= _MAX_TOKEN_ID:
            _add(found, f"sampling.logit_bias[{token}]", f"a token id is 0 to {_MAX_TOKEN_ID}")
        elif not -100 <= bias <= 100:
            _add(found, f"sampling.logit_bias[{token}]", "must be -100 to 100")


def _check_tools(tools: Sequence[Tool], found: Found) -> None:
    if len(tools) > MAX_TOOLS:
        _add(found, "tools", f"must be at most {MAX_TOOLS} tools")
        return
    names: set[str] = set()
    for index, tool in enumerate(tools):
        if not _NAME.fullmatch(tool.name):
            _add(found, f"tools[{index}].name", _NAME_RULE)
        elif tool.name in names:
            _add(found, f"tools[{index}].name", "an earlier tool has this name")
        names.add(tool.name)
        if tool.parameters_json and (problem := _schema_problem(tool.parameters_json)):
            _add(found, f"tools[{index}].parameters_json", problem)


def _check_tool_choice(choice: ToolChoice, tools: Sequence[Tool], found: Found) -> None:
    if choice.mode is ToolChoiceMode.NAMED:
        if all(tool.name != choice.name for tool in tools):
            _add(found, "tool_choice.name", "must be the name of one of the tools")
    elif choice.name:
        _add(found, "tool_choice.name", "must be empty unless the mode is TOOL_CHOICE_MODE_NAMED")
    elif choice.mode is ToolChoiceMode.REQUIRED and not tools:
        _add(found, "tool_choice.mode", "a call is required, and there are no tools")


def _check_response_format(form: ResponseFormat, found: Found) -> None:
    kinds = ResponseFormatKind
    if form.kind is kinds.JSON_SCHEMA:
        if not _NAME.fullmatch(form.name):
            _add(found, "response_format.name", _NAME_RULE)
        if problem := _schema_problem(form.schema_json):
            _add(found, "response_format.schema_json", problem)
    elif form.kind is kinds.REGEX:
        if not form.regex or _longer(form.regex, 4 * _KIB):
            _add(found, "response_format.regex", "must be 1 byte to 4 KiB")
        elif "\0" in form.regex:
            _add(found, "response_format.regex", "must have no NUL")
    elif form.kind is kinds.CHOICE:
        _check_choices(form.choices, found)
    for name, kind in _FORM_FIELDS:
        if form.kind is not kind and getattr(form, name):
            rule = f"must be empty unless the kind is RESPONSE_FORMAT_KIND_{kind.name}"
            _add(found, f"response_format.{name}", rule)


_FORM_FIELDS = (
    ("name", ResponseFormatKind.JSON_SCHEMA),
    ("schema_json", ResponseFormatKind.JSON_SCHEMA),
    ("regex", ResponseFormatKind.REGEX),
    ("choices", ResponseFormatKind.CHOICE),
)
"""Fields of ResponseFormat, each with the one kind that has it."""


def _check_choices(choices: Sequence[str], found: Found) -> None:
    if not 1 <= len(choices) <= MAX_CHOICES:
        _add(found, "response_format.choices", f"must be 1 to {MAX_CHOICES} texts")
        return
    earlier: set[str] = set()
    for index, choice in enumerate(choices):
        if not 1 <= len(choice) <= 256:
            _add(found, f"response_format.choices[{index}]", "must be 1 to 256 characters")
        elif "\0" in choice:
            _add(found, f"response_format.choices[{index}]", "must have no NUL")
        elif choice in earlier:
            _add(found, f"response_format.choices[{index}]", "an earlier choice is the same")
        earlier.add(choice)


def _check_form_stands_alone(request: ChatRequest, found: Found) -> None:
    """An answer that is matched as a whole is no call, and has no beginning without its end."""
    if request.response_format.kind not in (ResponseFormatKind.REGEX, ResponseFormatKind.CHOICE):
        return
    name = f"RESPONSE_FORMAT_KIND_{request.response_format.kind.name}"
    if request.callable_tools:
        _add(found, "response_format.kind", f"{name} is not for answers that may call tools")
    if request.continue_from:
        _add(found, "continue_from", f"must be empty with {name}")


def _schema_problem(schema_json: str) -> str | None:
    """What keeps the text from being a JSON Schema that we take; None: nothing does."""
    if _longer(schema_json, 64 * _KIB):
        return "must be at most 64 KiB"
    schema = _parsed(schema_json)
    if not isinstance(schema, dict):
        return f"must be a JSON Schema, an object, {_WHOLE}"
    if _deeper(schema, _MAX_SCHEMA_DEPTH):
        return f"must be at most {_MAX_SCHEMA_DEPTH} levels deep"
    return None


def _parsed(text: str) -> object:
    """The value of a JSON text; None as well when it is not JSON, or no text can carry it.

    Half of a surrogate pair can be written as an escape, and is then in no UTF-8: what reads it
    next would fail in a way of its own.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _refuse(constant: str) -> None:
    """Python's parser takes NaN and Infinity; JSON has neither."""
    raise ValueError(constant)


def _deeper(value: object, levels: int) -> bool:
    """Whether objects and arrays are nested more than `levels` deep."""
    containers = [value]
    for _ in range(levels):
        children: list[object] = []
        for container in containers:
            if isinstance(container, dict):
                children += container.values()
            elif isinstance(container, list):
                children += container
        containers = [child for child in children if isinstance(child, dict | list)]
    return bool(containers)


def _longer(text: str, limit: int) -> bool:
    """Whether the text has more than `limit` bytes of UTF-8; encoded only where in doubt."""
    if len(text) * 4 <= limit:
        return False
    return len(text) > limit or len(text.encode("utf-8", "surrogatepass")) > limit
