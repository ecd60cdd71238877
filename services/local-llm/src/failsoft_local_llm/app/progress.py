"""What one answer has come to so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from failsoft_local_llm.core.answer import AnswerText
from failsoft_local_llm.core.blocks import Blocks
from failsoft_local_llm.core.tokens import ToldTokens
from failsoft_local_llm.ports import Chunk
from failsoft_model.chat import Sampling
from failsoft_model.events import Delta
from failsoft_model.walk import FinishReason


@dataclass(slots=True)
class Progress:
    """Makes the deltas of an answer of what its engine says."""

    text: AnswerText
    tokens: ToldTokens | None
    """None: nobody wants to be told of them."""
    blocks: Blocks = field(default_factory=Blocks)
    output_tokens: int = 0
    cached_tokens: int = 0
    finish: FinishReason | None = None
    """None: it goes on, or its engine has ended without a word."""

    def feed(self, chunk: Chunk) -> list[Delta]:
        """What the caller gets of this chunk; behind a stop string nothing counts any more."""
        return list(self._deltas(chunk))

    def _deltas(self, chunk: Chunk) -> Iterator[Delta]:
        self.output_tokens += chunk.tokens
        self.cached_tokens += chunk.cached_tokens
        self.finish = chunk.finish
        if self.tokens is not None:
            self.tokens.feed(chunk.logprobs)
        if piece := _piece(self.text, chunk):
            yield self.blocks.text(piece, () if self.tokens is None else self.tokens.of(piece))
        if self.text.stopped:
            self.finish = FinishReason.STOP
            return
        yield from map(self.blocks.call, chunk.calls)
        if self.finish is FinishReason.STOP and self.blocks.calls_tools:
            self.finish = FinishReason.TOOL_CALLS


def progress(sampling: Sampling) -> Progress:
    """Of an answer that has not begun yet."""
    return Progress(AnswerText(sampling.stop), ToldTokens() if sampling.logprobs else None)


def _piece(text: AnswerText, chunk: Chunk) -> str:
    """The text that is certain after this chunk; with the last one, all that is left."""
    piece = text.feed(chunk.data)
    return piece if chunk.finish is None else piece + text.finish()
