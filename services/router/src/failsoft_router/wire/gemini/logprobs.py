"""The log probabilities in the chunks of a streamed answer.

Chunks are read a second time for them, so that a request that asks for none pays nothing.
"""

import itertools

import msgspec

from failsoft_model.events import LEAST_LOGPROB, TokenLogprob, TopLogprob, bounded_logprob


class _Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = LEAST_LOGPROB


class _Place(msgspec.Struct):
    candidates: list[_Token] | None = None


class _Result(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_Place] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    logprobs_result: _Result | None = None


class _Chunk(msgspec.Struct):
    candidates: list[_Candidate] | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


def read_tokens(payload: bytes) -> tuple[TokenLogprob, ...]:
    """The tokens that a payload tells of, in order; their bytes are not told.

    Raises:
        msgspec.DecodeError: They have another form.
    """
    chunk = _decode(payload)
    result = chunk.candidates[0].logprobs_result if chunk.candidates else None
    if result is None:
        return ()
    places = itertools.chain(result.top_candidates or (), itertools.repeat(_Place()))
    chosen = result.chosen_candidates or ()
    return tuple([_token(each, place) for each, place in zip(chosen, places, strict=False)])


def _token(chosen: _Token, place: _Place) -> TokenLogprob:
    return TokenLogprob(
        token=chosen.token,
        logprob=bounded_logprob(chosen.log_probability),
        top=tuple(
            [
                TopLogprob(token=each.token, logprob=bounded_logprob(each.log_probability))
                for each in place.candidates or ()
            ]
        ),
    )
