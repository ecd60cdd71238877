"""The reference of the settings, taken from the models, so that it cannot be out of date."""

import enum
import json
import pathlib
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from failsoft_kit.settings.fields import Leaf, alternatives, leaves
from failsoft_kit.settings.types import Written

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "secret text",
    pathlib.Path: "path",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting, in words."""

    variable: str
    path: str
    """Its place in the YAML file."""
    type: str
    unit: str
    """Empty: it has none."""
    default: str
    """As one would write it; empty: the setting is required."""
    description: str


def describe(model: type[BaseModel], section: str) -> list[Row]:
    """One row for each setting, in the order of the fields.

    Raises:
        ValueError: a field has no description.
    """
    return [_row(leaf) for leaf in leaves(model, section)]


def _row(leaf: Leaf) -> Row:
    path = ".".join(leaf.path)
    if not leaf.info.description:
        raise ValueError(f"the setting {path} has no description")
    written = _written(leaf.info)
    return Row(
        variable=leaf.variable,
        path=path,
        type=written.type if written else _type(leaf.info.annotation),
        unit=_unit(leaf.info) or (written.units if written else ""),
        default=_default(leaf.info, written),
        description=leaf.info.description,
    )


def _written(info: FieldInfo) -> Written | None:
    """How the quantity is written; None: the value is no quantity with a unit."""
    found = (*info.metadata, *_annotations(info.annotation))
    return next((part for part in found if isinstance(part, Written)), None)


def _annotations(annotation: object) -> Iterator[object]:
    if typing.get_origin(annotation) is typing.Annotated:
        yield from typing.get_args(annotation)[1:]
    for part in typing.get_args(annotation):
        yield from _annotations(part)


def _type(annotation: object) -> str:
    return " or ".join(_word(part) for part in alternatives(annotation))


def _word(part: object) -> str:
    arguments = typing.get_args(part)
    match typing.get_origin(part):
        case typing.Literal:
            return f"one of {', '.join(map(str, arguments))}"
        case origin if isinstance(origin, type) and issubclass(origin, dict):
            return f"mapping of {_type(arguments[0])} to {_type(arguments[1])}"
        case origin if isinstance(origin, type):
            return f"list of {_type(arguments[0])}"
    if isinstance(part, type) and issubclass(part, enum.Enum):
        return f"one of {', '.join(str(member.value) for member in part)}"
    return _WORDS.get(part, "mapping")


def _unit(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _default(info: FieldInfo, written: Written | None) -> str:
    if info.is_required():
        return ""
    value = info.get_default(call_default_factory=True, validated_data={})
    if written and isinstance(value, int | float):
        return written.format(value)
    match value:
        case None:
            return "none"
        case SecretStr():
            return "secret"
        case enum.Enum():
            return str(value.value)
        case str() | pathlib.Path():
            return str(value) or '""'
        case _:
            return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    """What JSON can say of a default that holds more than plain values."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case enum.Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case _:
            return str(value)
