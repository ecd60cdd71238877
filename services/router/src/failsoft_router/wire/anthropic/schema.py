"""A caller's JSON Schema as structured outputs take it.

They take a subset: each object has to name its properties and to allow no others, numbers
and texts have no bounds, and unions are `anyOf`. What is narrowed loses nothing, for every
answer that fits it fits the caller's schema; bounds that are left out do.
"""

from collections.abc import Mapping

import orjson

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed

Json = dict[str, object]

_BOUNDS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    }
)
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_MOST_MIN_ITEMS = 1
_OF_NAMED = ("properties", "$defs", "definitions")
_OF_LIST = ("anyOf", "oneOf", "allOf")


def read_schema(schema_json: str) -> Json:
    """A caller's schema.

    Raises:
        AttemptFailed: `UNSUPPORTED`: not every reader of JSON takes it, for half a surrogate
            or a number without bounds; nothing was sent.
    """
    try:
        schema: Json = orjson.loads(schema_json)
    except orjson.JSONDecodeError as error:
        raise AttemptFailed(
            ErrorClass.UNSUPPORTED, "a schema is no JSON that everybody reads", sent=False
        ) from error
    return schema


class Narrowing:
    """One schema, narrowed.

    Attributes:
        schema: As the API takes it.
        is_lossy: Something was left out that an answer has to keep.
    """

    def __init__(self, schema_json: str) -> None:
        """
        Raises:
            AttemptFailed: As `read_schema`, and where an object whose properties have no names
                of their own cannot be asked for.
        """
        self.is_lossy = False
        self.schema = self._narrow(read_schema(schema_json))

    def _narrow(self, schema: object) -> object:
        if not isinstance(schema, dict):
            return schema
        narrowed: Json = {}
        for key, value in schema.items():
            if self._is_left_out(key, value):
                self.is_lossy = True
            else:
                narrowed["anyOf" if key == "oneOf" else key] = self._value(key, value)
        if _is_object(schema):
            _refuse_open(schema)
            narrowed["additionalProperties"] = False
        return narrowed

    def _value(self, key: str, value: object) -> object:
        if key in _OF_NAMED and isinstance(value, dict):
            return {name: self._narrow(each) for name, each in value.items()}
        if key in _OF_LIST and isinstance(value, list):
            return [self._narrow(each) for each in value]
        return self._narrow(value) if key == "items" else value

    def _is_left_out(self, key: str, value: object) -> bool:
        if key == "minItems":
            return isinstance(value, int) and value > _MOST_MIN_ITEMS
        if key == "format":
            return isinstance(value, str) and value not in _FORMATS
        return key in _BOUNDS


def _is_object(schema: Mapping[str, object]) -> bool:
    return schema.get("type") == "object" or "properties" in schema


def _refuse_open(schema: Mapping[str, object]) -> None:
    if not schema.get("properties") or schema.get("additionalProperties") not in (None, False):
        raise AttemptFailed(
            ErrorClass.UNSUPPORTED,
            "the model is not asked for objects whose properties have no names",
            sent=False,
        )
