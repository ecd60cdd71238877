"""What all schemas of one place say together about the values that it may have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from failsoft_router.core.mock.schema.numbers import Bounds
from failsoft_router.core.mock.schema.pattern import Node, matches
from failsoft_router.core.mock.schema.work import Work

ALL_TYPES = frozenset({"object", "array", "string", "integer", "fraction", "boolean", "null"})
"""JSON's types; `number` is two: with and without a fraction."""

_UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRule:
    """One schema's word on the properties of an object."""

    properties: Mapping[str, object]
    patterns: tuple[tuple[Node, object], ...]
    others: object

    def of(self, name: str, work: Work) -> Iterator[object]:
        """The schemas that a property of this name has to fit."""
        found = False
        if name in self.properties:
            found = True
            yield self.properties[name]
        for pattern, schema in self.patterns:
            if matches(pattern, name, work):
                found = True
                yield schema
        if not found:
            yield self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayRule:
    """One schema's word on the items of an array."""

    first: tuple[object, ...]
    others: object

    def of(self, place: int) -> object:
        """The schema that the item at this place has to fit."""
        return self.first[place] if place < len(self.first) else self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An `anyOf`, or a `oneOf` where `only_one` branch may fit."""

    branches: tuple[object, ...]
    only_one: bool

    def others(self, index: int) -> tuple[object, ...]:
        """The branches but for the one at this index."""
        return self.branches[:index] + self.branches[index + 1 :]


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known about the values of one place. Its fields are replaced, never changed.

    Attributes:
        folded: The schemas that have been read into it.
        values: What `enum` and `const` leave; None: they say nothing.
        longest: Characters; None: no limit. So are `most_items` and `most_properties`.
        steps: What a number must be a multiple of.
        required: Names, in the order of the schema.
    """

    folded: tuple[object, ...] = ()
    types: frozenset[str] = ALL_TYPES
    values: tuple[object, ...] | None = None
    bounds: Bounds = _UNBOUNDED
    steps: tuple[float, ...] = ()
    shortest: int = 0
    longest: int | None = None
    patterns: tuple[Node, ...] = ()
    formats: tuple[str, ...] = ()
    objects: tuple[ObjectRule, ...] = ()
    required: tuple[str, ...] = ()
    fewest_properties: int = 0
    most_properties: int | None = None
    arrays: tuple[ArrayRule, ...] = ()
    fewest_items: int = 0
    most_items: int | None = None
    unique: bool = False
    choices: tuple[Choice, ...] = ()
    nots: tuple[object, ...] = ()

    def property_names(self) -> list[str]:
        """Every name that is mentioned, in the order of the schema."""
        mentioned = (name for rule in self.objects for name in rule.properties)
        return [*dict.fromkeys([*mentioned, *self.required])]
