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
    """Numbers the blocks of one answer and remembers what is in them."""

    def __init__(self) -> None:
        self._pieces: list[list[Delta]] = []
        self._call: int | None = None

    @property
    def calls_tools(self) -> bool:
        """Whether there is a tool call in the answer."""
        return any(pieces[0].kind is BlockKind.TOOL_CALL for pieces in self._pieces)

    def text(self, piece: str, logprobs: tuple[TokenLogprob, ...] = ()) -> Delta:
        """The next text, and its tokens; goes on with the block if that is one of text."""
        if not self._pieces or self._call is not None:
            self._begin(call=None)
        return self._keep(Delta(text=piece, block=self._last, logprobs=logprobs))

    def call(self, piece: CallPiece) -> Delta:
        """The next piece of a tool call; another call is another block."""
        if self._call != piece.call:
            self._begin(call=piece.call)
        delta = Delta(
            text=piece.arguments,
            kind=BlockKind.TOOL_CALL,
            block=self._last,
            tool_call_id=piece.id,
            tool_name=piece.name,
        )
        return self._keep(delta)

    def parts(self) -> tuple[Part, ...]:
        """The answer so far, one part a block."""
        return tuple(_part(pieces) for pieces in self._pieces)

    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """The tokens of the text so far."""
        return tuple(
            token for pieces in self._pieces for piece in pieces for token in piece.logprobs
        )

    @property
    def _last(self) -> int:
        return len(self._pieces) - 1

    def _begin(self, *, call: int | None) -> None:
        self._pieces.append([])
        self._call = call

    def _keep(self, delta: Delta) -> Delta:
        self._pieces[-1].append(delta)
        return delta


def _part(pieces: list[Delta]) -> Part:
    first, text = pieces[0], "".join(piece.text for piece in pieces)
    if first.kind is BlockKind.TOOL_CALL:
        return ToolCall(id=first.tool_call_id, name=first.tool_name, arguments_json=text)
    return Text(text=text)
