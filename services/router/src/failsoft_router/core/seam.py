"""The seam of an answer that one target began and another goes on with. Pure: no clock, no I/O.

    said            what the answer's reader has, up to where the first target died
    what comes      what the next target says, in pieces that are cut anywhere
    what is given   what is handed on: `said` and this are one answer

A target goes on in one of three manners. *Exact*: it was given the very tokens, and nothing
is taken from what it says. *Prefilled*: its own turn was begun for it; it goes on nearly
always. *Instructed*: it was asked to go on; it often starts over, or takes a run-up with the
last words. The last two are given `said` without the blank space at its end, which they say
again themselves.

    REPEATING  what comes is the beginning of what was said, and is withheld
        | all of what was said has come: the target started over   -> GAP
        | it parts from it late: it is another answer              -> AnotherAnswer
        | it parts from it soon: that was chance                   -> OVERLAP
    OVERLAP    what comes may be the end of what was said, and is withheld
        | it is known how much of it is                            -> GAP
    GAP        the blank space at the end of what was said is not said twice
        | anything else has come                                   -> OPEN
    OPEN       everything is handed on

An overlap has to be long enough not to be chance, and of several different words: who laughs
"ha ha ha" and is cut may go on laughing. What is withheld is never more than what was said,
and of an overlap never more than `LONGEST_OVERLAP`; at the end it is given, or the answer is
another one.

What cannot be told: whether somebody who was cut after a first verse sings it again or starts
over. It is taken for a start.
"""

import enum
import re
import unicodedata

LONGEST_OVERLAP = 256
"""Characters that a target may say again of the end; a longer run-up is a start from the middle,
which nobody has seen."""


class Manner(enum.Enum):
    """How a target is brought to go on."""

    EXACT = "exact"
    PREFILLED = "prefilled"
    INSTRUCTED = "instructed"


class AnotherAnswer(Exception):
    """The target tells an answer of its own instead of going on with this one."""


_CONSIDERABLE = {Manner.PREFILLED: 80, Manner.INSTRUCTED: 24}
"""Characters in common with the beginning of what was said that are no chance any more."""

_LEAST = {Manner.PREFILLED: (6, 24), Manner.INSTRUCTED: (3, 5)}
"""Different words, and characters, that make an overlap."""

_LEAST_GLUED = 3
"""Characters of an overlap that would be glued to itself: no blank, no sign is between them."""

_SHORT = 32
"""Characters; what was said and is no longer may be one thing again and again."""

_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+")
"""A word; in scripts that write no spaces, a letter."""

_SPACELESS = re.compile(f"[{_NO_SPACES}]")
_JOINER = "\u200d"
_GOES_WITH_THE_LAST = re.compile("[\U0001f3fb-\U0001f3ff]")
"""Skin tones; what else does is a mark by its category."""


class _State(enum.Enum):
    REPEATING = "repeating"
    OVERLAP = "overlap"
    GAP = "gap"
    OPEN = "open"


class Seam:
    """The seam of one answer, for one target that goes on with it."""

    def __init__(self, said: str, manner: Manner) -> None:
        """
        Args:
            said: All of the answer's text so far.
        """
        self._said = said.rstrip()
        self._gap = said[len(self._said) :]
        self._tail = self._said[-LONGEST_OVERLAP:]
        self._manner = manner
        self._matched = 0
        """Characters that came, and are the beginning of what was said."""
        self._held = ""
        is_plain = manner is Manner.EXACT or not self._said
        self._state = _State.OPEN if is_plain else _State.REPEATING

    def feed(self, text: str) -> str:
        """What is to be handed on now that the target has said this.

        Raises:
            AnotherAnswer: It does not go on.
        """
        if self._state is _State.REPEATING:
            text = self._repeat(text)
        if self._state is _State.OVERLAP:
            text = self._overlap(text)
        if self._state is _State.GAP:
            text = self._fill(text)
        return text

    def end(self) -> str:
        """What is left to be handed on when the target says no more.

        Raises:
            AnotherAnswer: It has said a part of what was said already, and stopped.
        """
        state, self._state = self._state, _State.OPEN
        match state:
            case _State.REPEATING:
                if self._matched >= _CONSIDERABLE[self._manner]:
                    raise AnotherAnswer
                return self._without_gap(self._rest(self._said[: self._matched]))
            case _State.OVERLAP:
                return self._without_gap(self._rest(self._held))
            case _:
                return ""

    def _repeat(self, text: str) -> str:
        """Withhold what repeats the beginning; what else comes is for the next state."""
        expected = self._said[self._matched : self._matched + len(text)]
        alike = len(_common(expected, text))
        if alike == len(text) and self._matched + alike < len(self._said):
            self._matched += alike
            return ""
        if alike == len(expected) and not _is_run(self._said):
            self._state = _State.GAP
            return text[alike:]
        if alike < len(expected) and self._matched + alike >= _CONSIDERABLE[self._manner]:
            raise AnotherAnswer
        self._state = _State.OVERLAP
        return self._said[: self._matched] + text

    def _overlap(self, text: str) -> str:
        """Withhold what may be the end; what is more than that is for the next state."""
        self._held += text
        place = self._tail.find(self._held)
        if 0 <= place < len(self._tail) - len(self._held):
            return ""
        self._state = _State.GAP
        return self._rest(self._held)

    def _fill(self, text: str) -> str:
        left = self._without_gap(text)
        if left or not self._gap:
            self._state = _State.OPEN
        return left

    def _without_gap(self, text: str) -> str:
        """Without the blank space that is there already; what is left of it is still awaited."""
        alike = len(_common(self._gap, text))
        self._gap = self._gap[alike:]
        return text[alike:]

    def _rest(self, text: str) -> str:
        """Without the longest end of what was said that the text begins with."""
        for length in range(min(len(text), len(self._tail)), 0, -1):
            if self._tail.endswith(text[:length]) and self._is_overlap(text[:length]):
                return text[length:]
        return text

    def _is_overlap(self, text: str) -> bool:
        before = self._said[-len(text) - 1 : -len(text)]
        if not _may_begin(text[0], before):
            return False
        words = {word.casefold() for word in _WORD.findall(text)}
        least_words, least_characters = _LEAST[self._manner]
        if len(words) >= least_words and len(text) >= least_characters:
            return True
        return self._manner is Manner.INSTRUCTED and not self._gap and _is_glued(text)


def _common(one: str, other: str) -> str:
    """The beginning that both have."""
    if other.startswith(one):
        return one
    if one.startswith(other):
        return other
    return one[
        : next(i for i, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1)
    ]


def _is_run(text: str) -> bool:
    """Whether a short text is one thing again and again; saying it again need be no start."""
    return len(text) <= _SHORT and text in (text + text)[1:-1]


def _may_begin(letter: str, before: str) -> bool:
    """Whether a word, or anything else that stands alone, begins here.

    Args:
        before: The character that stands there; empty: none does.
    """
    if letter == _JOINER or before == _JOINER or _GOES_WITH_THE_LAST.match(letter):
        return False
    inside = bool(before) and _is_in_word(letter) and _is_in_word(before)
    return not inside and not unicodedata.category(letter).startswith("M")


def _is_glued(text: str) -> bool:
    """Whether words would be said again right behind themselves, which nobody does.

    Not what is its own half, such as "haha", and not figures, which go on like that.
    """
    if not (_is_in_word(text[0]) and _is_in_word(text[-1])):
        return False
    return len(text) >= _LEAST_GLUED and not _is_run(text) and not text.isnumeric()


def _is_in_word(letter: str) -> bool:
    """Whether it is written together with its neighbours."""
    return letter.isalnum() and _SPACELESS.match(letter) is None
