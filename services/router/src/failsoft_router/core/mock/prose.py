"""A mock answer as plain text."""

from collections.abc import Iterator
from itertools import islice

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.length import Length
from failsoft_router.core.mock.phrases import Phrases
from failsoft_router.core.mock.tokens import words

_USUAL_SENTENCES = 3


def prose(phrases: Phrases, length: Length, draws: Draws) -> str:
    """Whole sentences of about the length that was asked for.

    The first says what it is and is always there, however few words were asked for.
    """
    if length.sentences is not None:
        return phrases.gap.join(_sentences(phrases, length.sentences, draws))
    if length.words is None:
        return phrases.gap.join(_sentences(phrases, _USUAL_SENTENCES, draws))
    chosen: list[str] = []
    left = length.words
    for sentence in _endless(phrases, draws):
        left -= words(sentence)
        if chosen and left < 0:
            break
        chosen.append(sentence)
    return phrases.gap.join(chosen)


def _sentences(phrases: Phrases, count: int, draws: Draws) -> Iterator[str]:
    """The opening, and the closing last when there is room for three."""
    if count < _USUAL_SENTENCES:
        yield from islice(_endless(phrases, draws), count)
    else:
        yield from islice(_endless(phrases, draws), count - 1)
        yield phrases.closing


def _endless(phrases: Phrases, draws: Draws) -> Iterator[str]:
    """The opening, then the sentences of the middle, each round in an order of its own."""
    yield phrases.opening
    while True:
        round_ = list(phrases.middle)
        while round_:
            yield round_.pop(draws.below(len(round_)))
