"""Tokens with their log probabilities, in OpenAI's form."""

from collections.abc import Sequence

from failsoft_model.events import TokenLogprob, TopLogprob

Json = dict[str, object]


def encode_logprobs(tokens: Sequence[TokenLogprob], *, refusal: bool) -> Json:
    """The object `logprobs` of a choice.

    Args:
        refusal: The tokens are those of a refusal, and not of the text.
    """
    told = [{**_one(token), "top_logprobs": [_one(each) for each in token.top]} for token in tokens]
    return {"content": None if refusal else told, "refusal": told if refusal else None}


def _one(token: TokenLogprob | TopLogprob) -> Json:
    codes = list(token.data) if token.data else None
    return {"token": token.token, "logprob": token.logprob, "bytes": codes}
