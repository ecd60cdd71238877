"""JSON from the mock fits the schema, whatever the schema; or there is none."""

import contextlib
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsoft_router.core.mock import CannotMock
from failsoft_router.core.mock.schema import Style, make, value_for
from failsoft_router.core.mock.schema.work import TooMuch, Work

RICH = Style(label="Mock answer", sentence="This is a mock answer.", lean=False)
LEAN = replace(RICH, lean=True)
STYLES = st.sampled_from([RICH, LEAN])
KEYS = st.binary(max_size=2)

NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "right": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "left", "right"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}


def made(schema: object, *, style: Style = RICH, key: bytes = b"") -> object:
    return value_for(json.loads(json.dumps(schema)), style, key)


def refused(schema: object) -> str:
    with pytest.raises(CannotMock) as failure:
        made(schema)
    return str(failure.value)


# A second opinion: JSON Schema read in another way, for plain values and plain patterns.

TYPES: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: is_number(value) and value == int(value),  # type: ignore[call-overload] # a number
    "number": lambda value: is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def written(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def keyword_holds(keyword: str, said: object, value: object, schema: dict, root: object) -> bool:  # type: ignore[type-arg] # any JSON
    """Whether one keyword of a schema lets the value pass."""

    def fits(inner: object, one: object = value) -> bool:
        return valid(one, inner, root)

    match keyword, said, value:
        case "type", str(), _:
            return TYPES[said](value)
        case "type", list(), _:
            return any(TYPES[name](value) for name in said)
        case "enum", list(), _:
            return written(value) in map(written, said)
        case "const", _, _:
            return written(value) == written(said)
        case "$ref", str(), _:
            *_, name = said.split("/")
            return fits(root if said == "#" else root["$defs"][name])  # type: ignore[index] # any JSON
        case "anyOf", list(), _:
            return any(map(fits, said))
        case "oneOf", list(), _:
            return sum(map(fits, said)) == 1
        case "allOf", list(), _:
            return all(map(fits, said))
        case "not", _, _:
            return not fits(said)
        case "minimum", int() | float(), int() | float() if is_number(value):
            return value >= said
        case "maximum", int() | float(), int() | float() if is_number(value):
            return value <= said
        case "exclusiveMinimum", int() | float(), int() | float() if is_number(value):
            return value > said
        case "exclusiveMaximum", int() | float(), int() | float() if is_number(value):
            return value < said
        case "multipleOf", int() | float(), int() | float() if is_number(value):
            return (value / said).is_integer()
        case "minLength", int(), str():
            return len(value) >= said
        case "maxLength", int(), str():
            return len(value) <= said
        case "minItems", int(), list():
            return len(value) >= said
        case "maxItems", int(), list():
            return len(value) <= said
        case "minProperties", int(), dict():
            return len(value) >= said
        case "maxProperties", int(), dict():
            return len(value) <= said
        case "pattern", str(), str():
            return re.search(said, value) is not None
        case "uniqueItems", True, list():
            return len(set(map(written, value))) == len(value)
        case "prefixItems", list(), list():
            return all(itertools.starmap(fits, zip(said, value, strict=False)))
        case "items", _, list():
            return all(fits(said, one) for one in value[len(schema.get("prefixItems", [])) :])
        case "required", list(), dict():
            return set(said) <= value.keys()
        case "properties", dict(), dict():
            return all(fits(said[name], value[name]) for name in said.keys() & value.keys())
        case "additionalProperties", _, dict():
            others = value.keys() - schema.get("properties", {}).keys()
            return all(fits(said, value[name]) for name in others)
    return True


def valid(value: object, schema: object, root: object) -> bool:
    if isinstance(schema, bool):
        return schema
    assert isinstance(schema, dict)
    return all(keyword_holds(word, said, value, schema, root) for word, said in schema.items())


# Schemas that can be met, made so that it is certain.

LEAVES = st.one_of(
    st.sampled_from([{}, True, {"type": "null"}, {"type": "boolean"}, {"type": "string"}]),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    st.sampled_from(
        [r"^[A-Z]{2}-\d{5}(?:-\d{4})?$", "a+", "^(?:red|green)$", "^[^@]+@[a-z.]+$", "[0-9a-f]{8}"]
    ).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.builds(
        lambda low, more, kind: {"type": kind, "minimum": low, "maximum": low + more},
        st.integers(-1000, 1000),
        st.integers(0, 1000),
        st.sampled_from(["integer", "number"]),
    ),
    st.builds(
        lambda low, more: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": more},
        st.floats(-10, 10),
        st.floats(11, 1e6),
    ),
    st.builds(
        lambda step, low: {"type": "number", "multipleOf": step, "minimum": low},
        st.sampled_from([1, 3, 0.5, 0.1, 0.01]),
        st.integers(-100, 100),
    ),
    st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=3), min_size=1).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from([["string", "null"], ["integer", "boolean"]]).map(lambda one: {"type": one}),
)


def objects(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    names = st.sampled_from(["name", "age", "tags", "größe", "$ref"])
    return st.builds(
        lambda properties, required, others: {
            "type": "object",
            "properties": properties,
            "required": sorted(required & properties.keys()),
            "additionalProperties": others,
        },
        st.dictionaries(names, inner, max_size=4),
        st.frozensets(names),
        st.booleans() | inner,
    )


def arrays(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.builds(
        lambda first, items, least, more: {
            "type": "array",
            "prefixItems": first,
            "items": items,
            "minItems": least,
            "maxItems": least + more,
        },
        st.lists(inner, min_size=1, max_size=2),
        inner,
        st.integers(0, 3),
        st.integers(0, 3),
    )


def choices(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        st.lists(inner, min_size=1, max_size=1).map(lambda parts: {"allOf": parts}),
        inner.map(
            lambda one: {
                "oneOf": [
                    {"type": "object", "properties": {"kind": {"const": kind}, "value": one}}
                    | {"required": ["kind", "value"]}
                    for kind in ("a", "b")
                ]
            }
        ),
    )


SATISFIABLE = st.recursive(
    LEAVES, lambda inner: objects(inner) | arrays(inner) | choices(inner), max_leaves=6
)


@settings(max_examples=50)
@given(schema=SATISFIABLE, style=STYLES, key=KEYS)
def test_what_is_made_fits(schema: object, style: Style, key: bytes) -> None:
    value = made(schema, style=style, key=key)

    assert valid(json.loads(json.dumps(value, allow_nan=False)), schema, schema)
    assert made(schema, style=style, key=key) == value


# Schemas of any keywords in any combination: most contradict themselves.

SMALL = st.integers(0, 6)
NAMES = st.sampled_from("abc")
TYPE_NAMES = st.sampled_from(sorted(TYPES))
REFERENCES = st.sampled_from(["#", "#/$defs/a", "#/$defs/b"]).map(lambda one: {"$ref": one})
"""Only for properties and items: a schema that refers to itself at once means nothing."""

PLAIN_KEYWORDS: dict[str, st.SearchStrategy[object]] = {
    "type": TYPE_NAMES | st.lists(TYPE_NAMES, min_size=1, max_size=2),
    "enum": st.lists(st.sampled_from(["a", 1, 1.5, None, True, [1], {"a": 1}]), min_size=1),
    "minimum": SMALL,
    "exclusiveMaximum": SMALL,
    "multipleOf": st.sampled_from([0.1, 2, 3]),
    "minLength": SMALL,
    "maxLength": SMALL,
    "pattern": st.sampled_from(["^a*$", "[bc]", r"\d{2}"]),
    "minItems": SMALL,
    "maxItems": SMALL,
    "uniqueItems": st.booleans(),
    "required": st.lists(NAMES, unique=True),
    "minProperties": SMALL,
    "maxProperties": SMALL,
}


def soup(keywords: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[dict[str, object]]:
    pairs = [st.tuples(st.just(keyword), said) for keyword, said in keywords.items()]
    return st.lists(st.one_of(pairs), max_size=4).map(dict)


def deeper_soup(inner: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    few = st.lists(inner, min_size=1, max_size=2)
    nested: dict[str, st.SearchStrategy[object]] = {
        "items": inner | REFERENCES,
        "prefixItems": few,
        "properties": st.dictionaries(NAMES, inner | REFERENCES, max_size=2),
        "additionalProperties": inner,
        "anyOf": few,
        "oneOf": few,
        "allOf": few,
        "not": inner,
    }
    return soup(nested | PLAIN_KEYWORDS)


SOUP = deeper_soup(deeper_soup(st.booleans() | soup(PLAIN_KEYWORDS)))


@settings(max_examples=50)
@given(schema=SOUP, named=st.tuples(SOUP, SOUP), style=STYLES, key=KEYS)
def test_what_contradicts_itself_is_refused_and_all_else_fits(
    schema: dict[str, object], named: tuple[object, object], style: Style, key: bytes
) -> None:
    root = schema | {"$defs": {"a": named[0], "b": named[1]}}
    try:
        value = made(root, style=style, key=key)
    except CannotMock:
        return

    assert valid(value, root, root)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "items", "enum", "$ref", "pattern", "minimum", "required"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=50)
@given(schema=JUNK, style=STYLES)
def test_junk_is_refused_and_nothing_else_happens(schema: object, style: Style) -> None:
    with contextlib.suppress(CannotMock):
        json.dumps(value_for(schema, style, b""))


# Schemas that would cost too much.


def test_a_budget_lasts_for_its_steps_and_no_more() -> None:
    work = Work(3)
    work.spend()
    work.spend(2)

    with pytest.raises(TooMuch, match=r"^the schema asks for too much$"):
        work.spend()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 300, "items": {"type": "array", "minItems": 300}},
        {"type": "array", "minItems": 500, "uniqueItems": True, "items": {"type": "integer"}},
        {"type": "array", "minItems": 99, "items": {"type": "string", "minLength": 4000}},
        {"type": "object", "minProperties": 10**9},
        {"type": "object", "required": [str(number) for number in range(9000)]},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"allOf": [{"a": number} for number in range(9000)]},
        {"allOf": [{"enum": list(range(5000))}, {"enum": list(range(5000, 9999))}]},
        {"oneOf": [{"const": 1}] * 5000},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        {"type": "string", "pattern": "((a{1000}){1000}){1000}"},
        {"enum": ["a" * 9000 + "!"], "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "(" * 5000},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
def test_a_schema_that_asks_for_too_much_is_refused_at_little_cost(
    schema: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is counted in steps, so that the limit is the same on every machine."""
    spent = []

    class Counted(Work):
        def spend(self, steps: int = 1) -> None:
            spent.append(steps)
            super().spend(steps)

    monkeypatch.setattr(make, "Work", Counted)

    assert refused(schema)
    assert sum(spent[:-1]) <= 4000


def test_a_pattern_that_would_take_an_engine_for_ever_takes_no_time() -> None:
    value = made({"type": "string", "pattern": "^(a+)+$", "minLength": 200})

    assert value == "a" * 200


def test_a_schema_that_leads_into_itself_ends() -> None:
    assert made(NODE, style=LEAN) == {"value": made({"type": "integer"}, style=LEAN)} | {
        "left": None,
        "right": None,
    }
    assert valid(made(NODE), NODE, NODE)


# Examples, keyword by keyword.


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("date", date.fromisoformat),
        ("date-time", lambda text: datetime.fromisoformat(text).astimezone()),
        ("uuid", UUID),
        ("email", re.compile(r"mock-\d+@example\.com").fullmatch),
        ("uri", re.compile(r"https://example\.com/mock/\d+").fullmatch),
        ("hostname", re.compile(r"mock-\d+\.example\.com").fullmatch),
        ("ipv4", re.compile(r"192\.0\.2\.\d{1,3}").fullmatch),
        ("ipv6", re.compile(r"2001:db8::\d{4}").fullmatch),
        ("time", re.compile(r"\d\d:\d\d:\d\dZ").fullmatch),
        ("duration", re.compile(r"PT\d+S").fullmatch),
        ("markdown", re.compile("(This is a m|M)ock answer.?").fullmatch),
    ],
)
def test_a_string_has_its_format(name: str, read: Callable[[str], object]) -> None:
    for key in (b"1", b"2", b"3"):
        value = made({"type": "string", "format": name}, key=key)

        assert isinstance(value, str)
        assert read(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": {"a": [1]}}, {"a": [1]}),
        ({"enum": [1, "a"], "type": "string"}, "a"),
        ({"enum": [1, 2, 3], "not": {"enum": [1, 3]}}, 2),
        ({"type": "integer", "minimum": 3, "exclusiveMaximum": 4}, 3),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.5}, 0.5),
        ({"type": "integer", "multipleOf": 4, "allOf": [{"multipleOf": 6}], "minimum": 25}, 60),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}], "minimum": 0, "maximum": 0.1}, 0.1),
        ({"type": "string", "maxLength": 4}, "Mock"),
        ({"type": "string", "minLength": 23, "maxLength": 23}, "Mock answer Mock answer"),
        ({"type": ["string", "null"]}, "Mock answer"),
        ({"properties": {"a": {"const": 1}}, "required": ["a"]}, {"a": 1}),
        ({"properties": {"a": {"const": 1}}, "minProperties": 1}, {"a": 1}),
        ({"additionalProperties": {"const": 1}, "minProperties": 2}, {"mock": 1, "mock_2": 1}),
        ({"patternProperties": {"^m": {"const": 2}}, "minProperties": 1}, {"mock": 2}),
        ({"items": [{"const": 1}], "additionalItems": {"const": 2}, "minItems": 2}, [1, 2]),
        ({"type": "array", "items": {"enum": [1, 1.0]}, "minItems": 1}, [1]),
        ({"$defs": {"a/b": {"const": 1}}, "$ref": "#/$defs/a~1b"}, 1),
        ({"$defs": {"ä": [{"const": 1}]}, "$ref": "#/$defs/%C3%A4/0"}, 1),
        ({"$ref": "#/$defs/a", "minimum": 7, "$defs": {"a": {"type": "integer", "maximum": 7}}}, 7),
        ({"title": "if", "description": "x", "default": 5, "x-order": 1, "type": "null"}, None),
    ],
)  # fmt: skip
def test_the_lean_value(schema: object, value: object) -> None:
    assert made(schema, style=LEAN) == value


def test_a_format_is_kept_where_there_is_a_pattern_too() -> None:
    value = made({"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"})

    assert date.fromisoformat(str(value)).isoformat() == value


def test_items_that_must_differ_do() -> None:
    schema = {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"enum": [1, 2, 3]}}
    value = made(schema)

    assert isinstance(value, list)
    assert sorted(value) == [1, 2, 3]


def test_objects_that_must_differ_do() -> None:
    person = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    schema = {"type": "array", "minItems": 3, "uniqueItems": True, "items": person}

    assert valid(made(schema, style=LEAN), schema, schema)


def test_a_branch_that_is_not_understood_is_left_for_the_next() -> None:
    assert made({"anyOf": [{"if": {}}, {"type": "null"}]}, style=LEAN) is None


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"contains": {}}, "the schema uses `contains`"),
        ({"$ref": "other.json"}, "the schema has a `$ref` that leads out of it"),
        ({"$ref": "#/$defs/x"}, "the schema has a `$ref` that leads nowhere"),
        ({"type": "string", "pattern": "(?=a)"}, "a `pattern` that is broken or not a simple one"),
        ({"type": "string", "pattern": "[\ud800-\ud900&&x]("}, "broken or not a simple one"),
        ({"minLength": "3"}, "the schema's `minLength` is broken or of an old draft"),
        ({"exclusiveMinimum": True}, "the schema's `exclusiveMinimum` is broken or of an old"),
        ({"multipleOf": 0}, "the schema's `multipleOf` is broken"),
        ({"enum": []}, "the schema's `enum` is broken"),
        ({"type": "integer", "minimum": 10**400}, "a number that is too great"),
        ({"type": "string", "allOf": [{"type": "null"}]}, "the schema contradicts itself"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "the schema contradicts itself"),
        ({"type": "object", "required": ["a"], "maxProperties": 0}, "more properties than it"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "it requires"),
        (False, "the schema forbids what it requires"),
        (5, "the schema is broken"),
        ({"type": "string", "allOf": [{"format": "date"}, {"format": "uuid"}]}, "two formats"),
    ],
)
def test_what_cannot_be_met_is_named(schema: object, reason: str) -> None:
    assert reason in refused(schema)
