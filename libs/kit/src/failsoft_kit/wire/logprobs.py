"""The tokens of an answer with their probabilities; only who asks for them comes here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from failsoft_model.events import TokenLogprob, TopLogprob, bounded_logprob

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from failsoft.inference.v1 import inference_service_pb2 as pb

    Tokens = RepeatedCompositeFieldContainer[pb.TokenLogprob]


def fill_logprobs(into: "Tokens", tokens: Iterable[TokenLogprob]) -> None:
    """Write tokens behind those that are there."""
    for token in tokens:
        added = into.add(token=token.token, logprob=token.logprob, data=token.data)
        for top in token.top:
            added.top.add(token=top.token, logprob=top.logprob, data=top.data)


def decode_logprobs(tokens: "Tokens") -> tuple[TokenLogprob, ...]:
    """The tokens that a peer tells; what is no log probability is made one."""
    return tuple(
        [
            TokenLogprob(
                token=token.token,
                logprob=bounded_logprob(token.logprob),
                data=token.data,
                top=tuple(
                    [
                        TopLogprob(
                            token=top.token, logprob=bounded_logprob(top.logprob), data=top.data
                        )
                        for top in token.top
                    ]
                ),
            )
            for token in tokens
        ]
    )
