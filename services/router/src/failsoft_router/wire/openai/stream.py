"""The chunks of a streamed chat completion as deltas of ours."""

from typing import Annotated

import msgspec

from failsoft_model.events import BlockKind, Delta
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.blocks import Blocks
from failsoft_router.wire.ending import known_id, known_model, whole
from failsoft_router.wire.openai.error_body import ErrorBody
from failsoft_router.wire.openai.errors import from_error_object
from failsoft_router.wire.openai.finish import finish_reason
from failsoft_router.wire.openai.logprobs import LogprobReader
from failsoft_router.wire.size import AnswerSize, bounded_count


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: Annotated[int, msgspec.Meta(ge=0)] = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Reasoning(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None


class _Chunk(msgspec.Struct):
    id: object = None
    model: str = ""
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: ErrorBody | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChunkReader:
    """Turns payloads into deltas and remembers what the ending needs.

    A block is a run of one kind, and each tool call is a block of its own; they never
    alternate (see `Blocks`).
    """

    def __init__(
        self, *, model: str, logprobs: bool = False, may_say_nothing: bool = False
    ) -> None:
        """
        Args:
            model: The model id that was asked for, until the provider names its own.
            logprobs: Tokens with their log probabilities were asked for.
            may_say_nothing: The request explains an empty answer; see `size.may_be_empty`.
        """
        self._model = model
        self._told_model = ""
        self._id: object = None
        self._may_say_nothing = may_say_nothing
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._blocks = Blocks()
        self._said = AnswerSize()
        self._logprobs = LogprobReader() if logprobs else None
        self._spoke = False
        """There was text, which has tokens that may be told."""

    @property
    def finished(self) -> bool:
        """A finish reason came; only usage may follow."""
        return self._finish_reason is not None

    @property
    def complete(self) -> bool:
        """Finish reason and usage came: nothing more is worth waiting for."""
        return self._finish_reason is not None and self._usage is not None

    def read(self, payload: bytes) -> None:
        """Take one payload; `content` gives what it says.

        Raises:
            AttemptFailed: `MALFORMED`, also when the answer has no end; what a finish reason
                of a broken answer means; or the class of an error inside the stream.
        """
        try:
            chunk = _decode(payload)
            if self._logprobs is not None:
                self._logprobs.read(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AttemptFailed(
                ErrorClass.MALFORMED, "the stream has a chunk that is no chat completion"
            ) from error
        if chunk.error is not None:
            raise from_error_object(chunk.error)
        if chunk.model:
            self._told_model = chunk.model
        self._id = self._id or chunk.id
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage)
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        if choice.delta is not None:
            self._take(choice.delta)
        if choice.finish_reason:
            self._finish_reason = finish_reason(choice.finish_reason)
            self._blocks.end()

    def content(self) -> list[Delta]:
        """What the payloads since the last time say; the pieces of one block are one."""
        return self._blocks.give()

    def ending(self, *, dropped_parameters: tuple[str, ...] = ()) -> Ending:
        """What the stream said of itself, after its body ended cleanly.

        Args:
            dropped_parameters: Field paths that the request could not carry.

        Raises:
            AttemptFailed: `TRUNCATED`: no finish reason came, or no content although
                nothing of the request's explains that; `CONTENT_FILTER`: the provider cut it.
        """
        finish = whole(
            self._finish_reason, said=bool(self._said), may_say_nothing=self._may_say_nothing
        )
        if self._spoke and self._logprobs is not None and not self._logprobs:
            dropped_parameters = (*dropped_parameters, "sampling.logprobs")
        return Ending(
            finish_reason=finish,
            model=known_model(self._told_model, asked=self._model),
            response_id=known_id(self._id),
            usage=self._usage,
            dropped_parameters=dropped_parameters,
        )

    def _take(self, delta: _Delta) -> None:
        if delta.reasoning_content:
            self._said.count(len(delta.reasoning_content))
            self._blocks.say(BlockKind.REASONING, delta.reasoning_content)
        if delta.content:
            self._say(BlockKind.TEXT, delta.content)
        if delta.refusal:
            self._say(BlockKind.REFUSAL, delta.refusal)
        for call in delta.tool_calls or ():
            function = call.function or _Function()
            call_id, name, arguments = call.id or "", function.name or "", function.arguments or ""
            if call_id or name or arguments:
                self._said.count(len(call_id) + len(name) + len(arguments))
                self._blocks.call(call.index, call_id=call_id, name=name, arguments=arguments)
        if self._logprobs is not None and (delta.reasoning_content or delta.tool_calls):
            self._logprobs.forget()

    def _say(self, kind: BlockKind, text: str) -> None:
        self._said.count(len(text))
        self._blocks.say(kind, text)
        if self._logprobs is not None:
            self._spoke = True
            self._blocks.tell(self._logprobs.take(kind))


def _usage(usage: _Usage) -> Usage:
    cached = usage.prompt_tokens_details
    reasoning = usage.completion_tokens_details
    return Usage(
        input_tokens=bounded_count(usage.prompt_tokens),
        output_tokens=bounded_count(usage.completion_tokens),
        cached_input_tokens=bounded_count(cached.cached_tokens if cached else None),
        reasoning_tokens=bounded_count(reasoning.reasoning_tokens if reasoning else None),
    )
