"""What it costs to compile the form of an answer, as far as its text tells.

xgrammar compiles for the whole vocabulary, and what looks small can take it minutes and gigabytes.
The limits keep the worst that was found at some seconds of one core with 30,000 tokens: a text
without counts can be as bad as one with them, for each class is tried with each token, and parts
that may be missing, one behind the other, cost the square of their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MOST_REPETITIONS = 1000
MOST_CHARACTERS = 10_000
MOST_CLASSES = 256
MOST_OPTIONAL_PARTS = 32
MOST_OPTIONAL_PAIRS = 200 * 200

COUNTLESS = 1_000_000
"""No count is taken for more, so that no text makes numbers that take long to multiply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What has to be compiled for one answer."""

    repetitions: int = 0
    """All counts and bounds together, multiplied where one stands in another."""
    characters: int = 0
    """Of expressions, a class counting as one, if all that is counted were written out."""
    classes: int = 0
    """Classes, and escapes and dots like them, as they stand in expressions."""
    optional_parts: int = 0
    """What may be missing, as it stands in expressions: `?`, `*`, an empty alternative."""
    optional_pairs: int = 0
    """Of properties that may be missing, the square of their number in each object, together."""

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(
            repetitions=self.repetitions + other.repetitions,
            characters=self.characters + other.characters,
            classes=self.classes + other.classes,
            optional_parts=self.optional_parts + other.optional_parts,
            optional_pairs=self.optional_pairs + other.optional_pairs,
        )

    def excess(self) -> str | None:
        """Why it is too much to compile; None: it is not."""
        return next(self._excesses(), None)

    def _excesses(self) -> Iterator[str]:
        if (number := self.repetitions) > MOST_REPETITIONS:
            counted = f"{number}" if number < COUNTLESS else f"{COUNTLESS} or more"
            yield f"its counts are {counted} together, at most {MOST_REPETITIONS} can be held"
        if self.characters > MOST_CHARACTERS:
            yield f"written out it has more than {MOST_CHARACTERS} characters"
        if self.classes > MOST_CLASSES:
            yield f"it has {self.classes} classes, at most {MOST_CLASSES} can be held"
        if (number := self.optional_parts) > MOST_OPTIONAL_PARTS:
            counted = f"{number} parts that may be missing"
            yield f"it has {counted} (? or *), at most {MOST_OPTIONAL_PARTS} can be held"
        if self.optional_pairs > MOST_OPTIONAL_PAIRS:
            yield "too many of its properties may be missing: make them `required`"
