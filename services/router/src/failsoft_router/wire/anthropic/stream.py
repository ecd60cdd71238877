"""The events of a streamed message as deltas of ours.

    message_start         model, tokens of the question
    content_block_start   a text, a thought, or a tool call with its id and name
    content_block_delta   a piece of it
    content_block_stop
    message_delta         why it stopped, tokens of the answer
    message_stop
    error                 instead of any of them

Whatever else comes, such as `ping`, or the blocks of a server's own tools, says nothing. The
signatures of thoughts and what is sent of them encrypted mean something to their maker alone:
they are not kept, so nobody else is ever sent them.
"""

import msgspec

from failsoft_model.events import BlockKind, Delta
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.anthropic.errors import from_error_object
from failsoft_router.wire.anthropic.finish import finish_reason
from failsoft_router.wire.blocks import Blocks
from failsoft_router.wire.ending import known_id, known_model, whole
from failsoft_router.wire.size import AnswerSize, bounded_count


class _Usage(msgspec.Struct):
    """Cumulative; what is missing is as it was."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None


class _Message(msgspec.Struct):
    id: object = None
    model: str = ""
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: object = None


_decode = msgspec.json.Decoder(_Event).decode

_NO_ARGUMENTS = "{}"


class EventReader:
    """Turns events into deltas and remembers what the ending needs."""

    def __init__(self, *, model: str, may_say_nothing: bool = False) -> None:
        """
        Args:
            model: The model id that was asked for, until the provider names its own.
            may_say_nothing: The request explains an empty answer; see `size.may_be_empty`.
        """
        self._model = model
        self._told_model = ""
        self._id: object = None
        self._may_say_nothing = may_say_nothing
        self._finish_reason: FinishReason | None = None
        self._stopped = False
        self._usage = _Usage()
        self._blocks = Blocks()
        self._said = AnswerSize()
        self._calls: dict[int, str] = {}
        """Tool calls that have no arguments yet, by their blocks' numbers, with those that were
        told at the beginning: some servers tell them there."""

    @property
    def finished(self) -> bool:
        """A stop reason came."""
        return self._finish_reason is not None

    @property
    def complete(self) -> bool:
        """The stop reason came with usage, or nothing more comes."""
        return self._stopped or (self.finished and self._usage.output_tokens is not None)

    def read(self, payload: bytes) -> None:
        """Take one payload; `content` gives what it says.

        Raises:
            AttemptFailed: `MALFORMED`, also when the answer has no end; what a stop reason of a
                broken answer means; or the class of an error inside the stream.
        """
        try:
            event = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AttemptFailed(
                ErrorClass.MALFORMED, "the stream has an event that is none of Messages"
            ) from error
        if event.error is not None:
            raise from_error_object(event.error)
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._go_on(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                self._begin(event.index, event.content_block)
            case "content_block_stop":
                self._end(event.index)
            case "message_start" if event.message is not None:
                self._told_model = event.message.model
                self._id = event.message.id
                self._count(event.message.usage)
                # Of the answer there is nothing to count yet, whatever it says.
                self._usage.output_tokens = None
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None and event.delta.stop_reason:
                    self._finish(event.delta.stop_reason)
            case "message_stop":
                self._stopped = True

    def content(self) -> list[Delta]:
        """What the payloads since the last time say; the pieces of one block are one."""
        return self._blocks.give()

    def ending(self, *, dropped_parameters: tuple[str, ...] = ()) -> Ending:
        """See `AnswerReader`."""
        reason = whole(
            self._finish_reason, said=bool(self._said), may_say_nothing=self._may_say_nothing
        )
        return Ending(
            finish_reason=reason,
            model=known_model(self._told_model, asked=self._model),
            response_id=known_id(self._id),
            usage=_as_ours(self._usage),
            dropped_parameters=dropped_parameters,
        )

    def _begin(self, index: int, block: _Block) -> None:
        match block.type:
            case "text":
                self._say(BlockKind.TEXT, block.text)
            case "thinking":
                self._say(BlockKind.REASONING, block.thinking)
            case "tool_use":
                call_id, name = block.id or "", block.name or ""
                self._said.count(len(call_id) + len(name))
                self._blocks.call(index, call_id=call_id, name=name, arguments="")
                self._calls[index] = _arguments(block.input)

    def _go_on(self, index: int, delta: _Delta) -> None:
        match delta.type:
            case "text_delta":
                self._say(BlockKind.TEXT, delta.text)
            case "thinking_delta":
                self._say(BlockKind.REASONING, delta.thinking)
            case "input_json_delta" if delta.partial_json and index in self._calls:
                self._calls[index] = ""
                self._add_arguments(index, delta.partial_json)

    def _end(self, index: int) -> None:
        if arguments := self._calls.pop(index, ""):
            self._add_arguments(index, arguments)

    def _finish(self, stop_reason: str) -> None:
        for index in list(self._calls):
            self._end(index)
        self._finish_reason = finish_reason(stop_reason)
        self._blocks.end()

    def _say(self, kind: BlockKind, text: str | None) -> None:
        if text:
            self._said.count(len(text))
            self._blocks.say(kind, text)

    def _add_arguments(self, index: int, piece: str) -> None:
        self._said.count(len(piece))
        self._blocks.call(index, call_id="", name="", arguments=piece)

    def _count(self, usage: _Usage | None) -> None:
        if usage is None:
            return
        for name in _Usage.__struct_fields__:
            value = getattr(usage, name)
            if value is not None:
                setattr(self._usage, name, value)


def _arguments(whole_input: msgspec.Raw) -> str:
    """The arguments of a call that are told when it begins."""
    told = bytes(whole_input)
    if not told.startswith(b"{"):
        return _NO_ARGUMENTS
    try:
        return told.decode()
    except UnicodeDecodeError as error:
        raise AttemptFailed(ErrorClass.MALFORMED, "a tool call is no Unicode") from error


def _as_ours(usage: _Usage) -> Usage | None:
    """The question's tokens with those that were cached, which Messages counts apart."""
    if usage.output_tokens is None:
        return None
    cached = bounded_count(usage.cache_read_input_tokens)
    created = bounded_count(usage.cache_creation_input_tokens)
    return Usage(
        input_tokens=bounded_count(bounded_count(usage.input_tokens) + cached + created),
        output_tokens=bounded_count(usage.output_tokens),
        cached_input_tokens=cached,
    )
