"""The tokens of one answer, in step with its text.

Text is held back where it may become part of a stop string, and a character may be spread over
several tokens; what is told of a token leaves with the text that it begins in, or not at all.
"""

import codecs
from collections import deque
from collections.abc import Iterable

from failsoft_model.events import TokenLogprob


class ToldTokens:
    """Holds each token until its text is given. Places are counted in characters."""

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._waiting: deque[tuple[int, TokenLogprob]] = deque()
        self._read = 0
        self._given = 0

    def feed(self, tokens: Iterable[TokenLogprob]) -> None:
        """Take what the engine tells of the next tokens of the text."""
        for token in tokens:
            self._waiting.append((self._read, token))
            self._read += len(self._characters.decode(token.data))

    def of(self, piece: str) -> tuple[TokenLogprob, ...]:
        """Those that begin before the end of the next piece of the text."""
        self._given += len(piece)
        given: list[TokenLogprob] = []
        while self._waiting and self._waiting[0][0] < self._given:
            given.append(self._waiting.popleft()[1])
        return tuple(given)
