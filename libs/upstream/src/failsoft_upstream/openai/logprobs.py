"""The tokens of a text with probabilities that are made up, always the same for the same text."""

import math
from collections.abc import Sequence

from failsoft_upstream.answer import split

Json = dict[str, object]


def logprobs_of(text: str, *, alternatives: int) -> Sequence[Json]:
    """One entry a token, as OpenAI writes it.

    Args:
        alternatives: The likeliest tokens at each place; the first is the one that was taken.
    """
    return [_token(token, alternatives) for token in split(text)]


def _token(token: str, alternatives: int) -> Json:
    tops = [_entry(token + "s" * place, place=place) for place in range(alternatives)]
    return {**_entry(token, place=0), "top_logprobs": tops}


def _entry(token: str, *, place: int) -> Json:
    """Each has half of the probability that those before it have left over."""
    return {
        "token": token,
        "logprob": math.log(0.5 ** (place + 1)),
        "bytes": list(token.encode()),
    }
