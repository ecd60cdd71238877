"""Puts the pieces of an answer together, and takes a whole one apart."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from failsoft_model.chat import Message, Part, Role, Text, ToolCall
from failsoft_model.events import BlockKind, Choice, Delta, TokenLogprob
from failsoft_router.core.rescue import Said

REPLAY_CHARACTERS = 80
"""A stored answer is streamed in pieces of at most this many characters."""


@dataclass(slots=True)
class _Block:
    kind: BlockKind
    pieces: list[str] = field(default_factory=list)
    tool_call_id: str = ""
    tool_name: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)


class Assembler:
    """Collects the deltas of one answer, block by block."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}

    def add(self, delta: Delta) -> None:
        """Take the next piece."""
        block = self._blocks.get(delta.block)
        if block is None:
            block = self._blocks[delta.block] = _Block(delta.kind)
        block.pieces.append(delta.text)
        if delta.logprobs:
            block.logprobs += delta.logprobs
        if delta.tool_name:
            block.tool_name = delta.tool_name
        if delta.tool_call_id:
            block.tool_call_id = delta.tool_call_id

    def clear(self, *, from_block: int = 0) -> None:
        """Forget the blocks from this one on: they start again."""
        for block in [block for block in self._blocks if block >= from_block]:
            del self._blocks[block]

    def said(self) -> tuple[Said, ...]:
        """The blocks so far."""
        return tuple(
            Said(block=number, kind=block.kind, text="".join(block.pieces))
            for number, block in sorted(self._blocks.items())
        )

    def choice(self) -> Choice:
        """The answer so far."""
        parts: list[Part] = []
        reasoning = refusal = ""
        of_refusal: list[TokenLogprob] = []
        of_text: list[TokenLogprob] = []
        for block in self._blocks.values():
            text = "".join(block.pieces)
            match block.kind:
                case BlockKind.TEXT:
                    parts.append(Text(text=text))
                    of_text += block.logprobs
                case BlockKind.TOOL_CALL:
                    call = ToolCall(
                        id=block.tool_call_id, name=block.tool_name, arguments_json=text
                    )
                    parts.append(call)
                case BlockKind.REASONING:
                    reasoning += text
                case BlockKind.REFUSAL:
                    refusal += text
                    of_refusal += block.logprobs
        return Choice(
            message=Message(role=Role.ASSISTANT, parts=tuple(parts)),
            reasoning=reasoning,
            refusal=refusal,
            logprobs=(*of_refusal, *of_text),
        )


class _Tokens:
    """The tokens of a whole answer, in step with the pieces of its refusal and its text."""

    def __init__(self, choice: Choice) -> None:
        texts = [part.text for part in choice.message.parts if isinstance(part, Text)]
        self._left = deque(choice.logprobs)
        self._unsaid = len(choice.refusal) + sum(map(len, texts))
        self._lead = 0
        """Bytes by which the tokens that were given are ahead of the text."""

    def of(self, piece: str) -> tuple[TokenLogprob, ...]:
        """Those that begin within the next piece; with the last one, all that are left."""
        self._unsaid -= len(piece)
        self._lead -= len(piece.encode("utf-8", "surrogatepass"))
        given: list[TokenLogprob] = []
        while self._left and (self._lead < 0 or self._unsaid <= 0):
            token = self._left.popleft()
            self._lead += len(token.data) or len(token.token.encode("utf-8", "surrogatepass"))
            given.append(token)
        return tuple(given)


def replay(choice: Choice) -> Iterator[Delta]:
    """A whole answer as the deltas of a stream, in pieces that a reader can follow."""
    block = 0
    tokens = _Tokens(choice) if choice.logprobs else None
    for kind, text in (
        (BlockKind.REASONING, choice.reasoning),
        (BlockKind.REFUSAL, choice.refusal),
    ):
        if text:
            yield from _pieces(kind, text, block, tokens)
            block += 1
    for part in choice.message.parts:
        match part:
            case Text(text=text):
                yield from _pieces(BlockKind.TEXT, text, block, tokens)
            case ToolCall():
                yield Delta(
                    text=part.arguments_json,
                    kind=BlockKind.TOOL_CALL,
                    block=block,
                    tool_call_id=part.id,
                    tool_name=part.name,
                )
        block += 1


def _pieces(kind: BlockKind, text: str, block: int, tokens: _Tokens | None) -> Iterator[Delta]:
    if kind is BlockKind.REASONING:
        tokens = None
    for start in range(0, len(text), REPLAY_CHARACTERS):
        piece = text[start : start + REPLAY_CHARACTERS]
        logprobs = () if tokens is None else tokens.of(piece)
        yield Delta(text=piece, kind=kind, block=block, logprobs=logprobs)
