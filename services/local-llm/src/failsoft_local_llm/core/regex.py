"""The regular expressions that an answer can be held to while it is generated.

Both engines compile them with xgrammar, which reads ECMAScript's syntax, refuses most of what it
cannot hold, and takes the rest for something else: an unknown escape for its letter, an anchor in
the middle for nothing. So what it would misread is refused here, with its place, and what would
take it minutes is refused as a whole. A schema's `pattern` is held to the same rules.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from failsoft_local_llm.core.weight import COUNTLESS, Weight

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>.)
    | (?P<class>\[(?:\\.|[^\]])*+\]?)
    | (?P<opened>\((?:\?(?:<[A-Za-z_]\w*>|.)?)?)
    | (?P<closed>\))
    | \{(?P<least>\d+)(?:,(?P<most>\d*))?\}
    | (?P<anchor>[\^$])
    | (?P<sign>[?*+])
    | (?P<or>\|)
    | (?P<any>\.)
    | .
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPED_IN_CLASS = re.compile(r"\\(.)", re.DOTALL)
_CLASS_ESCAPES = frozenset("dDwWsS")
_KNOWN_ESCAPES = _CLASS_ESCAPES | frozenset("nrtfvxu")
_LONGEST_COUNT = len(str(COUNTLESS))


def problem(regex: str) -> str | None:
    """Why no answer can be held to it; None: it can be compiled, as far as is known.

    Args:
        regex: Of a few KiB at most.
    """
    return misread(regex) or weight(regex).excess()


def misread(regex: str) -> str | None:
    """What would be taken for something else, with its place; None: nothing."""
    for place, why in _misread(regex):
        return f"at character {place}: {why}"
    return None


def weight(regex: str) -> Weight:
    """What it costs to compile it. Told in a time that grows with its length alone."""
    scale = _Scale()
    for token in _TOKEN.finditer(regex):
        scale.put(token)
    return scale.weight()


def _misread(regex: str) -> Iterator[tuple[int, str]]:
    """What would be taken for something else, and its place from 1."""
    for token in _TOKEN.finditer(regex):
        place = token.start() + 1
        if (escaped := token["escaped"]) is not None and _is_unknown(escaped):
            yield place, "this escape is not known; write what it stands for"
        elif (listed := token["class"]) is not None:
            if any(_is_unknown(each[1]) for each in _ESCAPED_IN_CLASS.finditer(listed)):
                yield place, "an escape in this class is not known; write what it stands for"
            elif "[:" in listed:
                yield place, "named classes are not known; write their characters"
        elif (opened := token["opened"]) is not None:
            if opened not in ("(", "(?:") and not opened.endswith(">"):
                yield place, "only plain and named groups are known, no look-around and no flags"
        elif (anchor := token["anchor"]) is not None:
            end = 0 if anchor == "^" else len(regex) - 1
            if token.start() != end:
                yield place, "an anchor here has no effect; the whole answer is matched anyway"


def _is_unknown(escaped: str) -> bool:
    return escaped.isascii() and escaped.isalnum() and escaped not in _KNOWN_ESCAPES


@dataclass(frozen=True, slots=True)
class _Size:
    """What a part comes to, written out."""

    characters: int = 0
    repetitions: int = 0

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(
            min(COUNTLESS, self.characters + other.characters),
            min(COUNTLESS, self.repetitions + other.repetitions),
        )

    def __mul__(self, count: int) -> "_Size":
        return _Size(
            min(COUNTLESS, self.characters * count),
            min(COUNTLESS, max(1, self.repetitions) * count),
        )


class _Scale:
    """Weighs an expression, token by token."""

    def __init__(self) -> None:
        self._open = [_Size()]
        """The groups that are open, outermost first, without the last part."""
        self._last = _Size()
        """The part that a count would be for."""
        self._says_something = False
        """Whether there is anything yet in the alternative that is read."""
        self._classes = 0
        self._optional = 0

    def put(self, token: re.Match[str]) -> None:
        """Adds the next token."""
        if (sign := token["sign"]) is not None:
            self._optional += sign != "+"
        elif (least := token["least"]) is not None:
            most = token["most"]
            self._optional += most == "" and not least.strip("0")
            self._last *= _count(most or least)
        elif token["closed"] is not None and len(self._open) > 1:
            self._end_alternative()
            self._last = self._open.pop()
        elif token["opened"] is not None:
            self._settle()
            self._open.append(_Size())
        elif token["or"] is not None:
            self._end_alternative()
        else:
            self._settle()
            self._last = _Size(characters=1)
            self._classes += _is_class(token)
        self._says_something = token["or"] is None and token["opened"] is None

    def weight(self) -> Weight:
        """Of all that was added."""
        self._end_alternative()
        whole = sum(self._open, _Size())
        return Weight(
            repetitions=whole.repetitions,
            characters=whole.characters,
            classes=self._classes,
            part_pairs=self._optional**2,
        )

    def _end_alternative(self) -> None:
        self._settle()
        self._optional += not self._says_something

    def _settle(self) -> None:
        self._open[-1] += self._last
        self._last = _Size()


def _is_class(token: re.Match[str]) -> bool:
    return (
        token["class"] is not None or token["any"] is not None or token["escaped"] in _CLASS_ESCAPES
    )


def _count(digits: str) -> int:
    """At least 1, for what is repeated is compiled even where it is never to come."""
    return max(1, int(digits)) if len(digits) < _LONGEST_COUNT else COUNTLESS
