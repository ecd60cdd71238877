"""Faults as text: a JSON object, or a short form for headers and model names.

    {"kind": "status", "status": 429, "retry_after": 2}
    status=429;retry_after=2
    cut=3
    hang

The value after the kind is the fault's first field; `-` and `_` are one.
Durations are seconds, as a number or with a unit ("250ms", "2s").
"""

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import orjson

from failsoft_upstream import faults
from failsoft_upstream.faults import Fault

_Reader = Callable[[object], object]
_Choice = TypeVar("_Choice", bound=enum.Enum)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|)")


class BadFault(ValueError):
    """The text names no fault; the message says what is wrong and what is allowed."""


def parse(text: str) -> Fault:
    """The fault that a header, a model's suffix or a control body names.

    Raises:
        BadFault: It names none.
    """
    text = text.strip()
    if not text.startswith(("{", '"')):
        return _from_short(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFault(f"not JSON: {error}") from error
    return from_value(value)


def from_value(value: object) -> Fault:
    """The fault that a JSON value names: an object, or a string in the short form.

    Raises:
        BadFault: It names none.
    """
    if isinstance(value, str):
        return _from_short(value)
    if not isinstance(value, dict):
        raise BadFault(f"a fault is an object or a string, not {value!r}")
    fields = dict(value)
    return _build(fields.pop("kind", None), fields)


def to_value(fault: Fault) -> dict[str, object]:
    """The JSON object that `from_value` reads back to an equal fault."""
    value: dict[str, object] = {"kind": fault.kind}
    for field in dataclasses.fields(fault):
        content = getattr(fault, field.name)
        value[field.name] = content.value if isinstance(content, enum.Enum) else content
    return value


def _from_short(text: str) -> Fault:
    head, *options = text.split(";")
    kind, _, main = head.partition("=")
    kind = _name(kind)
    fields: dict[object, object] = {}
    if main and (names := list(_fields_of(kind))):
        fields[names[0]] = main.strip()
    elif main:
        raise BadFault(f"{kind} takes no value")
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise BadFault(f"{option.strip()!r} is no option: write name=value")
        fields[_name(name)] = value.strip()
    return _build(kind, fields)


def _name(text: str) -> str:
    return text.strip().lower().replace("-", "_")


def _fields_of(kind: object) -> Mapping[str, _Reader]:
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadFault(f"unknown kind {kind!r}; one of: {', '.join(_KINDS)}")
    return _KINDS[kind][1]


def _build(kind: object, fields: Mapping[object, object]) -> Fault:
    readers = _fields_of(kind)
    values: dict[str, object] = {}
    for name, value in fields.items():
        if not isinstance(name, str) or name not in readers:
            allowed = ", ".join(readers) or "none"
            raise BadFault(f"{kind} has no field {name!r}; its fields: {allowed}")
        if value is None:
            continue
        try:
            values[name] = readers[name](value)
        except ValueError as error:
            raise BadFault(f"{kind}.{name}: {error}, not {value!r}") from error
    make = _KINDS[str(kind)][0]
    try:
        return make(**values)
    except TypeError as error:
        # Only the first field of a kind is ever required.
        raise BadFault(f"{kind} needs {next(iter(readers))}") from error


def _integer(*, least: int, most: int | None = None) -> _Reader:
    allowed = f"a whole number from {least}" + ("" if most is None else f" to {most}")

    def read(value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"must be {allowed}")
        if most is not None and value > most:
            raise ValueError(f"must be {allowed}")
        return value

    return read


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) / (1000 if match[2] == "ms" else 1)
    raise ValueError("must be seconds, such as 2, 0.5, 2s or 250ms")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    raise ValueError("must be a text or a JSON document")


def _boolean(value: object) -> bool:
    choices = {"true": True, "false": False}
    if isinstance(value, str) and value in choices:
        return choices[value]
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _headers(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("must be an object of texts")
    if any("\r" in part or "\n" in part for item in value.items() for part in item):
        raise ValueError("must be without line ends")
    return value


def _choice(choices: type[_Choice]) -> Callable[[object], _Choice]:
    def read(value: object) -> _Choice:
        for choice in choices:
            if choice.value == value:
                return choice
        allowed = ", ".join(str(choice.value) for choice in choices)
        raise ValueError(f"must be one of {allowed}")

    return read


_COUNT = _integer(least=0)
_SIZE = _integer(least=1)
_HINT: Mapping[str, _Reader] = {
    "headers": _headers,
    "retry_after": _seconds,
    "form": _choice(faults.HintForm),
}
# The first field of each kind is the one that the short form gives a value to.
_KINDS: Mapping[str, tuple[Callable[..., Fault], Mapping[str, _Reader]]] = {
    "healthy": (faults.Healthy, {}),
    "status": (
        faults.Status,
        {"status": _integer(least=200, most=599), "body": _text, **_HINT},
    ),
    "error": (faults.ProviderError, {"error": _choice(faults.ErrorKind), **_HINT}),
    "refuse": (faults.Refuse, {"seconds": _seconds}),
    "reset": (faults.Reset, {"after": _COUNT}),
    "hang": (faults.Hang, {}),
    "slow": (
        faults.Slow,
        {"seconds": _seconds, "cover": _choice(faults.Cover), "every": _seconds},
    ),
    "stall": (faults.Stall, {"after": _COUNT, "seconds": _seconds}),
    "cut": (faults.Cut, {"after": _COUNT}),
    "malformed": (faults.Malformed, {"after": _COUNT, "form": _choice(faults.Garble)}),
    "stream_error": (
        faults.StreamError,
        {"after": _COUNT, "error": _choice(faults.ErrorKind)},
    ),
    "no_done": (faults.NoDone, {}),
    "left_open": (faults.LeftOpen, {}),
    "empty": (faults.Empty, {}),
    "empty_body": (faults.EmptyBody, {}),
    "finish": (
        faults.Finish,
        {"reason": _choice(faults.FinishReason), "after": _COUNT},
    ),
    "content_type": (faults.ContentType, {"value": _text}),
    "huge_line": (faults.HugeLine, {"size": _SIZE, "after": _COUNT}),
    "slice": (faults.Slice, {"size": _SIZE}),
    "compressed": (faults.Compressed, {"blank": _COUNT}),
    "resume": (
        faults.Resume,
        {"how": _choice(faults.Resumption), "begun": _boolean},
    ),
    "endless": (
        faults.Endless,
        {
            "filler": _choice(faults.Filler),
            "after": _COUNT,
            "status": _integer(least=200, most=599),
        },
    ),
}
