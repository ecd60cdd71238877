"""Blocks one after the other, in whatever order a provider sends their pieces.

The contract's blocks never alternate, so that a reader may take a new one for the end of
the one before; some providers send the pieces of parallel tool calls in turns. The pieces
of a later block then wait until the earlier one has ended: a text when another block
begins, a tool call when its arguments are a whole JSON value or its place is taken by
another call, and all of them with the answer.

Pieces of one block that are given at the same time are given as one.
"""

from dataclasses import dataclass, field, replace

from failsoft_model.events import BlockKind, Delta, TokenLogprob
from failsoft_model.limits import MAX_PARTS
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed


class JsonEnd:
    """Tells when a JSON object or array that comes in pieces is whole.

    Looks at each character once, and only when somebody asks.
    """

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._depth = 0
        self._began = False
        self._in_text = False
        self._escaped = False

    def feed(self, piece: str) -> None:
        """Take the next piece."""
        self._unread.append(piece)

    def reached(self) -> bool:
        """Whether the last bracket was closed."""
        for piece in self._unread:
            for char in piece:
                self._read(char)
        self._unread.clear()
        return self._began and self._depth <= 0

    def _read(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = self._in_text
        elif char == '"':
            self._in_text = not self._in_text
        elif self._in_text:
            pass
        elif char in "{[":
            self._began = True
            self._depth += 1
        elif char in "}]":
            self._depth -= 1


@dataclass(slots=True)
class _Block:
    """One block; of a tool call, with the id and the name that were not given yet."""

    number: int
    kind: BlockKind
    call_id: str = ""
    replaced: bool = False
    waiting: list[str] = field(default_factory=list)
    new_id: str = ""
    new_name: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    arguments: JsonEnd = field(default_factory=JsonEnd)

    def has_ended(self) -> bool:
        """Whether nothing more is said in it, now that another block has begun."""
        return self.kind is not BlockKind.TOOL_CALL or self.replaced or self.arguments.reached()

    def give(self) -> Delta:
        """All that waits, as one piece."""
        delta = Delta(
            text="".join(self.waiting),
            kind=self.kind,
            block=self.number,
            tool_call_id=self.new_id,
            tool_name=self.new_name,
        )
        self.waiting.clear()
        self.new_id = self.new_name = ""
        if self.logprobs:
            delta = replace(delta, logprobs=self.logprobs)
            self.logprobs = ()
        return delta


class Blocks:
    """Takes an answer's pieces as they come, and gives them block by block."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._given = 0
        """Number of the first block of which something may not have been given."""
        self._giving = 0
        """Number of the block whose pieces are given now; those before it are over."""
        self._calls: dict[int, _Block] = {}

    def say(self, kind: BlockKind, text: str) -> None:
        """Take a piece of text. A run of one kind is one block.

        Raises:
            AttemptFailed: `MALFORMED`: the answer has more blocks than a message may have parts.
        """
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.kind is not kind or last.number < self._giving:
            last = self._begin(kind)
        last.waiting.append(text)

    def tell(self, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Take the tokens of the piece of text that was said last."""
        self._blocks[-1].logprobs += logprobs

    def call(self, index: int, *, call_id: str, name: str, arguments: str) -> None:
        """Take a piece of a tool call.

        Args:
            index: The provider's number of the call. A new id is a new call all the same:
                some providers number every call 0.

        Raises:
            AttemptFailed: `MALFORMED`: the call goes on after its arguments ended, or the
                answer has more blocks than a message may have parts.
        """
        block = self._calls.get(index)
        if block is None or (call_id and block.call_id and call_id != block.call_id):
            if block is not None:
                block.replaced = True
            block = self._calls[index] = self._begin(BlockKind.TOOL_CALL)
        block.call_id = call_id or block.call_id
        if block.number < self._giving:
            if arguments.isspace():
                return
            raise AttemptFailed(ErrorClass.MALFORMED, "a tool call goes on after its end")
        block.waiting.append(arguments)
        block.new_id = block.new_id or call_id
        block.new_name = block.new_name or name
        block.arguments.feed(arguments)
        self._advance()

    def end(self) -> None:
        """The answer is over: nothing waits any longer."""
        self._giving = len(self._blocks)

    def give(self) -> list[Delta]:
        """What was said since the last time and may be given now."""
        deltas = [
            block.give() for block in self._blocks[self._given : self._giving + 1] if block.waiting
        ]
        self._given = self._giving
        return deltas

    def _begin(self, kind: BlockKind) -> _Block:
        if len(self._blocks) == MAX_PARTS:
            # As a message it would be refused when it came back, and calls without an end
            # are kept without an end.
            raise AttemptFailed(ErrorClass.MALFORMED, "the answer has too many parts")
        block = _Block(len(self._blocks), kind)
        self._blocks.append(block)
        self._advance()
        return block

    def _advance(self) -> None:
        """Pass over the blocks that have ended."""
        last = len(self._blocks) - 1
        while self._giving < last and self._blocks[self._giving].has_ended():
            self._giving += 1
