"""A text in the pieces of a stream, at a pace that a model could have."""

from dataclasses import dataclass

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.tokens import tokens

LONGEST = 2.0
"""Seconds; no mock answer takes longer to be said."""

_MOST_PIECES = 64
_FIRST_MS = (150, 250)
_LATER_MS = (15, 45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a stream and the pause before it, in seconds."""

    text: str
    pause: float


def pieces(text: str, draws: Draws) -> tuple[Piece, ...]:
    """The text in pieces of a few tokens; all pauses together are at most `LONGEST`."""
    parts = tokens(text)
    fewest = -(-len(parts) // _MOST_PIECES)
    texts = []
    start = 0
    while start < len(parts):
        size = fewest + draws.below(3)
        texts.append("".join(parts[start : start + size]))
        start += size
    pauses = _pauses(len(texts), draws)
    return tuple(Piece(text=text, pause=pause) for text, pause in zip(texts, pauses, strict=True))


def _pauses(count: int, draws: Draws) -> list[float]:
    ranges = [_FIRST_MS, *[_LATER_MS] * (count - 1)][:count]
    pauses = [(least + draws.below(most - least + 1)) / 1000 for least, most in ranges]
    slowdown = LONGEST / max(LONGEST, sum(pauses))
    return [pause * slowdown for pause in pauses]
