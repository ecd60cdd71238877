"""Simple regular expressions: searched for and written from, without `re`.

A caller's pattern never reaches a backtracking engine: it could keep one busy for ever.
"""

from dataclasses import dataclass

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema.work import Unfit, Work

_PREFERRED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .:/@,#+"
"""Written where a class says only what a character is not."""

Ranges = tuple[tuple[int, int], ...]
"""Code points from, up to and including."""


@dataclass(frozen=True, slots=True)
class Class:
    """One character, within the ranges or outside of all of them."""

    ranges: Ranges
    negated: bool = False

    def __contains__(self, character: str) -> bool:
        point = ord(character)
        return self.negated != any(low <= point <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Edge:
    """The start of the text, or its end."""

    end: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """One part after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the branches."""

    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part again and again; `most` is None where there is no limit."""

    part: "Node"
    least: int
    most: int | None


Node = Class | Edge | Chain | Either | Repeat


def matches(node: Node, text: str, work: Work) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return bool(_ends(node, text, frozenset(range(len(text) + 1)), work))


def _ends(node: Node, text: str, starts: frozenset[int], work: Work) -> frozenset[int]:
    """Where a match may end that begins at one of the starts."""
    work.spend(1 + len(starts) // 2)
    match node:
        case Class():
            return frozenset(
                start + 1 for start in starts if start < len(text) and text[start] in node
            )
        case Edge(end=end):
            return starts & {len(text) if end else 0}
        case Chain(parts=parts):
            for part in parts:
                starts = _ends(part, text, starts, work)
            return starts
        case Either(branches=branches):
            return frozenset().union(*(_ends(one, text, starts, work) for one in branches))
        case Repeat():
            return _repeated(node, text, starts, work)


def _repeated(node: Repeat, text: str, starts: frozenset[int], work: Work) -> frozenset[int]:
    for _ in range(node.least):
        starts = _ends(node.part, text, starts, work)
    reached = fresh = starts
    more = len(text) + 1 if node.most is None else node.most - node.least
    while fresh and more > 0:
        fresh = _ends(node.part, text, fresh, work) - reached
        reached |= fresh
        more -= 1
    return reached


class Writer:
    """Writes one text that a pattern describes."""

    def __init__(self, draws: Draws, work: Work, *, spare: int) -> None:
        """
        Args:
            spare: How many repeats more than the least may be written in all.
        """
        self._draws = draws
        self._work = work
        self._spare = spare

    def text(self, node: Node) -> str:
        """The text; not always a match, as anchors in odd places are passed over.

        Raises:
            Unfit: A class has no character that we would write.
        """
        self._work.spend()
        match node:
            case Class():
                return self._character(node)
            case Edge():
                return ""
            case Chain(parts=parts):
                return "".join(map(self.text, parts))
            case Either(branches=branches):
                return self.text(branches[self._draws.below(len(branches))])
            case Repeat(part=part, least=least, most=most):
                extra = self._spare if most is None else min(self._spare, most - least)
                self._spare -= extra
                return "".join(self.text(part) for _ in range(least + extra))

    def _character(self, node: Class) -> str:
        if node.negated:
            start = self._draws.below(len(_PREFERRED))
            for character in _PREFERRED[start:] + _PREFERRED[:start]:
                if character in node:
                    return character
        elif node.ranges:
            low, high = node.ranges[self._draws.below(len(node.ranges))]
            return chr(low + (self._draws.below(high - low + 1) if high > low else 0))
        raise Unfit("the schema has a `pattern` with an unusual class")
