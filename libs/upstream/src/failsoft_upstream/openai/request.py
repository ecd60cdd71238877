"""A chat completion request, checked as strictly as OpenAI checks it.

Strictness is the point: what the real provider refuses must not pass here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from failsoft_upstream.answer import Question
from failsoft_upstream.openai import check, messages, reasoning
from failsoft_upstream.openai.errors import Rejected

_FAULT_MARK = "#"
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TEMPERATURE = (0, 2)
_PENALTY = (-2, 2)
_BIAS = (-100, 100)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_FORMATS = ("text", "json_object", "json_schema")
# Taken as they are: they change nothing in what a look-alike says.
_UNCHECKED = (
    "audio",
    "function_call",
    "functions",
    "metadata",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "user",
    "verbosity",
    "web_search_options",
)
_CHECKED = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
)
_KNOWN = frozenset(_CHECKED + _UNCHECKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What was asked, and how it is to be answered.

    Attributes:
        question: What was asked.
        fault: The suffix of the model's name, in faults' short form; None: no suffix.
        stream: Answer in chunks.
        include_usage: Say the usage in a chunk of its own at the end.
        alternatives: Tell each token, with so many that might have been taken; None: tell none.
    """

    question: Question
    fault: str | None
    stream: bool
    include_usage: bool
    alternatives: int | None = None


def parse(body: bytes) -> ChatRequest:
    """Read a request.

    Raises:
        Rejected: OpenAI would not take it.
    """
    fields = _fields(body)
    model, mark, fault = _model(fields).partition(_FAULT_MARK)
    conversation = messages.read(check.required(fields, "messages"))
    _check_sampling(fields)
    _check_tools(fields)
    schema = _form(fields)
    reasoning.check(model, fields)
    stream = _boolean(fields, "stream")
    return ChatRequest(
        question=Question(
            model=model,
            text=conversation.question,
            tokens=conversation.tokens,
            max_tokens=_max_tokens(fields),
            stops=_stops(fields.get("stop")),
            schema=schema,
            begun=conversation.begun,
        ),
        fault=fault if mark else None,
        stream=stream,
        include_usage=_include_usage(fields, stream=stream),
        alternatives=_alternatives(fields),
    )


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Rejected("We could not parse the JSON body of your request.") from error
    if not isinstance(fields, dict):
        raise Rejected("The JSON body of your request is not an object.")
    check.only_known(fields, _KNOWN)
    return fields


def _model(fields: Mapping[str, object]) -> str:
    model = fields.get("model")
    if model is None or model == "":
        raise Rejected("you must provide a model parameter")
    return check.a_string(model, "model")


def _check_sampling(fields: Mapping[str, object]) -> None:
    for name, (least, most) in {
        "temperature": _TEMPERATURE,
        "top_p": (0, 1),
        "frequency_penalty": _PENALTY,
        "presence_penalty": _PENALTY,
    }.items():
        if fields.get(name) is not None:
            check.a_number(fields[name], name, least=least, most=most)
    for token, bias in _biases(fields).items():
        least, most = _BIAS
        check.a_number(bias, f"logit_bias.{token}", least=least, most=most)
    if fields.get("reasoning_effort") is not None:
        check.one_of(fields["reasoning_effort"], "reasoning_effort", _EFFORTS)
    if fields.get("n") is not None and check.an_integer(fields["n"], "n", least=1) > 1:
        raise Rejected("This look-alike gives one choice only.", param="n", code="invalid_value")


def _biases(fields: Mapping[str, object]) -> Mapping[str, object]:
    value = fields.get("logit_bias")
    return {} if value is None else check.an_object(value, "logit_bias")


def _alternatives(fields: Mapping[str, object]) -> int | None:
    """How many are told for each token; None: no tokens are told."""
    path = "top_logprobs"
    told = _boolean(fields, "logprobs")
    if fields.get(path) is None:
        return 0 if told else None
    alternatives = check.an_integer(fields[path], path, least=0, most=20)
    if not told:
        raise Rejected(
            f"The '{path}' parameter is only allowed when 'logprobs' is enabled.", param=path
        )
    return alternatives


def _check_tools(fields: Mapping[str, object]) -> None:
    if fields.get("tools") is None:
        if fields.get("tool_choice") is not None:
            raise Rejected(
                "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice"
            )
        return
    for index, item in enumerate(check.an_array(fields["tools"], "tools", least=1, most=128)):
        path = f"tools[{index}]"
        tool = check.an_object(item, path)
        check.one_of(check.required(tool, "type", path), f"{path}.type", ("function", "custom"))
        kind = str(tool["type"])
        where = f"{path}.{kind}"
        function = check.an_object(check.required(tool, kind, path), where)
        name = check.a_string(check.required(function, "name", where), f"{where}.name")
        if _TOOL_NAME.fullmatch(name) is None:
            raise Rejected(
                f"Invalid '{where}.name': string does not match pattern. Expected a string that"
                " matches the pattern '^[a-zA-Z0-9_-]+$'.",
                param=f"{where}.name",
                code="invalid_value",
            )


def _form(fields: Mapping[str, object]) -> Mapping[str, object] | None:
    """What the answer has to keep; see `Question`."""
    if fields.get("response_format") is None:
        return None
    path = "response_format"
    wanted = check.an_object(fields[path], path)
    kind = check.one_of(check.required(wanted, "type", path), f"{path}.type", _FORMATS)
    if kind == "json_schema":
        where = f"{path}.json_schema"
        schema = check.an_object(check.required(wanted, "json_schema", path), where)
        check.only_known(schema, ("name", "schema", "strict", "description"), where)
        check.a_string(check.required(schema, "name", where), f"{where}.name")
        return check.an_object(schema.get("schema", {}), f"{where}.schema")
    return {} if kind == "json_object" else None


def _max_tokens(fields: Mapping[str, object]) -> int | None:
    names = [n for n in ("max_tokens", "max_completion_tokens") if fields.get(n) is not None]
    if len(names) > 1:
        raise Rejected(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
        )
    return check.an_integer(fields[names[0]], names[0], least=1) if names else None


def _stops(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    stops = check.an_array(value, "stop", most=4)
    return tuple(check.a_string(stop, f"stop[{index}]") for index, stop in enumerate(stops))


def _include_usage(fields: Mapping[str, object], *, stream: bool) -> bool:
    path = "stream_options"
    if fields.get(path) is None:
        return False
    if not stream:
        raise Rejected(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param=path
        )
    options = check.an_object(fields[path], path)
    check.only_known(options, ("include_usage", "include_obfuscation"), path)
    return _boolean(options, "include_usage", f"{path}.include_usage")


def _boolean(fields: Mapping[str, object], name: str, path: str | None = None) -> bool:
    value = fields.get(name)
    return False if value is None else check.a_boolean(value, path or name)
