"""Cuts a text for a tokenizer that silently keeps the first 8192 tokens of what it is given.

A token is at least a byte, so a piece of fewer bytes is never shortened.
A byte-level tokenizer never joins a letter with the space behind it, so a cut before such a space
leaves the tokens as they were; where a text has no such place for long, some tokens may differ,
and what they say is still the same.
"""

from collections.abc import Iterator

PIECE_CHARACTERS = 2047
"""At four bytes a character: below 8192 bytes."""


def pieces(text: str) -> Iterator[str]:
    """The text in order, in pieces that are never shortened; none for an empty text."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        end = _cut(text, start, start + PIECE_CHARACTERS)
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _cut(text: str, start: int, limit: int) -> int:
    """The last place within the limit at which a space follows a letter or digit, or the limit."""
    at = text.rfind(" ", start + 1, limit + 1)
    while at > start and not text[at - 1].isalnum():
        at = text.rfind(" ", start + 1, at)
    return at if at > start else limit
