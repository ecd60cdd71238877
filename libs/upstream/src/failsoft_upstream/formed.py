"""An answer in the form that was asked for: the plainest JSON that keeps a schema.

Of JSON Schema it knows types, properties, items, `enum`, `const`, `anyOf`, `oneOf`, references
into `$defs`, lengths and least values; what else a schema demands may not be kept.
"""

import json
from collections.abc import Mapping

Schema = Mapping[str, object]

_DEEPEST = 8
"""Levels below which only what is required is given, so that what holds itself ends."""
_NO_FURTHER = 64
"""What has to hold itself has no end, and nothing keeps such a schema."""


def formed(schema: Schema, words: str) -> str:
    """JSON by the schema, with the words where it has room for words.

    Args:
        schema: Empty: any object.
    """
    value = _value(schema or {"type": "object", "properties": {"answer": {}}}, schema, words, 0)
    return json.dumps(value, ensure_ascii=False)


def _value(schema: Schema, root: Schema, words: str, depth: int) -> object:
    if depth > _NO_FURTHER:
        return None
    if "const" in schema:
        return schema["const"]
    for name in ("enum", "anyOf", "oneOf"):
        among = schema.get(name)
        if isinstance(among, list) and among:
            return among[0] if name == "enum" else _value(_map(among[0]), root, words, depth)
    if isinstance(reference := schema.get("$ref"), str):
        return _value(_referred(reference, root), root, words, depth + 1)
    match _type(schema):
        case "object":
            return _object(schema, root, words, depth)
        case "array":
            least = schema.get("minItems", 1 if depth < _DEEPEST else 0)
            item = _value(_map(schema.get("items")), root, words, depth + 1) if least else None
            return [item] * (least if isinstance(least, int) else 1)
        case "integer" | "number":
            return schema.get("minimum", schema.get("maximum", 0))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema, words)


def _object(schema: Schema, root: Schema, words: str, depth: int) -> object:
    properties = _map(schema.get("properties"))
    required = schema.get("required")
    names = list(properties)
    if depth >= _DEEPEST and isinstance(required, list):
        names = [name for name in names if name in required]
    return {name: _value(_map(properties[name]), root, words, depth + 1) for name in names}


def _text(schema: Schema, words: str) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    text = words[:most] if isinstance(most, int) else words
    return text.ljust(least, ".") if isinstance(least, int) else text


def _type(schema: Schema) -> str:
    """The first type that is not null; an object where properties say so."""
    kinds = schema.get("type", "object" if "properties" in schema else "")
    named = kinds if isinstance(kinds, list) else [kinds]
    # Gemini's own schemas name types in capital letters.
    return next((str(kind).lower() for kind in named if kind != "null"), "null")


def _referred(reference: str, root: Schema) -> Schema:
    found: object = root
    for step in reference.removeprefix("#/").split("/"):
        found = _map(found).get(step)
    return _map(found)


def _map(value: object) -> Schema:
    return value if isinstance(value, dict) else {}
