"""Reads the simple regular expressions of `pattern`.

What is understood: literals, classes, `.`, `\\d \\w \\s`, groups, `|`, `? * + {n,m}` and
the anchors. Look-around, back references, `\\b` and `\\p` are not.
"""

from failsoft_router.core.mock.schema.pattern import (
    Chain,
    Class,
    Edge,
    Either,
    Node,
    Ranges,
    Repeat,
)
from failsoft_router.core.mock.schema.work import Unfit

_MOST_REPEATS = 2000
_DEEPEST_GROUP = 20

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 13), (32, 32), (160, 160))
_NEWLINE: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))


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
                return Class(_NEWLINE, negated=True)
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
                return Class(_DIGIT, negated=character == "D")
            case "w" | "W":
                return Class(_WORD, negated=character == "W")
            case "s" | "S":
                return Class(_SPACE, negated=character == "S")
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
