"""Makes a value that fits a schema.

Parts are tried in an order: the branches of a choice, the types, the candidates of a
type. What turns out to be `Unfit` is passed over for the next. All of it is bounded by
a budget of work and a depth, so a schema that leads into itself or explodes costs
little; it is tried shallow first, which finds the short way out of a recursion.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema import numbers, texts
from failsoft_router.core.mock.schema.check import Check
from failsoft_router.core.mock.schema.facts import Facts
from failsoft_router.core.mock.schema.fold import Folder
from failsoft_router.core.mock.schema.work import Unfit, Work

_STEPS = 4000
_DEPTHS = (3, 6, 12, 24, 48)
_RICH_DEPTH = 8
"""Deeper than this nothing is made that need not be."""

_INVENTED = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a value is made where the schema leaves a choice.

    Attributes:
        label: What a free string says, in a few words.
        sentence: What it may say where there is room.
        lean: Leave out whatever may be left out.
    """

    label: str
    sentence: str
    lean: bool


def value_for(root: object, style: Style, key: bytes) -> object:
    """A value that fits the schema; the same for the same arguments.

    Raises:
        Unfit: There is none, or none that we can make.
        TooMuch: It would be too large, or take too long to find.
    """
    work = Work(_STEPS)
    *depths, deepest = _DEPTHS if style.lean else _DEPTHS[1:]
    for depth in depths:
        maker = _Maker(root, style, Draws(key), work, deepest=depth)
        try:
            return maker.whole()
        except Unfit:
            if not maker.hit_depth:
                raise
    return _Maker(root, style, Draws(key), work, deepest=deepest).whole()


class _Maker:
    """Makes one value, no deeper than a limit."""

    def __init__(
        self, root: object, style: Style, draws: Draws, work: Work, *, deepest: int
    ) -> None:
        self._root = root
        self._style = style
        self._draws = draws
        self._deepest = deepest
        self._work = work
        self._folder = Folder(root, self._work)
        self._check = Check(self._folder, self._work)
        self.hit_depth = False
        self._makers: Mapping[str, Callable[[Facts, int], Iterator[object]]] = {
            "object": self._objects,
            "array": self._arrays,
            "string": self._strings,
            "integer": self._numbers,
            "fraction": self._numbers,
            "boolean": self._booleans,
            "null": self._nulls,
        }

    def whole(self) -> object:
        facts = self._folder.facts_of([self._root])
        value = self._value(facts, 0)
        if not self._check.fits(value, facts):
            raise Unfit("the schema contradicts itself, or is too intricate")
        return value

    def _value(self, facts: Facts, depth: int) -> object:
        self._work.spend()
        if depth > self._deepest:
            self.hit_depth = True
            raise Unfit("the schema leads into itself without an end")
        if facts.choices:
            return self._chosen(facts, depth)
        failure = Unfit("the schema contradicts itself, or is too intricate")
        for candidates in self._candidates(facts):
            try:
                for candidate in candidates(facts, depth):
                    if self._is_good(candidate, facts, depth):
                        return candidate
            except Unfit as unfit:
                failure = unfit
        raise failure

    def _is_good(self, candidate: object, facts: Facts, depth: int) -> bool:
        """Whether it fits; objects and arrays do by the way they are made, but for a `not`."""
        if isinstance(candidate, dict | list) and not (facts.nots or facts.values):
            return True
        return self._check.fits(candidate, facts, depth)

    def _chosen(self, facts: Facts, depth: int) -> object:
        choice = facts.choices[0]
        count = len(choice.branches)
        first = self._draws.below(count) if self._is_rich(depth) else 0
        failure: Unfit | None = None
        for place in range(count):
            index = (first + place) % count
            others = choice.others(index) if choice.only_one else ()
            try:
                narrower = self._folder.narrowed(facts, choice.branches[index], others=others)
                return self._value(narrower, depth + 1)
            except Unfit as unfit:
                failure = failure or unfit
        raise failure or Unfit("the schema has a choice of nothing")

    def _is_rich(self, depth: int) -> bool:
        return not self._style.lean and depth <= _RICH_DEPTH

    def _candidates(self, facts: Facts) -> Iterable[Callable[[Facts, int], Iterator[object]]]:
        """Who makes candidates; of several types first what the schema says most about."""
        if facts.values is not None:
            return [self._listed]
        order = ["string", "integer", "fraction", "boolean", "object", "array", "null"]
        if facts.arrays or facts.fewest_items:
            order.insert(0, "array")
        if facts.objects or facts.required:
            order.insert(0, "object")
        return dict.fromkeys(self._makers[name] for name in order if name in facts.types)

    def _listed(self, facts: Facts, depth: int) -> Iterator[object]:
        values = facts.values or ()
        first = self._draws.below(len(values))
        yield from values[first:]
        yield from values[:first]

    def _nulls(self, facts: Facts, depth: int) -> Iterator[object]:
        yield None

    def _booleans(self, facts: Facts, depth: int) -> Iterator[object]:
        first = self._draws.below(2) == 0
        yield first
        yield not first

    def _numbers(self, facts: Facts, depth: int) -> Iterator[object]:
        return numbers.candidates(
            facts.bounds, facts.steps, whole="fraction" not in facts.types, draws=self._draws
        )

    def _strings(self, facts: Facts, depth: int) -> Iterator[object]:
        said = (
            (self._style.label,) if self._style.lean else (self._style.sentence, self._style.label)
        )
        return texts.candidates(facts, said, self._draws, self._work)

    def _arrays(self, facts: Facts, depth: int) -> Iterator[object]:
        for _ in range(3 if facts.nots else 1):
            yield self._array(facts, depth)

    def _array(self, facts: Facts, depth: int) -> list[object]:
        self._work.spend(facts.fewest_items)
        made: list[object] = []
        for place in range(self._item_count(facts, depth)):
            schemas = [rule.of(place) for rule in facts.arrays]
            if facts.unique and made:
                schemas.append({"not": {"enum": list(made)}})
                self._work.spend(len(made) // 4)
            try:
                made.append(self._value(self._folder.facts_of(schemas), depth + 1))
            except Unfit:
                if place < facts.fewest_items:
                    raise
                break
        return made

    def _item_count(self, facts: Facts, depth: int) -> int:
        count = facts.fewest_items
        if self._is_rich(depth):
            first = max((len(rule.first) for rule in facts.arrays), default=0)
            count = max(count, first or 1 + self._draws.below(3))
        return count if facts.most_items is None else min(count, facts.most_items)

    def _objects(self, facts: Facts, depth: int) -> Iterator[object]:
        for _ in range(3 if facts.nots else 1):
            yield self._object(facts, depth)

    def _object(self, facts: Facts, depth: int) -> dict[str, object]:
        names = facts.property_names()
        self._work.spend(len(names) // 8 + facts.fewest_properties)
        required = set(facts.required)
        room = len(names) if facts.most_properties is None else facts.most_properties
        room -= len(required)
        if room < 0:
            raise Unfit("the schema requires more properties than it allows")
        made: dict[str, object] = {}
        for name in names:
            if name in required:
                made[name] = self._property(facts, name, depth)
            elif room > 0 and self._is_rich(depth) and self._draws.below(4):
                room -= self._add_optional(made, facts, name, depth)
        self._fill_up(made, facts, names, depth)
        return made

    def _fill_up(self, made: dict[str, object], facts: Facts, names: list[str], depth: int) -> None:
        """Add properties until there are enough: those that are mentioned, then others."""
        spare = (name for name in [*names, *_invented_names()] if name not in made)
        while len(made) < facts.fewest_properties:
            name = next(spare, None)
            if name is None:
                raise Unfit("the schema requires more properties than can be made")
            self._add_optional(made, facts, name, depth)

    def _add_optional(self, made: dict[str, object], facts: Facts, name: str, depth: int) -> bool:
        """Whether it could be added."""
        try:
            made[name] = self._property(facts, name, depth)
        except Unfit:
            return False
        return True

    def _property(self, facts: Facts, name: str, depth: int) -> object:
        schemas = [one for rule in facts.objects for one in rule.of(name, self._work)]
        return self._value(self._folder.facts_of(schemas), depth + 1)


def _invented_names() -> list[str]:
    return ["mock", *(f"mock_{number}" for number in range(2, _INVENTED))]
