"""Checks of JSON values that reject with OpenAI's words and codes.

Every function takes the path of the value, such as `messages[0].role`.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from failsoft_upstream.openai.errors import Rejected


def an_object(value: object, path: str) -> Mapping[str, object]:
    """The value as an object."""
    if not isinstance(value, dict):
        raise _wrong_type(path, "an object", value)
    return value


def an_array(
    value: object, path: str, *, least: int = 0, most: int | None = None
) -> Sequence[object]:
    """The value as an array of `least` to `most` items; None: any number."""
    if not isinstance(value, list):
        raise _wrong_type(path, "an array", value)
    if len(value) < least:
        raise Rejected(
            f"Invalid '{path}': empty array. Expected an array with minimum length {least},"
            f" but got an array with length {len(value)} instead.",
            param=path,
            code="empty_array",
        )
    if most is not None and len(value) > most:
        raise Rejected(
            f"Invalid '{path}': array too long. Expected an array with maximum length {most},"
            f" but got an array with length {len(value)} instead.",
            param=path,
            code="array_above_max_length",
        )
    return value


def a_string(value: object, path: str) -> str:
    """The value as a string."""
    if not isinstance(value, str):
        raise _wrong_type(path, "a string", value)
    return value


def a_boolean(value: object, path: str) -> bool:
    """The value as a boolean."""
    if not isinstance(value, bool):
        raise _wrong_type(path, "a boolean", value)
    return value


def one_of(value: object, path: str, allowed: Collection[str]) -> str:
    """The value as one of the strings allowed."""
    text = a_string(value, path)
    if text not in allowed:
        listed = ", ".join(f"'{choice}'" for choice in allowed)
        raise Rejected(
            f"Invalid value: '{text}'. Supported values are: {listed}.",
            param=path,
            code="invalid_value",
        )
    return text


def an_integer(
    value: object, path: str, *, least: float = -math.inf, most: float = math.inf
) -> int:
    """The value as an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(path, "an integer", value)
    _check_range(value, path, "integer", least, most)
    return value


def a_number(
    value: object, path: str, *, least: float = -math.inf, most: float = math.inf
) -> float:
    """The value as a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(path, "a decimal", value)
    _check_range(value, path, "decimal", least, most)
    return value


def only_known(value: Mapping[str, object], known: Collection[str], path: str = "") -> None:
    """Reject the first field that is not known."""
    for name in value:
        if name not in known:
            where = f"{path}.{name}" if path else name
            raise Rejected(f"Unknown parameter: '{where}'.", param=where, code="unknown_parameter")


def required(value: Mapping[str, object], name: str, path: str = "") -> object:
    """The field's value, which must be there."""
    where = f"{path}.{name}" if path else name
    if value.get(name) is None:
        raise Rejected(
            f"Missing required parameter: '{where}'.",
            param=where,
            code="missing_required_parameter",
        )
    return value[name]


def _check_range(value: float, path: str, noun: str, least: float, most: float) -> None:
    if value < least:
        raise Rejected(
            f"Invalid '{path}': {noun} below minimum value. Expected a value >= {least},"
            f" but got {value} instead.",
            param=path,
            code=f"{noun}_below_min_value",
        )
    if value > most:
        raise Rejected(
            f"Invalid '{path}': {noun} above maximum value. Expected a value <= {most},"
            f" but got {value} instead.",
            param=path,
            code=f"{noun}_above_max_value",
        )


def _wrong_type(path: str, expected: str, value: object) -> Rejected:
    return Rejected(
        f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead.",
        param=path,
        code="invalid_type",
    )


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
