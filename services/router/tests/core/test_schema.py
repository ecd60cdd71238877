"""A value that surely does not fit its schema is told from all others, and nothing else is said."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.schema import misfits

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYWORDS = st.sampled_from(
    (
        *("type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf", "required", "properties"),
        *("additionalProperties", "items", "prefixItems", "minItems", "maxLength", "minimum"),
        *("exclusiveMaximum", "minProperties", "patternProperties", "$defs", "pattern"),
    )
)
SCHEMAS = st.recursive(
    JSON,
    lambda inner: st.dictionaries(KEYWORDS, inner | st.lists(inner, max_size=3), max_size=5),
    max_leaves=12,
)
DRAFT_7 = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "definitions": {"name": {"type": "string"}},
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
        "friend": {"$ref": "#"},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (PERSON, {"name": "Ann", "age": 3, "tags": ["a"], "friend": {"name": "Bo", "age": None}}),
        (PERSON, {"name": "Ann", "age": 3.0}),
        (True, "anything"),
        ({}, "anything"),
        ({"type": "unheard-of"}, 1),
        ({"pattern": "^a$"}, "b"),
        ({"$ref": "https://elsewhere.example.com/x"}, 1),
        ({"$ref": "#anchor", "type": "integer"}, 1),
        ({"$ref": "#/$defs/none"}, 1),
        ({**DRAFT_7, "$ref": "#/definitions/name", "type": "object"}, "Ann"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1),
        ({"not": {}}, 1),
        (
            {"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False},
            {"x": 1},
        ),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", 1]),
        ({"items": [{"type": "string"}]}, [1]),
        ({"const": 1}, 1.0),
        ({"type": "integer"}, json.loads("1e400")),
        ({"type": "string", "enum": ["a"], "nullable": True}, None),
        ({"minimum": True, "required": [["x"]], "enum": 5}, 3),
    ],
)
def test_what_may_fit_fits(schema: object, value: object) -> None:
    assert not misfits(value, schema)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (PERSON, []),
        (PERSON, {}),
        (PERSON, {"name": ""}),
        (PERSON, {"name": "Ann", "age": -1}),
        (PERSON, {"name": "Ann", "age": 1.5}),
        (PERSON, {"name": "Ann", "age": True}),
        (PERSON, {"name": "Ann", "tags": ["c"]}),
        (PERSON, {"name": "Ann", "tags": ["a", "b", "a"]}),
        (PERSON, {"name": "Ann", "other": 1}),
        (PERSON, {"name": "Ann", "friend": {}}),
        (False, 1),
        ({"const": 1}, True),
        ({"type": "string", "nullable": True}, 1),
        ({"type": "string", "nullable": False}, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"type": "string"}]}, 1),
        ({"allOf": [{"type": "integer"}, {"maximum": 3}]}, 4),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}}, 1),
        ({**DRAFT_7, "$ref": "#/definitions/name"}, 1),
        ({**DRAFT_7, "items": {"$ref": "#/definitions/name"}}, [1]),
        ({"exclusiveMinimum": 3}, 3),
        ({"exclusiveMaximum": 3}, 3),
        ({"minItems": 1}, []),
        ({"maxProperties": 0}, {"a": 1}),
        ({"prefixItems": [{"type": "string"}]}, [1]),
    ],
)
def test_what_surely_does_not_fit_misfits(schema: object, value: object) -> None:
    assert misfits(value, schema)


@given(value=JSON, schema=SCHEMAS)
def test_whatever_a_schema_says_it_is_judged(value: object, schema: object) -> None:
    assert misfits(value, schema) in (True, False)


def test_a_schema_that_leads_to_itself_for_ever_is_given_up() -> None:
    assert not misfits(1, {"$ref": "#"})
    assert not misfits(1, {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]})


def test_a_schema_that_doubles_the_work_at_each_level_costs_little() -> None:
    """Judged by the clock, with room: without the bound it would take years."""
    doubling: dict[str, object] = {"type": "string"}
    for _ in range(60):
        doubling = {"anyOf": [doubling, doubling]}
    began = time.process_time()

    misfits(1, doubling)

    assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    "listing",
    [
        {"enum": [*range(20_000), "x"]},
        {"type": [*["unheard-of"] * 20_000, "string"]},
        {"required": [["x"]] * 20_000},
    ],
)
def test_a_long_list_that_each_value_is_held_against_costs_little(
    listing: dict[str, object],
) -> None:
    """Judged by the clock, with room: without the bound it would take most of a minute."""
    values = [{} if "required" in listing else "x"] * 50_000
    began = time.process_time()

    misfits(values, {"items": listing})

    assert time.process_time() - began < 5.0


def test_a_large_answer_is_judged_as_far_as_it_is_looked_at() -> None:
    many = json.loads("[" + "1," * 50_000 + "1]")

    assert misfits([*many, "x"], {"type": "array", "items": {"type": "integer"}})
