"""Quantities that are written with their unit: "250ms", "8MiB".

In a file or a variable a bare number is refused, because nobody can see whether 30 means seconds.
In Python code a `Duration` is a float of seconds and a `Size` an int of bytes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)", re.ASCII)

FROM_TEXT = object()
"""The validation context of values that somebody wrote in a file or a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a quantity is written, for the reference of the settings."""

    type: str
    units: str
    format: Callable[[float], str]


def parse_duration(text: str) -> float:
    """Seconds from "250ms", "1.5s", "5m", "2h" or "1d".

    Raises:
        ValueError: no number with one of these units; the message says what is allowed.
    """
    return _parse(text, _SECONDS, "must be a number with a unit, such as 250ms, 30s, 5m, 2h or 1d")


def parse_size(text: str) -> int:
    """Bytes from "512B", "64KiB", "8MiB" or "1GiB".

    Raises:
        ValueError: no number with one of these units, or not a whole number of bytes.
    """
    rule = "must be a number with a unit, such as 512B, 64KiB, 8MiB or 1GiB"
    size = _parse(text, _BYTES, rule)
    if not size.is_integer():
        raise ValueError(f"{rule}, and a whole number of bytes")
    return int(size)


def format_duration(seconds: float) -> str:
    """The seconds as one would write them: 90.0 as "90s", 300.0 as "5m"."""
    return _format(seconds, _SECONDS, "s")


def format_size(size: float) -> str:
    """The bytes as one would write them: 8388608 as "8MiB"."""
    return _format(size, _BYTES, "B")


def _parse(text: str, units: Mapping[str, float], rule: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        raise ValueError(rule)
    return float(match[1]) * units[match[2]]


def _format(value: float, units: Mapping[str, float], zero_unit: str) -> str:
    """With the largest unit that gives a whole number; else with the smallest."""
    if value == 0:
        return f"0{zero_unit}"
    whole = [unit for unit, factor in units.items() if round(value / factor, 9).is_integer()]
    unit = max(whole, key=lambda name: units[name], default=next(iter(units)))
    return f"{value / units[unit]:.9f}".rstrip("0").rstrip(".") + unit


def _written(parse: Callable[[str], float]) -> BeforeValidator:
    """Parses text; lets numbers through only where code passes them, already in the base unit."""

    def validate(value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            return parse(value)
        if info.context is FROM_TEXT and isinstance(value, int | float):
            return parse(str(value))
        return value

    return BeforeValidator(validate)


Duration = Annotated[
    float,
    _written(parse_duration),
    Written(type="duration", units=", ".join(_SECONDS), format=format_duration),
]
"""Seconds; written "250ms", "30s", "5m", "2h", "1d"."""

Size = Annotated[
    int,
    _written(parse_size),
    Written(type="size", units=", ".join(_BYTES), format=format_size),
]
"""Bytes; written "512B", "64KiB", "8MiB", "1GiB"."""
