"""How much an answer may say, and when it may say nothing.

What has no end must not be kept without an end: the limits of time alone would let a fast
target send gigabytes.
"""

from collections.abc import Iterable

from failsoft_model.chat import ChatRequest, ResponseFormatKind
from failsoft_model.events import TokenLogprob
from failsoft_model.walk import ErrorClass
from failsoft_router.core.going_on import is_asked_to_go_on
from failsoft_router.ports import AttemptFailed

_LEAST_PIECE = 16
"""Characters that each piece counts for at least; keeping one costs about as much."""

MAX_COUNTED = _LEAST_PIECE * 1024 * 1024
"""Characters as they are counted: a million tokens may come one by one."""

_MAX_COUNT = 2**32 - 1


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
        if self._characters > MAX_COUNTED:
            raise AttemptFailed(ErrorClass.MALFORMED, "the answer has no end")

    def count_tokens(self, tokens: Iterable[TokenLogprob]) -> None:
        """Count what is told of tokens, each with its alternatives. Raises as `count` does."""
        for token in tokens:
            self.count(len(token.token))
            for top in token.top:
                self.count(len(top.token))


def may_be_empty(request: ChatRequest) -> bool:
    """Whether the request explains an answer that says nothing and ended by itself.

    A stop sequence can be its first word, a bias can end it before that, there may be nothing
    left to continue, and the form may allow it. Else nobody asks to be told nothing, and an
    empty answer is how some providers fail.
    """
    sampling, form = request.sampling, request.response_format
    emptied = bool(sampling.stop or sampling.logit_bias) or is_asked_to_go_on(request)
    return emptied or form.kind is ResponseFormatKind.REGEX


def bounded_count(number: int | None) -> int:
    """What a provider counted, as the contract can carry it."""
    return min(max(0, number or 0), _MAX_COUNT)
