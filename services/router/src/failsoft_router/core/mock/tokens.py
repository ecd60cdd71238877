"""Text in tokens: words, marks of punctuation, and characters of scripts without spaces.

No model's tokenizer cuts like this; it is near enough to count and to stream by. A
letter is never parted from the accents and vowel signs on it, nor an emoji from what
it is joined with.
"""

import enum
import re
import unicodedata

_JOINER = "\u200d"
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_TONES_AND_FLAGS = re.compile("[\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff]")


class _Kind(enum.Enum):
    """What a character is to its neighbours."""

    SPACE = enum.auto()
    LETTER = enum.auto()
    SIGN = enum.auto()
    GLUED = enum.auto()


def tokens(text: str) -> list[str]:
    """The text in tokens, each with the space before it; joined, they are the text."""
    found: list[str] = []
    start, before = 0, _Kind.SPACE
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind is _Kind.GLUED or (place and text[place - 1] == _JOINER):
            before = _Kind.SIGN if before is _Kind.SPACE else before
            continue
        if place > start and not (
            before is _Kind.SPACE or (kind is _Kind.LETTER and before is _Kind.LETTER)
        ):
            found.append(text[start:place])
            start = place
        before = kind
    if text:
        found.append(text[start:])
    return found


def words(text: str) -> int:
    """How many of the text's tokens are more than punctuation."""
    return sum(any(map(str.isalnum, token)) for token in tokens(text))


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of the text, none parted from what belongs to it."""
    while 0 < limit < len(text) and (
        _kind(text[limit]) is _Kind.GLUED or text[limit - 1] == _JOINER
    ):
        limit -= 1
    return text[:limit]


def _kind(character: str) -> _Kind:
    if character.isspace():
        return _Kind.SPACE
    if _WIDE.match(character):
        return _Kind.SIGN
    if character.isalnum() or character == "_":
        return _Kind.LETTER
    if unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}:
        return _Kind.GLUED
    return _Kind.GLUED if _TONES_AND_FLAGS.match(character) else _Kind.SIGN
