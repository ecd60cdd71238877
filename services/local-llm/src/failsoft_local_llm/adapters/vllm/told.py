"""What vLLM tells of an answer's tokens, in our words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from failsoft_model.events import TokenLogprob, TopLogprob, bounded_logprob

if TYPE_CHECKING:
    from vllm.logprobs import LogprobsOnePosition
    from vllm.outputs import CompletionOutput

Spellings = Mapping[int, bytes]


def told_tokens(
    output: "CompletionOutput", *, alternatives: int, text: Spellings, every: Spellings
) -> tuple[TokenLogprob, ...]:
    """The tokens of the text, each with so many that were likeliest at its place.

    Args:
        text: How tokens are spelled that are part of a text.
        every: How any token is spelled.
    """
    places: Sequence[LogprobsOnePosition] = output.logprobs or ()
    return tuple(
        [
            TokenLogprob(
                token=_shown(text[taken]),
                logprob=bounded_logprob(place[taken].logprob),
                data=text[taken],
                top=_likeliest(place, alternatives, every),
            )
            for taken, place in zip(output.token_ids, places, strict=True)
            if taken in text
        ]
    )


def _likeliest(place: "LogprobsOnePosition", most: int, every: Spellings) -> tuple[TopLogprob, ...]:
    """By their ranks, which begin at 1; the token that was taken may be of any."""
    ranked = sorted((told.rank or 0, token) for token, told in place.items())
    return tuple(
        [
            TopLogprob(
                token=_shown(data := every.get(token, b"")),
                logprob=bounded_logprob(place[token].logprob),
                data=data,
            )
            for rank, token in ranked
            if 1 <= rank <= most
        ]
    )


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "replace")
