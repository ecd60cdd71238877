"""Letters that say by themselves that more of them is to come.

A stream is cut between two tokens, and a token may be a part of what a reader sees as one
letter: half a flag, a family that waits for its next member. Such an end is held back until
the next piece comes, so that it is left out where none does. Looking at the last letter costs
less than holding each piece back for a moment, delays nothing else, and gives the same.

What is whole by itself is not held back, though it may grow: a letter gets its accent, or a
thumb its colour, with the next piece.
"""

JOINER = "\u200d"

_HALVES = ("\ud800", "\udbff")
"""High surrogates, first to last: the first half of a pair."""

_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
"""Regional indicators, first to last: two of them are a flag."""


def may_be_unfinished(text: str) -> bool:
    """Whether a closer look at the end of a text is worth it; quick, and true for many."""
    return text[-1:] >= JOINER


def unfinished_from(text: str) -> int:
    """Where the end begins that is not whole; the length of the text where all is."""
    end = len(text)
    while end and (text[end - 1] == JOINER or _is_one_of(text[end - 1], _HALVES)):
        end -= 1
    flags = end
    while flags and _is_one_of(text[flags - 1], _FLAG_LETTERS):
        flags -= 1
    return end - (end - flags) % 2


def _is_one_of(letter: str, letters: tuple[str, str]) -> bool:
    first, last = letters
    return first <= letter <= last
