"""Whether a JSON value surely does not fit a JSON Schema.

Providers that are asked for a schema mostly keep it, and some cannot be asked for all of it
(`dropped_parameters` says so). What is judged here ends an answer, so the judgement is certain
or none: what is not understood fits. Not looked at are regular expressions, which can take for
ever, formats, references to elsewhere, and what other drafts than 2020-12 add. What OpenAPI 3.0
calls `nullable` may be null, because Gemini and many generators write schemas so.

The work is bounded: after `MOST_STEPS` looks at a value the rest fits.
"""

import math
from collections.abc import Callable, Mapping, Sequence

MOST_STEPS = 100_000
"""Some 50 ms; the largest answers of real models take less than a tenth."""

DEEPEST = 64
"""References that lead to references, and values in values."""

Json = object

_TYPES: Mapping[str, Callable[[Json], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_whole(value),
}

_LISTS = ("type", "enum", "required")
"""Keywords with lists that each value is held against, so that each entry is a look."""


def misfits(value: Json, schema: Json) -> bool:
    """Whether the value surely does not fit the schema."""
    return not _Check(schema).fits(value, schema, depth=0)


class _Check:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._steps = 0
        dialect = root.get("$schema") if isinstance(root, dict) else None
        self._is_old = isinstance(dialect, str) and "/draft-0" in dialect
        """Up to draft 7 a reference stands for itself: what is beside it says nothing."""

    def fits(self, value: Json, schema: Json, *, depth: int) -> bool:
        """Whether it may fit."""
        self._steps += 1
        if schema is False:
            return False
        if not isinstance(schema, dict) or depth > DEEPEST or self._steps > MOST_STEPS:
            return True
        self._steps += sum(_length(schema.get(name)) for name in _LISTS)
        if value is None and schema.get("nullable") is True:
            return True
        if self._is_old and "$ref" in schema:
            return self.fits(value, self._referred(schema["$ref"]), depth=depth + 1)
        return (
            _has_type(value, schema.get("type"))
            and _is_listed(value, schema)
            and self._combines(value, schema, depth + 1)
            and self._has_form(value, schema, depth + 1)
        )

    def _combines(self, value: Json, schema: Mapping[str, Json], depth: int) -> bool:
        reference = schema.get("$ref")
        if reference and not self.fits(value, self._referred(reference), depth=depth):
            return False
        all_, any_ = schema.get("allOf"), schema.get("anyOf")
        if isinstance(all_, list) and not all(self.fits(value, s, depth=depth) for s in all_):
            return False
        # Of `oneOf` it is certain only that one has to fit: others may seem to.
        for some in (any_, schema.get("oneOf")):
            if isinstance(some, list) and not any(self.fits(value, s, depth=depth) for s in some):
                return False
        return True

    def _referred(self, reference: Json) -> Json:
        """The schema in the same document; True, which fits all, where there is none."""
        if not isinstance(reference, str) or not (reference + "/").startswith("#/"):
            return True
        found: Json = self._root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                return True
            found = found[name]
        return found

    def _has_form(self, value: Json, schema: Mapping[str, Json], depth: int) -> bool:
        match value:
            case dict():
                return self._is_object(value, schema, depth)
            case list():
                return self._is_array(value, schema, depth)
            case str():
                return _is_within(len(value), schema, "minLength", "maxLength")
            case int() | float() if not isinstance(value, bool):
                return _is_number_within(value, schema)
            case _:
                return True

    def _is_object(self, value: dict[str, Json], schema: Mapping[str, Json], depth: int) -> bool:
        required, known = schema.get("required"), schema.get("properties")
        names = required if isinstance(required, list) else []
        if any(isinstance(name, str) and name not in value for name in names):
            return False
        if not _is_within(len(value), schema, "minProperties", "maxProperties"):
            return False
        properties = known if isinstance(known, dict) else {}
        others = schema.get("additionalProperties", True)
        if "patternProperties" in schema:
            others = True
        return all(
            self.fits(each, properties.get(name, others), depth=depth)
            for name, each in value.items()
        )

    def _is_array(self, value: Sequence[Json], schema: Mapping[str, Json], depth: int) -> bool:
        if not _is_within(len(value), schema, "minItems", "maxItems"):
            return False
        first, rest = schema.get("prefixItems"), schema.get("items", True)
        schemas = first if isinstance(first, list) else []
        return all(
            self.fits(each, schemas[index] if index < len(schemas) else rest, depth=depth)
            for index, each in enumerate(value)
        )


def _length(listed: Json) -> int:
    return len(listed) if isinstance(listed, list) else 0


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Json) -> bool:
    """Whether it may be; of a number beyond all floats nobody can tell."""
    if isinstance(value, float):
        return value.is_integer() or math.isinf(value)
    return _is_number(value)


def _has_type(value: Json, wanted: Json) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    known = [_TYPES[name] for name in names if isinstance(name, str) and name in _TYPES]
    return len(known) < len(names) or any(is_one(value) for is_one in known)


def _is_listed(value: Json, schema: Mapping[str, Json]) -> bool:
    listed = schema.get("enum")
    if isinstance(listed, list) and not any(_is_same(value, each) for each in listed):
        return False
    return "const" not in schema or _is_same(value, schema["const"])


def _is_same(one: Json, other: Json) -> bool:
    """Equal as JSON has it: 1 and 1.0 are, 1 and true are not."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _is_within(size: float, schema: Mapping[str, Json], least: str, most: str) -> bool:
    low, high = schema.get(least), schema.get(most)
    return not (
        (isinstance(low, int | float) and size < low)
        or (isinstance(high, int | float) and size > high)
    )


def _is_number_within(value: float, schema: Mapping[str, Json]) -> bool:
    if not _is_within(value, schema, "minimum", "maximum"):
        return False
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return not (
        (_is_number(above) and value <= above)  # type: ignore[operator] # a number
        or (_is_number(below) and value >= below)  # type: ignore[operator] # a number
    )
