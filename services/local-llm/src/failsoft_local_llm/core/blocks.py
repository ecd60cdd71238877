"""The blocks of one answer: runs of text, and tool calls, one behind the other."""

from dataclasses import dataclass

from failsoft_model.chat import Part, Text, ToolCall
from failsoft_model.events import BlockKind, Delta, TokenLogprob


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPiece:
    """The next piece of a tool call. The pieces of one call come without others between them."""

    call: int
    """Which call of the answer, from 0."""
    arguments: str
    """The next fragment of the arguments, a JSON object; may be empty."""
    id: str = ""
    """Set on the call's first piece."""
    name: str = ""
    """Set on the call's first piece."""


class Blocks:
    """Numbers the blocks of one answer; remembers nothing of what is in them."""

    def __init__(self) -> None:
        self._last = -1
        self._call: int | None = None
        self.calls_tools = False
        """Whether there is a tool call in the answer."""

    def text(self, piece: str, logprobs: tuple[TokenLogprob, ...] = ()) -> Delta:
        """The next text, and its tokens; goes on with the block if that is one of text."""
        if self._last < 0 or self._call is not None:
            self._begin(call=None)
        return Delta(text=piece, block=self._last, logprobs=logprobs)

    def call(self, piece: CallPiece) -> Delta:
        """The next piece of a tool call; another call is another block."""
        if self._call != piece.call:
            self._begin(call=piece.call)
        self.calls_tools = True
        return Delta(
            text=piece.arguments,
            kind=BlockKind.TOOL_CALL,
            block=self._last,
            tool_call_id=piece.id,
            tool_name=piece.name,
        )

    def _begin(self, *, call: int | None) -> None:
        self._last += 1
        self._call = call


class Gathered:
    """A whole answer out of its deltas."""

    def __init__(self) -> None:
        self._blocks: list[list[Delta]] = []

    def add(self, delta: Delta) -> None:
        """The next one."""
        if delta.block == len(self._blocks):
            self._blocks.append([])
        self._blocks[delta.block].append(delta)

    def parts(self) -> tuple[Part, ...]:
        """One part a block."""
        return tuple(_part(deltas) for deltas in self._blocks)

    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """The tokens of the text."""
        return tuple(
            token for deltas in self._blocks for delta in deltas for token in delta.logprobs
        )


def _part(deltas: list[Delta]) -> Part:
    first, text = deltas[0], "".join(delta.text for delta in deltas)
    if first.kind is BlockKind.TOOL_CALL:
        return ToolCall(id=first.tool_call_id, name=first.tool_name, arguments_json=text)
    return Text(text=text)
