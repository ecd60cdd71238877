"""A request for a message, checked as strictly as Anthropic checks it.

Strictness is the point: what the real provider refuses must not pass here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from failsoft_upstream.answer import Question, count_tokens
from failsoft_upstream.anthropic import check, messages
from failsoft_upstream.anthropic.errors import Rejected

_FAULT_MARK = "#"
_CHOICES = ("auto", "any", "tool", "none")
# Taken as they are: they change nothing in what a look-alike says.
_UNCHECKED = ("metadata", "service_tier", "thinking")
_CHECKED = (
    "max_tokens",
    "messages",
    "model",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
)
_KNOWN = frozenset(_CHECKED + _UNCHECKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """What was asked, and how it is to be answered.

    Attributes:
        question: What was asked.
        fault: The suffix of the model's name, in faults' short form; None: no suffix.
        stream: Answer in events.
    """

    question: Question
    fault: str | None
    stream: bool


def parse(body: bytes) -> MessageRequest:
    """Read a request.

    Raises:
        Rejected: Anthropic would not take it.
    """
    fields = _fields(body)
    model, mark, fault = check.a_string(check.required(fields, "model"), "model").partition(
        _FAULT_MARK
    )
    conversation = messages.read(check.required(fields, "messages"))
    system = messages.text_of(fields.get("system", ""), "system")
    limit = check.a_number(check.required(fields, "max_tokens"), "max_tokens", least=1)
    _check_sampling(fields)
    _check_tools(fields)
    schema = _form(fields)
    return MessageRequest(
        question=Question(
            model=model,
            text=conversation.question,
            tokens=conversation.tokens + count_tokens(system),
            max_tokens=int(limit),
            stops=_stops(fields),
            begun=conversation.begun,
            schema=schema,
        ),
        fault=fault if mark else None,
        stream=check.a_boolean(fields.get("stream", False), "stream"),
    )


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Rejected("The request body is not valid JSON") from error
    return check.an_object(fields, "", _KNOWN)


def _check_sampling(fields: Mapping[str, object]) -> None:
    for name, most in {"temperature": 1.0, "top_p": 1.0}.items():
        if name in fields:
            check.a_number(fields[name], name, least=0, most=most)
    if "top_k" in fields:
        check.a_number(fields["top_k"], "top_k", least=0)
    if "temperature" in fields and "top_p" in fields:
        raise Rejected("`temperature` and `top_p` cannot both be specified for this model.")


def _stops(fields: Mapping[str, object]) -> tuple[str, ...]:
    stops = check.an_array(fields.get("stop_sequences", []), "stop_sequences")
    for index, stop in enumerate(stops):
        if not check.a_string(stop, f"stop_sequences.{index}").strip():
            raise Rejected("stop_sequences: each stop sequence must contain non-whitespace")
    return tuple(str(stop) for stop in stops)


def _check_tools(fields: Mapping[str, object]) -> None:
    if "tools" not in fields and "tool_choice" in fields:
        raise Rejected("tool_choice: may only be specified while providing tools")
    for index, item in enumerate(check.an_array(fields.get("tools", []), "tools")):
        path = f"tools.{index}"
        tool = check.an_object(item, path, ("name", "description", "input_schema", "strict"))
        check.a_string(check.required(tool, "name", path), f"{path}.name")
        schema = check.an_object(check.required(tool, "input_schema", path), f"{path}.input_schema")
        where = f"{path}.input_schema"
        check.one_of(check.required(schema, "type", where), f"{where}.type", ("object",))
    if "tool_choice" in fields:
        choice = check.an_object(
            fields["tool_choice"], "tool_choice", ("type", "name", "disable_parallel_tool_use")
        )
        kind = check.required(choice, "type", "tool_choice")
        if check.one_of(kind, "tool_choice.type", _CHOICES) == "tool":
            check.required(choice, "name", "tool_choice")


def _form(fields: Mapping[str, object]) -> Mapping[str, object] | None:
    """The schema that the answer has to keep; None: it is words."""
    if "output_config" not in fields:
        return None
    path = "output_config.format"
    config = check.an_object(fields["output_config"], "output_config", ("format", "effort"))
    wanted = check.an_object(check.required(config, "format", "output_config"), path)
    check.one_of(check.required(wanted, "type", path), f"{path}.type", ("json_schema",))
    schema = check.an_object(check.required(wanted, "schema", path), f"{path}.schema")
    _check_schema(schema, f"{path}.schema")
    return schema


def _check_schema(value: object, path: str) -> None:
    """Objects have to be closed, at every level."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            _check_schema(each, f"{path}.{index}")
    if not isinstance(value, dict):
        return
    if value.get("type") == "object" and value.get("additionalProperties") is not False:
        raise Rejected(
            f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    for name, each in value.items():
        _check_schema(each, f"{path}.{name}")
