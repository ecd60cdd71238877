"""The regular expressions that an answer can be held to while it is generated.

Both engines compile them with xgrammar, which reads ECMAScript's syntax, refuses most of what it
cannot hold, and takes the rest for something else: an unknown escape for its letter, an anchor in
the middle for nothing. So what it would misread is refused here, with its place.
"""

import re
from collections.abc import Iterator

MOST_REPETITIONS = 1000
"""All counts of an expression together, multiplied where one stands in another: as in a schema."""

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>.)
    | (?P<class>\[(?:\\.|[^\]])*+\]?)
    | (?P<opened>\((?:\?(?:<[A-Za-z_]\w*>|.)?)?)
    | (?P<closed>\))
    | \{(?P<least>\d+)(?:,(?P<most>\d*))?\}
    | (?P<anchor>[\^$])
    | .
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPED_IN_CLASS = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("dDwWsSnrtfvxu")


def problem(regex: str) -> str | None:
    """Why no answer can be held to it; None: it can be compiled, as far as is known.

    Args:
        regex: Of a few KiB at most.
    """
    for place, why in _misread(regex):
        return f"at character {place}: {why}"
    counted = _repetitions(regex)
    if counted > MOST_REPETITIONS:
        return f"its counts are {counted} together, at most {MOST_REPETITIONS} can be held"
    return None


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


def _repetitions(regex: str) -> int:
    """How often something is repeated at most, by counts: those in a counted group multiply."""
    groups, last = [0], 0
    for token in _TOKEN.finditer(regex):
        if token["opened"] is not None:
            groups.append(0)
            last = 0
        elif token["closed"] is not None and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif token["least"] is not None:
            counted = int(token["most"] or token["least"]) * max(1, last)
            groups[-1] += counted - last
            last = counted
        else:
            last = 0
    return sum(groups)
