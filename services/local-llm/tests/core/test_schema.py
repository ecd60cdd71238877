"""What of JSON Schema an answer can be held to, and what is refused with its place."""

import json
import time

import pytest

from failsoft_local_llm.core.references import Json
from failsoft_local_llm.core.schema import problems
from failsoft_local_llm.core.weight import COUNTLESS, MOST_REPETITIONS


def places(schema: Json) -> list[str]:
    return [problem.place for problem in problems(json.dumps(schema))]


def of(**properties: Json) -> dict[str, Json]:
    return {"type": "object", "properties": dict(properties)}


def of_many(number: int, schema: Json) -> dict[str, Json]:
    """Properties that are all alike: p0, p1, …"""
    return of(**{f"p{count}": schema for count in range(number)})


HELD: list[Json] = [
    {},
    {"type": "object"},
    {"type": ["string", "null"], "maxLength": 3},
    {"title": "Place", "description": "Of a city", "default": 1, "type": "integer"},
    {**of(a={"type": "boolean"}), "required": ["a"], "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"type": "array", "prefixItems": [{"type": "integer"}], "items": False},
    {"type": "array", "items": True, "minItems": 1, "maxItems": 4},
    {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
    {"type": "string", "pattern": "^[a-z]{1,8}$"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "enum": ["a", "b"]},
    {"const": {"a": 1}},
    {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
    {**of(a={"$ref": "#/$defs/x~1y"}), "$defs": {"x/y": {"type": "boolean"}}},
    of(next={"$ref": "#"}),
    {"oneOf": [of(kind={"const": "cat"})], "discriminator": {"propertyName": "kind"}},
]


@pytest.mark.parametrize("schema", HELD, ids=json.dumps)
def test_what_engines_keep_is_no_problem(schema: Json) -> None:
    assert places(schema) == []


IGNORED: list[tuple[Json, str]] = [
    ({"type": "array", "uniqueItems": True}, "/uniqueItems"),
    ({"type": "number", "multipleOf": 3}, "/multipleOf"),
    ({"not": {"type": "string"}}, "/not"),
    ({"type": "string", "format": "colour"}, "/format"),
    ({"type": "string", "pattern": r"\bfoo"}, "/pattern"),
    ({"type": "string", "pattern": "(?=x)y"}, "/pattern"),
    (of(a={"type": "string", "pattern": r"\p{L}+"}), "/properties/a/pattern"),
    ({"type": "string", "pattern": "a+", "maxLength": 3}, "/maxLength"),
    ({"maxLength": 3}, "/maxLength"),
    ({"type": "number", "minimum": 0.5}, "/minimum"),
    ({"type": ["integer", "number"], "minimum": 1}, "/minimum"),
    ({**of(a={}), "required": ["a", "b"]}, "/required/1"),
    ({"type": "object", "required": ["a"]}, "/required/0"),
    ({"type": "integer", "enum": [1, "x"]}, "/enum"),
    ({"type": "integer", "const": True}, "/const"),
    ({"enum": ["a"], "maxLength": 1}, "/maxLength"),
    ({"anyOf": [{}], "type": "string"}, "/type"),
    ({"$ref": "#/$defs/x", "minLength": 1, "$defs": {"x": {}}}, "/minLength"),
    ({"allOf": [{}, {}]}, "/allOf"),
    ({"type": "object", "patternProperties": {"^a": {}}}, "/patternProperties"),
]


@pytest.mark.parametrize(("schema", "place"), IGNORED, ids=lambda each: json.dumps(each))
def test_what_engines_pass_over_in_silence_is_refused_at_its_place(
    schema: Json, place: str
) -> None:
    """The answer would be taken for one that keeps it."""
    assert places(schema) == [place]


MEANINGLESS: list[tuple[Json, str]] = [
    ({"type": "nonsense"}, "/type"),
    ({"type": 5}, "/type"),
    ({"type": "object", "properties": 5}, "/properties"),
    ({"enum": []}, "/enum"),
    ({"anyOf": {}}, "/anyOf"),
    ({"anyOf": [False]}, "/anyOf/0"),
    ({"$ref": "#/$defs/x"}, "/$ref"),
    ({"$ref": "https://example.com/x"}, "/$ref"),
    ({"type": "string", "format": []}, "/format"),
    ({"type": "string", "pattern": 5}, "/pattern"),
    ({"$ref": "#"}, "/$ref"),
    ({"$ref": "#x/$defs/y", "$defs": {"y": {}}}, "/$ref"),
    ({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}, "/$ref"),
]


@pytest.mark.parametrize(("schema", "place"), MEANINGLESS, ids=lambda each: json.dumps(each))
def test_what_is_no_schema_is_refused_at_its_place(schema: Json, place: str) -> None:
    assert place in places(schema)


def test_a_problem_is_found_however_deep_it_is() -> None:
    inner: dict[str, Json] = {"b/c": {"anyOf": [{"not": {}}]}}
    deep = of(a={"type": "array", "items": of(**inner)})

    assert places(deep) == ["/properties/a/items/properties/b~1c/anyOf/0/not"]
    assert places({"$defs": {"x": {"not": {}}}}) == ["/$defs/x/not"]


def text(most: int) -> Json:
    return {"type": "string", "maxLength": most}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": f"a{{1,{MOST_REPETITIONS + 1}}}"},
        {"type": "string", "pattern": f"a{{{MOST_REPETITIONS + 1},}}"},
        {"type": "string", "pattern": "(?:(?:(?:a{99}){99}){99})"},
        of(a=text(1000), b=text(2000), c=text(3000), d=text(101)),
        of(a=text(1000), b=text(2000), c=text(3000), d={"type": "string", "minLength": 101}),
        of(**{f"p{length}": text(length) for length in range(100, 110)}),
    ],
    ids=["pattern", "open pattern", "nested pattern", "long", "least", "different"],
)
def test_counts_that_take_minutes_to_compile_are_refused(schema: Json) -> None:
    [problem] = problems(json.dumps(schema))

    assert str(MOST_REPETITIONS) in problem.why


ORDINARY: dict[str, Json] = {
    "a long text": text(50_000),
    "database columns": of_many(100, text(255)),
    "an article": of(title=text(200), summary=text(500), body=text(20_000), tag=text(50)),
    "many items": {"type": "array", "items": {"type": "integer"}, "maxItems": 10_000},
    "many names": {"type": "object", "additionalProperties": True, "maxProperties": 10_000},
    "times": of_many(
        20, {"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$"}
    ),
}


@pytest.mark.parametrize("schema", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_bounds_are_held(schema: Json) -> None:
    """Each compiles in seconds at most: what was met before costs nothing, nor do arrays."""
    assert places(schema) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(?:" + "abcdefgh" * 500 + "){9}"},
        {"type": "string", "pattern": "a?b*" * 17},
        of_many(257, {"type": "string", "pattern": "a?b*"}),
        of_many(201, {"type": "integer"}),
        {**of_many(101, {"type": "integer"}), "minProperties": 1},
        {**of_many(101, {"type": "integer"}), "maxProperties": 50},
    ],
    ids=["a long text, often", "pattern", "patterns together", "optional", "least", "most"],
)
def test_what_takes_minutes_to_compile_is_refused_as_a_whole(schema: Json) -> None:
    assert places(schema) == [""]


def test_properties_that_must_be_there_cost_little() -> None:
    needed: list[Json] = [f"p{number}" for number in range(1000)]

    assert places({**of_many(1000, {"type": "integer"}), "required": needed}) == []


@pytest.mark.parametrize("keyword", ["maxLength", "minLength", "maxItems", "maxProperties"])
def test_a_bound_of_any_length_is_a_refusal_and_no_crash(keyword: str) -> None:
    """Python makes no text of a number with more digits than it would read."""
    huge: Json = {"type": ["string", "array", "object"], keyword: int("9" * 4300)}
    pattern: Json = {"type": "string", "pattern": "a{" + "9" * 5000 + "}"}

    [problem] = problems(json.dumps(of(a=huge, b=huge, c=pattern)))

    assert f"{COUNTLESS} or more" in problem.why


@pytest.mark.parametrize("keyword", ["maxLength", "maxItems", "maxProperties"])
def test_a_bound_that_engines_would_take_for_a_small_one_is_refused(keyword: str) -> None:
    assert places({"type": ["string", "array", "object"], keyword: 2**32 + 5}) == [""]


def chain(links: int, last: Json) -> Json:
    """A document full of references, each to the next."""
    definitions: dict[str, Json] = {
        f"{number:x}": {"$ref": f"#/$defs/{number + 1:x}"} for number in range(links)
    }
    return {"type": "object", "$defs": {**definitions, f"{links:x}": last}}


@pytest.mark.parametrize(
    ("last", "found"), [({"type": "null"}, 0), ({"$ref": "#/$defs/0"}, 2001), (5, 2001)]
)
def test_a_chain_of_references_is_followed_once(last: Json, found: int) -> None:
    """All streams of the process stand still meanwhile."""
    schema_json = json.dumps(chain(2000, last))
    assert len(schema_json) < 64 * 1024

    began = time.process_time()
    told = problems(schema_json)

    assert time.process_time() - began < 2.0
    assert len(told) == found


def test_a_long_name_is_no_burden_on_all_that_stands_below_it() -> None:
    many: dict[str, Json] = {f"{number:x}": False for number in range(2000)}
    deep: dict[str, Json] = {"x" * 30_000: of(**many)}

    told = problems(json.dumps(of(**deep)))

    assert sum(len(problem.place) for problem in told) < 2000 * 300


def test_a_place_is_told_but_not_at_any_length() -> None:
    endless: dict[str, Json] = {"x" * 5000: {"not": {}}}

    [problem] = problems(json.dumps(of(**endless)))

    assert len(str(problem)) < 300
