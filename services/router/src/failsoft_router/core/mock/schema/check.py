"""Whether a value fits a schema: the mock's own check of what it has made."""

import contextlib
from collections.abc import Iterable

from failsoft_router.core.mock.schema.facts import Facts
from failsoft_router.core.mock.schema.fold import Folder
from failsoft_router.core.mock.schema.numbers import exact, is_on_steps
from failsoft_router.core.mock.schema.pattern import matches
from failsoft_router.core.mock.schema.same import same
from failsoft_router.core.mock.schema.work import Impossible, TooMuch, Unfit, Work

_DEEPEST = 64


class Check:
    """Checks values against places of one schema; formats are taken on trust."""

    def __init__(self, folder: Folder, work: Work) -> None:
        self._folder = folder
        self._work = work

    def fits(self, value: object, facts: Facts, depth: int = 0) -> bool:
        """Whether the value fits.

        Raises:
            Unfit: The schema holds what is not understood.
            TooMuch: It would take too long.
        """
        self._work.spend()
        if depth > _DEEPEST:
            raise TooMuch("the schema is nested too deeply")
        if type_of(value) not in facts.types:
            return False
        if facts.values is not None:
            self._work.spend(len(facts.values) // 8)
            if not any(same(value, one) for one in facts.values):
                return False
        return self._has_form(value, facts, depth) and self._is_chosen(value, facts, depth)

    def _has_form(self, value: object, facts: Facts, depth: int) -> bool:
        match value:
            case str():
                return self._fits_text(value, facts)
            case bool() | None:
                return True
            case int() | float():
                return facts.bounds.holds(exact(value)) and is_on_steps(value, facts.steps)
            case list():
                return self._fits_array(value, facts, depth)
            case dict():
                return self._fits_object(value, facts, depth)
            case _:
                return False

    def _fits_text(self, value: str, facts: Facts) -> bool:
        return _within(len(value), facts.shortest, facts.longest) and all(
            matches(pattern, value, self._work) for pattern in facts.patterns
        )

    def _fits_array(self, value: list[object], facts: Facts, depth: int) -> bool:
        if not _within(len(value), facts.fewest_items, facts.most_items):
            return False
        if facts.unique:
            self._work.spend(len(value) * len(value) // 16)
            if any(same(one, other) for place, one in enumerate(value) for other in value[:place]):
                return False
        return all(
            self._fits_all(item, [rule.of(place) for rule in facts.arrays], depth)
            for place, item in enumerate(value)
        )

    def _fits_object(self, value: dict[str, object], facts: Facts, depth: int) -> bool:
        if not _within(len(value), facts.fewest_properties, facts.most_properties):
            return False
        self._work.spend(len(facts.required) // 16)
        return all(name in value for name in facts.required) and all(
            self._fits_all(
                inner,
                [one for rule in facts.objects for one in rule.of(name, self._work)],
                depth,
            )
            for name, inner in value.items()
        )

    def _is_chosen(self, value: object, facts: Facts, depth: int) -> bool:
        for choice in facts.choices:
            fits = self._fits_one if choice.only_one else self._fits_any
            if not fits(value, choice.branches, depth):
                return False
        return not any(self._fits_all(value, [schema], depth) for schema in facts.nots)

    def _fits_one(self, value: object, branches: Iterable[object], depth: int) -> bool:
        """Whether exactly one branch fits; all of them have to be understood."""
        return sum(self._fits_all(value, [branch], depth) for branch in branches) == 1

    def _fits_any(self, value: object, branches: Iterable[object], depth: int) -> bool:
        for branch in branches:
            with contextlib.suppress(Unfit):  # not understood: another branch may do
                if self._fits_all(value, [branch], depth):
                    return True
        return False

    def _fits_all(self, value: object, schemas: Iterable[object], depth: int) -> bool:
        telling = [schema for schema in schemas if schema is not True]
        if not telling:
            return True
        try:
            facts = self._folder.facts_of(telling)
        except Impossible:
            return False
        return self.fits(value, facts, depth + 1)


def type_of(value: object) -> str:
    """Its JSON type, where `fraction` is a number that is no integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "fraction"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _within(size: int, least: int, most: int | None) -> bool:
    return least <= size and (most is None or size <= most)
