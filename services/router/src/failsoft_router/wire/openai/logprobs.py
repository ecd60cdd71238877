"""The log probabilities in the chunks of a streamed chat completion.

Chunks are read a second time for them, so that a request that asks for none pays nothing.
"""

from typing import Annotated

import msgspec

from failsoft_model.events import (
    LEAST_LOGPROB,
    BlockKind,
    TokenLogprob,
    TopLogprob,
    bounded_logprob,
)
from failsoft_router.wire.size import AnswerSize

_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Top(msgspec.Struct):
    token: str = ""
    logprob: float = LEAST_LOGPROB
    codes: list[_Byte] | None = msgspec.field(default=None, name="bytes")

    @property
    def data(self) -> bytes:
        return bytes(self.codes or ())

    @property
    def text(self) -> str:
        """As its bytes say it: providers have spellings of their own for half a character."""
        return self.data.decode("utf-8", "replace") or self.token


class _Token(_Top):
    top_logprobs: list[_Top] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None
    refusal: list[_Token] | None = None


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class LogprobReader:
    """Holds the tokens of one answer until the text comes that they are of.

    A token of half a character comes with an empty text, the one before it with none at all.
    """

    def __init__(self) -> None:
        self._held: dict[BlockKind, list[TokenLogprob]] = {}
        self._told = AnswerSize()

    def __bool__(self) -> bool:
        """Whether any token was told."""
        return bool(self._told)

    def read(self, payload: bytes) -> None:
        """Take the tokens of a payload.

        Raises:
            msgspec.DecodeError: they have another form.
            AttemptFailed: `MALFORMED`: they have no end.
        """
        chunk = _decode(payload)
        told = chunk.choices[0].logprobs if chunk.choices else None
        if told is not None:
            self._hold(BlockKind.TEXT, told.content)
            self._hold(BlockKind.REFUSAL, told.refusal)

    def take(self, kind: BlockKind) -> tuple[TokenLogprob, ...]:
        """The tokens of the text that has come now."""
        return tuple(self._held.pop(kind, ()))

    def forget(self) -> None:
        """Drop what is held: it was told of thoughts or calls, whose tokens nobody is shown."""
        self._held.clear()

    def _hold(self, kind: BlockKind, tokens: list[_Token] | None) -> None:
        if not tokens:
            return
        told = [_token(each) for each in tokens]
        self._told.count_tokens(told)
        self._held.setdefault(kind, []).extend(told)


def _token(told: _Token) -> TokenLogprob:
    return TokenLogprob(
        token=told.text,
        logprob=bounded_logprob(told.logprob),
        data=told.data,
        top=tuple([_top(each) for each in told.top_logprobs or ()]),
    )


def _top(told: _Top) -> TopLogprob:
    return TopLogprob(token=told.text, logprob=bounded_logprob(told.logprob), data=told.data)
