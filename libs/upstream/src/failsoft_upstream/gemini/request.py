"""A generateContent request, checked as strictly as Gemini checks it.

Strictness is the point: what the real provider refuses must not pass here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from failsoft_upstream.answer import Question
from failsoft_upstream.gemini import check, contents
from failsoft_upstream.gemini.errors import Rejected

_KNOWN = (
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "model",
)
_RANGES: Mapping[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "topP": (0, 1, False),
    "topK": (1, 1000, True),
    "maxOutputTokens": (1, 1_000_000, True),
    "candidateCount": (1, 1, True),
    "seed": (-(2**31), 2**31 - 1, True),
    "presencePenalty": (-2, 2, False),
    "frequencyPenalty": (-2, 2, False),
    "logprobs": (0, 20, True),
}
"""Fields of the configuration, each from, to, and whether it is a whole number."""
_CONFIG = (
    *_RANGES,
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "thinkingConfig",
)
_FORMS = ("text/plain", "application/json", "text/x.enum")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_MODES = ("AUTO", "ANY", "NONE", "VALIDATED")
_OLD = re.compile(r"gemini-(?:1|2\.0)\b")
_UNSIGNED = re.compile(r"gemini-[12]\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, and how it is to be answered.

    Attributes:
        question: What was asked.
        alternatives: Tell each token, with so many that might have been taken; None: tell none.
    """

    question: Question
    alternatives: int | None


def parse(body: bytes, *, model: str) -> Asked:
    """Read a request for a model.

    Raises:
        Rejected: Gemini would not take it.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Rejected("Invalid JSON payload received.") from error
    fields = check.an_object(value, "", known=_KNOWN)
    conversation = contents.read(fields.get("contents"), signed=not _UNSIGNED.match(model))
    tokens = conversation.tokens
    if "systemInstruction" in fields:
        tokens += contents.instruction(fields["systemInstruction"])
    config = check.an_object(fields.get("generationConfig", {}), "generation_config", known=_CONFIG)
    _check_config(config, model=model)
    names = _declared(fields.get("tools", []))
    _check_calling(fields.get("toolConfig", {}), names)
    if names and config.get("responseMimeType") == "application/json" and _UNSIGNED.match(model):
        raise Rejected(
            "Function calling with a response mime type: 'application/json' is unsupported"
        )
    return Asked(
        question=Question(
            model=model,
            text=conversation.question,
            tokens=tokens,
            max_tokens=_whole(config.get("maxOutputTokens")),
            stops=_stops(config),
            begun=conversation.begun,
            schema=_schema(config),
        ),
        alternatives=_alternatives(config),
    )


def _check_config(config: Mapping[str, object], *, model: str) -> None:
    for name, (least, most, whole) in _RANGES.items():
        if name in config:
            path = f"generation_config.{name}"
            check.a_number(config[name], path, least=least, most=most, whole=whole)
    form = check.one_of(
        config.get("responseMimeType", _FORMS[0]), "generation_config.response_mime_type", _FORMS
    )
    if form == _FORMS[0] and ("responseSchema" in config or "responseJsonSchema" in config):
        raise Rejected("* generation_config.response_schema: needs a response_mime_type")
    if "thinkingConfig" in config:
        check.an_object(
            config["thinkingConfig"],
            "generation_config.thinking_config",
            known=("includeThoughts", "thinkingBudget", "thinkingLevel"),
        )
        if _OLD.match(model):
            raise Rejected(f"Thinking is not enabled for models/{model}")


def _schema(config: Mapping[str, object]) -> Mapping[str, object] | None:
    """What the answer has to keep; see `Question`."""
    if config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseJsonSchema", config.get("responseSchema", {}))
    return check.an_object(schema, "generation_config.response_json_schema")


def _declared(value: object) -> set[str]:
    """The names of the functions that may be called."""
    names: set[str] = set()
    for index, item in enumerate(check.an_array(value, "tools")):
        path = f"tools[{index}]"
        tool = check.an_object(item, path, known=("functionDeclarations",))
        declared = check.an_array(tool.get("functionDeclarations", []), path, most=128)
        for place, each in enumerate(declared):
            where = f"{path}.function_declarations[{place}]"
            known = ("name", "description", "parameters", "parametersJsonSchema")
            function = check.an_object(each, where, known=known)
            name = check.a_string(function.get("name"), f"{where}.name")
            if _NAME.fullmatch(name) is None:
                raise Rejected(f"* GenerateContentRequest.{where}.name: Invalid function name.")
            names.add(name)
    return names


def _check_calling(value: object, names: set[str]) -> None:
    path = "tool_config.function_calling_config"
    outer = check.an_object(value, "tool_config", known=("functionCallingConfig",))
    calling = check.an_object(
        outer.get("functionCallingConfig", {}), path, known=("mode", "allowedFunctionNames")
    )
    mode = check.one_of(calling.get("mode", "AUTO"), f"{path}.mode", _MODES)
    allowed = check.an_array(calling.get("allowedFunctionNames", []), path)
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise Rejected(f"* {path}.allowed_function_names: only with mode ANY or VALIDATED")
    if not names.issuperset(str(name) for name in allowed):
        raise Rejected(f"* {path}.allowed_function_names: has a function that is not declared")


def _stops(config: Mapping[str, object]) -> tuple[str, ...]:
    path = "generation_config.stop_sequences"
    stops = check.an_array(config.get("stopSequences", []), path, most=5)
    return tuple(check.a_string(stop, path) for stop in stops)


def _alternatives(config: Mapping[str, object]) -> int | None:
    if config.get("responseLogprobs") is True:
        return _whole(config.get("logprobs")) or 0
    if "logprobs" in config:
        raise Rejected("* generation_config.logprobs: only with response_logprobs")
    return None


def _whole(value: object) -> int | None:
    """A number that was checked before."""
    return value if isinstance(value, int) else None
