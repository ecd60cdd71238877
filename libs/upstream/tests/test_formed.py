"""JSON is answered where it is asked for, by the schema that comes with it."""

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from failsoft_upstream.formed import formed

SCHEMAS: dict[str, dict[str, object]] = {
    "place": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
        "additionalProperties": False,
    },
    "everything": {
        "type": "object",
        "properties": {
            "words": {"type": "string", "maxLength": 5},
            "code": {"type": "string", "minLength": 40},
            "count": {"type": "integer", "minimum": 3},
            "share": {"type": "number", "maximum": 0.5},
            "sure": {"type": "boolean"},
            "nothing": {"type": "null"},
            "colour": {"enum": ["red", "green"]},
            "kind": {"const": "a"},
            "maybe": {"type": ["null", "string"]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "many": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "none": {"type": "array", "minItems": 0},
        },
    },
    "a tree": {
        "type": "object",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "below": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["name"],
            }
        },
        "properties": {"root": {"$ref": "#/$defs/node"}},
    },
    "a list": {"type": "array", "items": {"type": "string"}},
}


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_answer_keeps_the_schema(name: str) -> None:
    answer = json.loads(formed(SCHEMAS[name], "“Hello” there"))

    Draft202012Validator(SCHEMAS[name]).validate(answer)


def test_without_a_schema_any_object_will_do() -> None:
    assert json.loads(formed({}, "hello")) == {"answer": "hello"}


def test_what_has_to_hold_itself_ends() -> None:
    endless = {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]}

    json.loads(formed(endless, "hello"))
