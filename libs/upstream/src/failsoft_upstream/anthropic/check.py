"""Checks of JSON values that reject with Anthropic's words.

Every function takes the path of the value, such as `messages.0.role`.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from failsoft_upstream.anthropic.errors import Rejected


def an_object(value: object, path: str, known: Collection[str] | None = None) -> dict[str, object]:
    """The value as an object that has no other fields; None: it may have any."""
    if not isinstance(value, dict):
        raise Rejected(f"{path}: Input should be a valid dictionary")
    for name in value:
        if known is not None and name not in known:
            raise Rejected(f"{path}.{name}: Extra inputs are not permitted".lstrip("."))
    return value


def an_array(value: object, path: str, *, least: int = 0) -> Sequence[object]:
    """The value as an array of `least` items or more."""
    if not isinstance(value, list):
        raise Rejected(f"{path}: Input should be a valid list")
    if len(value) < least:
        raise Rejected(f"{path}: List should have at least {least} item after validation")
    return value


def a_string(value: object, path: str) -> str:
    """The value as a string."""
    if not isinstance(value, str):
        raise Rejected(f"{path}: Input should be a valid string")
    return value


def a_text(value: object, path: str) -> str:
    """The value as a string that is not blank."""
    if not a_string(value, path).strip():
        raise Rejected(f"{path}: text content blocks must contain non-whitespace text")
    return str(value)


def a_boolean(value: object, path: str) -> bool:
    """The value as a boolean."""
    if not isinstance(value, bool):
        raise Rejected(f"{path}: Input should be a valid boolean")
    return value


def one_of(value: object, path: str, allowed: Collection[str]) -> str:
    """The value as one of the strings allowed."""
    if a_string(value, path) not in allowed:
        listed = ", ".join(f"'{choice}'" for choice in allowed)
        raise Rejected(f"{path}: Input should be {listed}")
    return str(value)


def a_number(value: object, path: str, *, least: float, most: float = math.inf) -> float:
    """The value as a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(f"{path}: Input should be a valid number")
    if not least <= value <= most:
        raise Rejected(f"{path}: Input should be from {least} to {most}")
    return value


def required(value: Mapping[str, object], name: str, path: str = "") -> object:
    """The field's value, which must be there."""
    if value.get(name) is None:
        raise Rejected(f"{path}.{name}: Field required".lstrip("."))
    return value[name]
