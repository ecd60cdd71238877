"""Simple regular expressions: read, searched for and written from, without `re`.

A caller's pattern never reaches a backtracking engine: it could keep one busy for ever.
What is understood: literals, classes, `.`, `\\d \\w \\s`, groups, `|`, `? * + {n,m}` and
the anchors. Look-around, back references, `\\b` and `\\p` are not.
"""

from dataclasses import dataclass

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema.work import Unfit, Work

_PREFERRED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .:/@,#+"
"""Written where a class says only what a character is not."""

_MOST_REPEATS = 2000
_DEEPEST_GROUP = 20

Ranges = tuple[tuple[int, int], ...]
"""Code points from, up to and including."""

DIGIT: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = ((9, 13), (32, 32), (160, 160))
NEWLINE: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))


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


class Reader:
    """Reads one pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._depth = 0

    def node(self) -> Node:
        """
        Raises:
            Unfit: It is broken, or uses what is not understood.
        """
        node = self._either()
        if self._place < len(self._pattern):
            raise _odd()
        return node

    def _either(self) -> Node:
        branches = [self._chain()]
        while self._took("|"):
            branches.append(self._chain())
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def _chain(self) -> Node:
        parts: list[Node] = []
        while self._place < len(self._pattern) and self._pattern[self._place] not in "|)":
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def _atom(self) -> Node:
        match character := self._next():
            case "^" | "$":
                return Edge(end=character == "$")
            case ".":
                return Class(NEWLINE, negated=True)
            case "(":
                return self._group()
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise _odd()
            case _:
                return _one(character)

    def _group(self) -> Node:
        if self._took("?") and not self._took(":"):
            raise _odd()
        self._depth += 1
        if self._depth > _DEEPEST_GROUP:
            raise _odd()
        node = self._either()
        self._depth -= 1
        if not self._took(")"):
            raise _odd()
        return node

    def _class(self) -> Class:
        negated = self._took("^")
        ranges: Ranges = ()
        while not self._took("]"):
            item = self._class_item()
            if self._took("-"):
                if self._pattern[self._place : self._place + 1] == "]":
                    ranges += _one("-").ranges
                else:
                    item = _span(item, self._class_item())
            ranges += item.ranges
        return Class(ranges, negated=negated)

    def _class_item(self) -> Class:
        character = self._next()
        item = self._escape() if character == "\\" else _one(character)
        if item.negated:
            raise _odd()
        return item

    def _escape(self) -> Class:
        match character := self._next():
            case "d" | "D":
                return Class(DIGIT, negated=character == "D")
            case "w" | "W":
                return Class(WORD, negated=character == "W")
            case "s" | "S":
                return Class(SPACE, negated=character == "S")
            case "x" | "u":
                return _one(self._hexadecimal(2 if character == "x" else 4))
            case "t" | "n" | "r" | "f" | "v":
                return _one("\t\n\r\f\v"["tnrfv".index(character)])
            case _ if character.isalnum():
                raise _odd()
            case _:
                return _one(character)

    def _hexadecimal(self, size: int) -> str:
        digits = "".join(self._next() for _ in range(size))
        if any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            raise _odd()
        return chr(int(digits, 16))

    def _quantified(self, node: Node) -> Node:
        if self._took("?"):
            least, most = 0, 1
        elif self._took("*"):
            least, most = 0, None
        elif self._took("+"):
            least, most = 1, None
        elif self._took("{"):
            least, most = self._counts()
        else:
            return node
        self._took("?")  # lazy: another match, but of the same texts
        if isinstance(node, Edge) or least > _MOST_REPEATS or (most is not None and most < least):
            raise _odd()
        return Repeat(node, least, most)

    def _counts(self) -> tuple[int, int | None]:
        least = self._digits()
        if least is None:
            raise _odd()
        most = self._digits() if (comma := self._took(",")) else least
        if not self._took("}"):
            raise _odd()
        return least, most if comma else least

    def _digits(self) -> int | None:
        start = self._place
        while self._pattern[self._place : self._place + 1] in set("0123456789"):
            self._place += 1
        if self._place - start > 9:
            raise _odd()
        return int(self._pattern[start : self._place]) if self._place > start else None

    def _next(self) -> str:
        if self._place >= len(self._pattern):
            raise _odd()
        self._place += 1
        return self._pattern[self._place - 1]

    def _took(self, character: str) -> bool:
        """Whether this character is next; it is passed over then."""
        if not self._pattern.startswith(character, self._place):
            return False
        self._place += 1
        return True


def _one(character: str) -> Class:
    return Class(((ord(character), ord(character)),))


def _span(first: Class, last: Class) -> Class:
    """The class of a range such as `a-z`."""
    if len(first.ranges) != 1 or len(last.ranges) != 1:
        raise _odd()
    (low, low_end), (high, high_end) = first.ranges[0], last.ranges[0]
    if low != low_end or high != high_end or low > high:
        raise _odd()
    return Class(((low, high),))


def _odd() -> Unfit:
    return Unfit("the schema has a `pattern` that is broken or not a simple one")
