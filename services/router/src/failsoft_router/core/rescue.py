"""What becomes of an answer whose target died after some of it had left for its reader.

Pure: what has left, the request and the route's policy in, a judgement out.

| what has left | `continue` | where the reader cannot see a reset |
|---|---|---|
| text | the next target goes on from it | the same |
| text, then a tool call or a refusal | the call is void, the text is gone on from | fail |
| a tool call or a refusal, and no text before it | start over | fail |
| text that is one JSON document, or has a form or probabilities | start over | fail |
| reasoning only | start over | another answer, behind the reasoning |

Nobody goes on inside a tool call: half of its arguments in one target's words and half in
another's are no arguments. The same goes for JSON and for what a form is asked of; and the
tokens that probabilities are told of cannot be cut at a seam.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from failsoft_model.chat import ChatRequest, ResponseFormatKind
from failsoft_model.events import BlockKind
from failsoft_router.core.policy import Midstream

LONGEST = 1024 * 1024
"""Bytes that can be gone on from: what the contract takes as `continue_from`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A block of an answer, as far as its reader has it."""

    block: int
    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """The next target goes on.

    Attributes:
        text: All that the assistant has said of the answer; empty: it tells one of its own,
            behind what has left.
        block: The block that it goes on in; None: a new one.
        next_block: The number of the next new block.
        void_from: What was sent from this block on is void; None: nothing is.
    """

    text: str
    block: int | None
    next_block: int
    void_from: int | None = None


class Otherwise(enum.Enum):
    """What else becomes of it."""

    START_OVER = "start_over"
    """What was sent is void, and the next target tells another answer."""
    FAIL = "fail"
    """What was sent is all that there will be."""


def rescue(
    said: Sequence[Said], request: ChatRequest, *, midstream: Midstream, sees_resets: bool
) -> Continuation | Otherwise:
    """What becomes of an answer of which this has left.

    Args:
        said: In the order of the blocks; at least one.
        sees_resets: The reader can be told that what it was sent is void.
    """
    if midstream is Midstream.FAIL:
        return Otherwise.FAIL
    otherwise = Otherwise.START_OVER if sees_resets else Otherwise.FAIL
    if not sees_resets and all(block.kind is BlockKind.REASONING for block in said):
        return Continuation(text="", block=None, next_block=said[-1].block + 1)
    if midstream is Midstream.RESTART or _is_one_piece(request):
        return otherwise
    kept = _whole_beginning(said)
    text = "".join(block.text for block in kept if block.kind is BlockKind.TEXT)
    is_cut = len(kept) < len(said)
    if not text.strip() or (is_cut and not sees_resets):
        return otherwise
    text = request.continue_from + text
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        return otherwise
    last = kept[-1]
    return Continuation(
        text=text,
        block=last.block if last.kind is BlockKind.TEXT else None,
        next_block=last.block + 1,
        void_from=said[len(kept)].block if is_cut else None,
    )


def _whole_beginning(said: Sequence[Said]) -> Sequence[Said]:
    """The blocks before the first one that nobody else can go on with."""
    for place, block in enumerate(said):
        if block.kind in (BlockKind.TOOL_CALL, BlockKind.REFUSAL):
            return said[:place]
    return said


def _is_one_piece(request: ChatRequest) -> bool:
    """Whether two targets cannot share the answer."""
    formed = request.response_format.kind is not ResponseFormatKind.TEXT
    return formed or request.sampling.logprobs
