"""Reads schemas: folds what they say about one place into its `Facts`.

A place may be described by several schemas at once (`allOf`, `$ref` with neighbours, a
branch that was chosen). They are folded keyword by keyword. What cannot be
folded (`anyOf`, `oneOf`, `not`) is kept as it is.

Keywords that only describe are passed over; those that restrict and are not understood
make the place `Unfit`, so that nothing is promised that was not looked at.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote

from failsoft_router.core.mock.schema import read
from failsoft_router.core.mock.schema.facts import ArrayRule, Choice, Facts, ObjectRule
from failsoft_router.core.mock.schema.pattern import Node
from failsoft_router.core.mock.schema.pattern_reader import Reader
from failsoft_router.core.mock.schema.read import Schema
from failsoft_router.core.mock.schema.same import same
from failsoft_router.core.mock.schema.work import Impossible, Unfit, Work

_REFUSED = (
    "if",
    "contains",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
)


class Folder:
    """Reads the places of one schema."""

    def __init__(self, root: object, work: Work) -> None:
        """
        Args:
            root: The whole schema, for references into it.
        """
        self._root = root
        self._work = work

    def facts_of(self, schemas: Iterable[object]) -> Facts:
        """What these schemas say together.

        Raises:
            Impossible: Nothing fits.
            Unfit: A keyword is broken or not understood.
            TooMuch: There is too much to read.
        """
        facts = Facts()
        for schema in schemas:
            self._add(facts, schema)
        return facts

    def narrowed(self, facts: Facts, branch: object, *, others: tuple[object, ...] = ()) -> Facts:
        """The facts with the first choice made: the branch fits, and the others do not.

        Raises:
            Impossible: Nothing fits.
            Unfit: A keyword is broken or not understood.
            TooMuch: There is too much to read.
        """
        narrower = copy.copy(facts)
        narrower.choices = facts.choices[1:]
        narrower.nots += others
        self._add(narrower, branch)
        return narrower

    def _add(self, facts: Facts, schema: object) -> None:
        waiting = [schema]
        while waiting:
            schema = waiting.pop()
            self._work.spend(1 + len(facts.folded) // 8)
            if schema is True or any(schema is seen for seen in facts.folded):
                continue
            if schema is False:
                raise Impossible("the schema forbids what it requires")
            if not isinstance(schema, dict):
                raise Unfit("the schema is broken")
            facts.folded += (schema,)
            if "$ref" in schema:
                waiting.append(_target(self._root, schema["$ref"]))
            waiting += reversed(read.schemas(schema, "allOf"))
            for fold in dict.fromkeys(_FOLDS[keyword] for keyword in schema if keyword in _FOLDS):
                fold(facts, schema, self._work)
        if not facts.types or facts.values == ():
            raise Impossible("the schema contradicts itself")


def _refuse(facts: Facts, schema: Schema, work: Work) -> None:
    keyword = next(keyword for keyword in _REFUSED if keyword in schema)
    raise Unfit(f"the schema uses `{keyword}`")


def _fold_choices(facts: Facts, schema: Schema, work: Work) -> None:
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            branches = tuple(read.schemas(schema, keyword))
            facts.choices += (Choice(branches=branches, only_one=keyword == "oneOf"),)
    if "not" in schema:
        facts.nots += (schema["not"],)


def _fold_values(facts: Facts, schema: Schema, work: Work) -> None:
    if "type" in schema:
        facts.types &= read.types(schema)
    if "enum" in schema:
        _allow(facts, read.array(schema, "enum"), work)
    if "const" in schema:
        _allow(facts, [schema["const"]], work)


def _allow(facts: Facts, values: list[object], work: Work) -> None:
    if facts.values is None:
        facts.values = tuple(values)
    else:
        work.spend(len(facts.values) * len(values) // 8)
        facts.values = tuple(
            value for value in facts.values if any(same(value, other) for other in values)
        )


def _fold_numbers(facts: Facts, schema: Schema, work: Work) -> None:
    for keyword, is_open in (("minimum", False), ("exclusiveMinimum", True)):
        if (low := read.bound(schema, keyword)) is not None:
            facts.bounds = facts.bounds.above(low, is_open=is_open)
    for keyword, is_open in (("maximum", False), ("exclusiveMaximum", True)):
        if (high := read.bound(schema, keyword)) is not None:
            facts.bounds = facts.bounds.below(high, is_open=is_open)
    if (step := read.step(schema)) is not None:
        facts.steps += (step,)


def _fold_strings(facts: Facts, schema: Schema, work: Work) -> None:
    facts.shortest = max(facts.shortest, read.count(schema, "minLength") or 0)
    facts.longest = _least(facts.longest, read.count(schema, "maxLength"))
    if "pattern" in schema:
        facts.patterns += (_pattern(read.text(schema, "pattern"), work),)
    if "format" in schema:
        facts.formats += (read.text(schema, "format"),)


def _fold_objects(facts: Facts, schema: Schema, work: Work) -> None:
    facts.fewest_properties = max(facts.fewest_properties, read.count(schema, "minProperties") or 0)
    facts.most_properties = _least(facts.most_properties, read.count(schema, "maxProperties"))
    required = read.names(schema, "required")
    work.spend(len(required) // 8)
    facts.required = tuple(dict.fromkeys((*facts.required, *required)))
    if schema.keys() & {"properties", "patternProperties", "additionalProperties"}:
        rule = ObjectRule(
            properties=read.mapping(schema, "properties"),
            patterns=tuple(
                (_pattern(pattern, work), inner)
                for pattern, inner in read.mapping(schema, "patternProperties").items()
            ),
            others=schema.get("additionalProperties", True),
        )
        facts.objects += (rule,)


def _fold_arrays(facts: Facts, schema: Schema, work: Work) -> None:
    facts.fewest_items = max(facts.fewest_items, read.count(schema, "minItems") or 0)
    facts.most_items = _least(facts.most_items, read.count(schema, "maxItems"))
    facts.unique = facts.unique or schema.get("uniqueItems") is True
    if schema.keys() & {"items", "prefixItems"}:
        first = read.array(schema, "prefixItems") if "prefixItems" in schema else []
        others = schema.get("items", True)
        if isinstance(others, list):  # how drafts before 2020-12 wrote prefixItems
            first, others = others, schema.get("additionalItems", True)
        facts.arrays += (ArrayRule(first=tuple(first), others=others),)


_FOLDS: Mapping[str, Callable[[Facts, Schema, Work], None]] = {
    **dict.fromkeys(_REFUSED, _refuse),
    **dict.fromkeys(("type", "enum", "const"), _fold_values),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        _fold_numbers,
    ),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), _fold_strings),
    **dict.fromkeys(
        (
            "required",
            "properties",
            "patternProperties",
            "additionalProperties",
            "minProperties",
            "maxProperties",
        ),
        _fold_objects,
    ),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"), _fold_arrays),
    **dict.fromkeys(("anyOf", "oneOf", "not"), _fold_choices),
}
"""Who reads which keyword; the others only describe."""


def _pattern(text: str, work: Work) -> Node:
    work.spend(len(text) // 4)
    return Reader(text).node()


def _least(limit: int | None, other: int | None) -> int | None:
    known = [one for one in (limit, other) if one is not None]
    return min(known) if known else None


def _target(root: object, reference: object) -> object:
    """What a reference such as `#/$defs/node` points to."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise Unfit("the schema has a `$ref` that leads out of it")
    place = root
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        else:
            raise Unfit("the schema has a `$ref` that leads nowhere")
    return place
