"""What it costs to compile the form of an answer, as far as its text tells.

xgrammar compiles for the whole vocabulary, and what looks small can take it minutes and gigabytes.
The limits keep the worst that was found at some seconds of one core with 30,000 tokens: a text
without counts can be as bad as one with them, for each class is tried with each token, and parts
that may be missing, one behind the other, cost the square of their number. Bounds of arrays cost
next to nothing, and neither does a length that was met before or grows beyond some hundreds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

MOST_REPETITIONS = 1000
MOST_CHARACTERS = 10_000
MOST_CLASSES = 256
MOST_OPTIONAL_PARTS = 32
"""Of one expression, and of all the square of that, which is what they cost."""
MOST_OPTIONAL_PROPERTIES = 200
"""Likewise, of one object."""
LONGEST_LENGTH = 300
"""Characters; a text that may be longer costs no more than that."""

Lengths: TypeAlias = tuple[int, int]
"""The least and the most characters of a text; 0 for what is not said."""

COUNTLESS = 1_000_000
"""No count is taken for more, so that no text makes numbers that take long to multiply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What has to be compiled for one answer."""

    repetitions: int = 0
    """All counts of expressions together, multiplied where one stands in another."""
    lengths: frozenset[Lengths] = frozenset()
    """Of all texts, wherever they stand: the same are compiled once."""
    characters: int = 0
    """Of expressions, a class counting as one, if all that is counted were written out."""
    classes: int = 0
    """Classes, and escapes and dots like them, as they stand in expressions."""
    part_pairs: int = 0
    """Of parts that may be missing (`?`, `*`, an empty alternative), the square of their number in
    each expression, together."""
    property_pairs: int = 0
    """Of properties that may be missing, the square of their number in each object, together."""

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(
            repetitions=self.repetitions + other.repetitions,
            lengths=self.lengths | other.lengths,
            characters=self.characters + other.characters,
            classes=self.classes + other.classes,
            part_pairs=self.part_pairs + other.part_pairs,
            property_pairs=self.property_pairs + other.property_pairs,
        )

    def excess(self) -> str | None:
        """Why it is too much to compile; None: it is not."""
        return next(self._excesses(), None)

    def _excesses(self) -> Iterator[str]:
        if (number := self.repetitions + self._of_lengths()) > MOST_REPETITIONS:
            counted = f"{number}" if number < COUNTLESS else f"{COUNTLESS} or more"
            yield f"its counts are {counted} together, at most {MOST_REPETITIONS} can be held"
        if self.characters > MOST_CHARACTERS:
            yield f"written out it has more than {MOST_CHARACTERS} characters"
        if self.classes > MOST_CLASSES:
            yield f"it has {self.classes} classes, at most {MOST_CLASSES} can be held"
        if self.part_pairs > MOST_OPTIONAL_PARTS**2:
            most = f"at most {MOST_OPTIONAL_PARTS} of one expression can be held"
            yield f"too many of its parts may be missing (? or *), {most}"
        if self.property_pairs > MOST_OPTIONAL_PROPERTIES**2:
            yield "too many of its properties may be missing: make them `required`"

    def _of_lengths(self) -> int:
        return sum(min(LONGEST_LENGTH, max(1, *each)) for each in self.lengths)
