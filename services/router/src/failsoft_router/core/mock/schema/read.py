"""Keywords of a schema, each read as the type that it must have.

Every function raises `Unfit` where the keyword has another.
"""

from fractions import Fraction

from failsoft_router.core.mock.schema.numbers import exact
from failsoft_router.core.mock.schema.work import Unfit

Schema = dict[str, object]

_TYPES = {
    "object": {"object"},
    "array": {"array"},
    "string": {"string"},
    "number": {"integer", "fraction"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "null": {"null"},
}


def types(schema: Schema) -> frozenset[str]:
    """The types that `type` allows."""
    given = schema["type"]
    names = given if isinstance(given, list) else [given]
    found: set[str] = set()
    for name in names:
        if not isinstance(name, str) or name not in _TYPES:
            raise _broken("type")
        found |= _TYPES[name]
    return frozenset(found)


def schemas(schema: Schema, keyword: str) -> list[object]:
    """A list of schemas; empty where the keyword is absent."""
    return array(schema, keyword) if keyword in schema else []


def array(schema: Schema, keyword: str) -> list[object]:
    """A list of anything, that is not empty."""
    value = schema[keyword]
    if not isinstance(value, list) or not value:
        raise _broken(keyword)
    return value


def names(schema: Schema, keyword: str) -> list[str]:
    """A list of strings; empty where the keyword is absent."""
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise _broken(keyword)
    found = []
    for name in value:
        if not isinstance(name, str):
            raise _broken(keyword)
        found.append(name)
    return found


def mapping(schema: Schema, keyword: str) -> Schema:
    """An object; empty where the keyword is absent."""
    value = schema.get(keyword, {})
    if not isinstance(value, dict):
        raise _broken(keyword)
    return value


def text(schema: Schema, keyword: str) -> str:
    """A string."""
    value = schema[keyword]
    if not isinstance(value, str):
        raise _broken(keyword)
    return value


def count(schema: Schema, keyword: str) -> int | None:
    """An integer from 0; None where the keyword is absent."""
    value = _number(schema, keyword)
    if value is None:
        return None
    if value < 0 or exact(value).denominator != 1:
        raise _broken(keyword)
    return int(value)


def bound(schema: Schema, keyword: str) -> Fraction | None:
    """A number; None where the keyword is absent."""
    value = _number(schema, keyword)
    return None if value is None else exact(value)


def step(schema: Schema) -> float | None:
    """The number of `multipleOf`, above 0; None where it is absent."""
    value = _number(schema, "multipleOf")
    if value is not None and exact(value) <= 0:
        raise _broken("multipleOf")
    return value


def _number(schema: Schema, keyword: str) -> float | None:
    value = schema.get(keyword)
    if value is None and keyword not in schema:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _broken(keyword)
    return value


def _broken(keyword: str) -> Unfit:
    return Unfit(f"the schema's `{keyword}` is broken or of an old draft")
