"""The part of JSON Schema that an answer can be held to while it is generated.

Both engines compile schemas with xgrammar, which passes over in silence what it does not know: an
answer would then be taken for one that keeps a rule that nobody looked at. So what is not listed
here is refused, with its place, and so is a `pattern` that it would misread. What is listed was
seen to be kept, where it stands alone: beside `enum`, `$ref` and their like xgrammar looks at
nothing else. What would take minutes to compile is refused as a whole.

Of `oneOf` it takes the first that fits, as of `anyOf`: the alternatives are thought to be disjoint.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from failsoft_local_llm.core import regex
from failsoft_local_llm.core.references import Json, References
from failsoft_local_llm.core.weight import COUNTLESS, Weight

_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"}
    | {"readOnly", "writeOnly", "discriminator"}
)
"""What holds an answer to nothing; `discriminator` is OpenAPI's, and names what the alternatives of
a `oneOf` already say."""
_DEFINITIONS = frozenset({"$defs", "definitions"})
_OF_TYPE = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "minProperties": "object",
    "maxProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "maxItems": "array",
    "pattern": "string",
    "format": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "integer",
    "maximum": "integer",
    "exclusiveMinimum": "integer",
    "exclusiveMaximum": "integer",
}
"""Each constraint, and the type that must be written beside it. Bounds of `number` are not held:
xgrammar takes their decimal point for any character, and lets answers through that are no JSON."""
_ALONE = ("$ref", "enum", "const", "anyOf", "oneOf", "allOf")
"""Each of these is the only one that is looked at."""
_TYPES = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_FORMATS = frozenset(
    {"email", "date", "time", "date-time", "duration", "ipv4", "ipv6", "hostname", "uuid", "uri"}
    | {"uri-reference", "uri-template", "json-pointer", "relative-json-pointer"}
)
_BOUNDS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
_LONGEST_PLACE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that an answer cannot be held to."""

    place: str
    """Where it stands, as a JSON pointer."""
    why: str

    def __str__(self) -> str:
        return f"{self.place[:_LONGEST_PLACE] or '/'}: {self.why}"


def problems(schema_json: str) -> list[Problem]:
    """All that an answer cannot be held to; empty: the schema can be compiled, as far as is known.

    Args:
        schema_json: A JSON object, not too deep: checked already.
    """
    schema: Json = json.loads(schema_json)
    found = list(_schema(schema, References(schema), ""))
    if (why := _weight(schema).excess()) is not None:
        found.append(Problem(place="", why=why))
    return found


def weight(schema_json: str) -> Weight:
    """What it costs to compile it.

    Args:
        schema_json: As for `problems`.
    """
    return _weight(json.loads(schema_json))


def _schema(schema: Json, references: References, place: str) -> Iterator[Problem]:
    if schema is True:
        return
    if not isinstance(schema, dict):
        yield Problem(place=place, why="this is no schema that anything matches")
        return
    for keyword in sorted(_DEFINITIONS & schema.keys()):
        yield from _named(schema[keyword], references, f"{place}/{keyword}")
    rules = {key: value for key, value in schema.items() if key not in _ANNOTATIONS | _DEFINITIONS}
    for keyword in _ALONE:
        if keyword in rules:
            yield from _alone(keyword, rules, references, place)
            return
    yield from _typed(rules, references, place)


def _alone(
    keyword: str, rules: dict[str, Json], references: References, place: str
) -> Iterator[Problem]:
    value, here = rules[keyword], f"{place}/{keyword}"
    allowed = {keyword, "type"} if keyword in {"enum", "const"} else {keyword}
    for other in sorted(rules.keys() - allowed):
        yield Problem(place=f"{place}/{other}", why=f"beside {keyword} it would not be looked at")
    match keyword:
        case "$ref":
            if (why := references.problem(value)) is not None:
                yield Problem(place=here, why=why)
        case "const":
            yield from _values([value], rules.get("type"), here)
        case "enum":
            yield from _values(value, rules.get("type"), here)
        case "allOf" if isinstance(value, list) and len(value) > 1:
            yield Problem(place=here, why="only one schema can be held here")
        case _:
            yield from _listed(value, references, here)


def _typed(rules: dict[str, Json], references: References, place: str) -> Iterator[Problem]:
    types = _types(rules.get("type"))
    if types - _TYPES.keys():
        yield Problem(place=f"{place}/type", why="this is no type")
    for keyword, value in rules.items():
        here = f"{place}/{keyword}"
        if keyword == "type":
            continue
        if (wanted := _OF_TYPE.get(keyword)) is None:
            yield Problem(place=here, why="no answer can be held to this keyword")
        elif wanted not in types or (wanted == "integer" and "number" in types):
            yield Problem(place=here, why=f'it needs "type": "{wanted}" beside it')
        else:
            yield from _constraint(keyword, value, rules, references, here)


def _constraint(
    keyword: str, value: Json, rules: dict[str, Json], references: References, here: str
) -> Iterator[Problem]:
    match keyword:
        case "properties":
            yield from _named(value, references, here)
        case "required":
            yield from _required(value, rules.get("properties"), here)
        case "prefixItems":
            yield from _listed(value, references, here)
        case "additionalProperties" | "items" if value is not False:
            yield from _schema(value, references, here)
        case "format" if not isinstance(value, str) or value not in _FORMATS:
            yield Problem(place=here, why="this format is not known")
        case "pattern":
            why = regex.misread(value) if isinstance(value, str) else "it must be a text"
            if why is not None:
                yield Problem(place=here, why=why)
        case "minLength" | "maxLength" if rules.keys() & {"pattern", "format"}:
            yield Problem(place=here, why="beside pattern or format it would not be looked at")


def _named(schemas: Json, references: References, place: str) -> Iterator[Problem]:
    if not isinstance(schemas, dict):
        yield Problem(place=place, why="it must be an object of schemas")
        return
    for name, schema in schemas.items():
        yield from _schema(schema, references, f"{place}/{_escaped(name)}")


def _listed(schemas: Json, references: References, place: str) -> Iterator[Problem]:
    if not isinstance(schemas, list) or not schemas:
        yield Problem(place=place, why="it must be a list of schemas")
        return
    for number, schema in enumerate(schemas):
        yield from _schema(schema, references, f"{place}/{number}")


def _required(names: Json, properties: Json, place: str) -> Iterator[Problem]:
    known = properties.keys() if isinstance(properties, dict) else frozenset[str]()
    for number, name in enumerate(names if isinstance(names, list) else [names]):
        if not isinstance(name, str) or name not in known:
            yield Problem(place=f"{place}/{number}", why="this is none of the properties")


def _values(values: Json, type_: Json, place: str) -> Iterator[Problem]:
    if not isinstance(values, list) or not values:
        yield Problem(place=place, why="it must be a list of values")
        return
    if type_ is None:
        return
    types = [each for name in _types(type_) for each in _TYPES.get(name, ())]
    for value in values:
        if type(value) not in types:
            yield Problem(place=place, why="a value has not the type that stands beside it")
            return


def _types(type_: Json) -> frozenset[str]:
    """The types that are named; none: any."""
    names = type_ if isinstance(type_, list) else [] if type_ is None else [type_]
    return frozenset(str(name) for name in names)


def _weight(schema: Json) -> Weight:
    return sum(_weights(schema), Weight())


def _weights(schema: Json) -> Iterator[Weight]:
    """Of everything that weighs something, wherever it stands."""
    match schema:
        case dict():
            yield from _rules_weights(schema)
            for value in schema.values():
                yield from _weights(value)
        case list():
            for value in schema:
                yield from _weights(value)
        case _:
            pass


def _rules_weights(schema: dict[str, Json]) -> Iterator[Weight]:
    if "properties" in schema:
        yield _optional(schema)
    if isinstance(pattern := schema.get("pattern"), str):
        yield regex.weight(pattern)
    for bound in _BOUNDS & schema.keys():
        if _count(schema[bound]) == COUNTLESS:  # xgrammar takes 2 ** 32 + 5 for 5
            yield Weight(repetitions=COUNTLESS)
    if "minLength" in schema or "maxLength" in schema:
        lengths = _count(schema.get("minLength")), _count(schema.get("maxLength"))
        yield Weight(lengths=frozenset({lengths}))


def _optional(schema: dict[str, Json]) -> Weight:
    """Of the properties that may be missing; where their number has bounds, as of twice as many."""
    properties, required = schema.get("properties"), schema.get("required")
    names = set(properties) if isinstance(properties, dict) else set[str]()
    needed = {str(name) for name in required} if isinstance(required, list) else set[str]()
    bounded = "minProperties" in schema or "maxProperties" in schema
    return Weight(property_pairs=(len(names - needed) * (2 if bounded else 1)) ** 2)


def _count(bound: Json) -> int:
    """0 for what is none: the engine says what is wrong with it."""
    return min(COUNTLESS, abs(bound)) if isinstance(bound, int) else 0


def _escaped(name: str) -> str:
    return name[:_LONGEST_PLACE].replace("~", "~0").replace("/", "~1")
