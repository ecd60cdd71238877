"""How much an answer may say: what has no end must not be kept without an end.

The limits of time alone would let a fast target send gigabytes.
"""

from collections.abc import Iterable

from failsoft_model.events import TokenLogprob
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import MAX_ANSWER, AttemptFailed

_LEAST_PIECE = 16
"""Characters that each piece counts for at least; keeping one costs about as much."""


class AnswerSize:
    """Counts one answer's pieces."""

    def __init__(self) -> None:
        self._characters = 0

    def __bool__(self) -> bool:
        """Whether anything was said."""
        return self._characters > 0

    def count(self, characters: int) -> None:
        """Count a piece of so many characters.

        Raises:
            AttemptFailed: `MALFORMED`: the answer has no end.
        """
        self._characters += max(_LEAST_PIECE, characters)
        if self._characters > MAX_ANSWER:
            raise AttemptFailed(ErrorClass.MALFORMED, "the answer has no end")

    def count_tokens(self, tokens: Iterable[TokenLogprob]) -> None:
        """Count what is told of tokens, each with its alternatives. Raises as `count` does."""
        for token in tokens:
            self.count(len(token.token))
            for top in token.top:
                self.count(len(top.token))
