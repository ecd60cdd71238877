"""The chunks of a streamed answer of Gemini's as deltas of ours.

Parts come whole or in pieces: a run of text is one block, a run of thoughts is one, and
each call is a block of its own, which comes in one piece.
"""

import hashlib

import msgspec

from failsoft_model.events import BlockKind, Delta
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.blocks import Blocks
from failsoft_router.wire.ending import known_id, known_model, whole
from failsoft_router.wire.gemini.error_body import ErrorBody
from failsoft_router.wire.gemini.errors import from_error_object
from failsoft_router.wire.gemini.finish import finish_reason
from failsoft_router.wire.gemini.logprobs import read_tokens
from failsoft_router.wire.size import AnswerSize, bounded_count


class _Call(msgspec.Struct):
    name: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    """What is not here (signatures, pictures, code that was run) is not passed on."""

    text: str | None = None
    thought: bool | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: ErrorBody | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChunkReader:
    """Turns payloads into deltas and remembers what the ending needs."""

    def __init__(
        self,
        *,
        model: str,
        request_id: str,
        logprobs: bool = False,
        may_say_nothing: bool = False,
    ) -> None:
        """
        Args:
            model: The model id that was asked for, until the provider names its own.
            request_id: Makes ids of calls that have none differ from other requests'.
            logprobs: Tokens with their log probabilities were asked for.
            may_say_nothing: The request explains an empty answer; see `size.may_be_empty`.
        """
        self._model = model
        self._told_model = ""
        self._request_id = request_id
        self._response_id = ""
        self._logprobs = logprobs
        self._may_say_nothing = may_say_nothing
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._blocks = Blocks()
        self._said = AnswerSize()
        self._calls = 0
        self._spoke = False
        """There was text, which has tokens that may be told."""
        self._told = False
        """Tokens were told."""

    @property
    def finished(self) -> bool:
        """A finish reason came."""
        return self._finish_reason is not None

    @property
    def complete(self) -> bool:
        """Finish reason and usage came: nothing more is worth waiting for."""
        return self._finish_reason is not None and self._usage is not None

    def read(self, payload: bytes) -> None:
        """Take one payload; `content` gives what it says.

        Raises:
            AttemptFailed: `MALFORMED`, also when the answer has no end; `CONTENT_FILTER`: the
                prompt was blocked; what a finish reason of a broken answer means; or the
                class of an error inside the stream.
        """
        try:
            chunk = _decode(payload)
            if chunk.error is not None:
                raise from_error_object(chunk.error)
            self._take(chunk, payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AttemptFailed(
                ErrorClass.MALFORMED, "the stream has a chunk that is no answer of Gemini's"
            ) from error

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
        if self._logprobs and self._spoke and not self._told:
            dropped_parameters = (*dropped_parameters, "sampling.logprobs")
        if self._calls and finish is FinishReason.STOP:
            finish = FinishReason.TOOL_CALLS
        return Ending(
            finish_reason=finish,
            model=known_model(self._told_model, asked=self._model),
            response_id=known_id(self._response_id),
            usage=self._usage,
            dropped_parameters=dropped_parameters,
        )

    def _take(self, chunk: _Chunk, payload: bytes) -> None:
        self._told_model = chunk.model_version or self._told_model
        self._response_id = self._response_id or chunk.response_id or ""
        if chunk.usage_metadata is not None:
            self._usage = _usage(chunk.usage_metadata)
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            raise AttemptFailed(
                ErrorClass.CONTENT_FILTER, "the provider blocked the prompt", http_status=200
            )
        if not chunk.candidates:
            return
        candidate = chunk.candidates[0]
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            self._take_part(part)
        if self._logprobs and parts:
            self._tell(parts, payload)
        if candidate.finish_reason:
            self._finish_reason = finish_reason(candidate.finish_reason)
            self._blocks.end()

    def _take_part(self, part: _Part) -> None:
        if part.text:
            self._said.count(len(part.text))
            self._spoke = self._spoke or not part.thought
            self._blocks.say(BlockKind.REASONING if part.thought else BlockKind.TEXT, part.text)
        if part.function_call is not None:
            self._call(part.function_call)

    def _call(self, call: _Call) -> None:
        arguments = _arguments(call)
        call_id = call.id or self._new_id()
        self._said.count(len(call_id) + len(call.name) + len(arguments))
        self._blocks.call(self._calls, call_id=call_id, name=call.name, arguments=arguments)
        self._calls += 1

    def _new_id(self) -> str:
        """An id that no other call of the conversation has; the same for the same stream."""
        answer = f"{self._request_id}/{self._response_id}".encode("utf-8", "replace")
        return f"call_{hashlib.blake2s(answer, digest_size=8).hexdigest()}_{self._calls}"

    def _tell(self, parts: list[_Part], payload: bytes) -> None:
        """Tell the tokens of the text that came last; those of thoughts and calls nobody is."""
        others = any(part.thought or part.function_call for part in parts)
        if not others and any(part.text for part in parts):
            tokens = read_tokens(payload)
            self._said.count_tokens(tokens)
            self._told = self._told or bool(tokens)
            self._blocks.tell(tokens)


def _arguments(call: _Call) -> str:
    """The arguments as the provider wrote them; it leaves them out where there are none.

    Raises:
        AttemptFailed: `MALFORMED`: they are no object.
    """
    text = bytes(call.args).decode()
    if text == "null":
        return "{}"
    if not text.startswith("{"):
        raise AttemptFailed(ErrorClass.MALFORMED, "a tool call's arguments are no object")
    return text


def _usage(usage: _Usage) -> Usage:
    """Thoughts are output, and the results of built-in tools are input, as elsewhere."""
    prompt, tools = usage.prompt_token_count or 0, usage.tool_use_prompt_token_count or 0
    said, thoughts = usage.candidates_token_count or 0, usage.thoughts_token_count or 0
    return Usage(
        input_tokens=bounded_count(prompt + tools),
        output_tokens=bounded_count(said + thoughts),
        cached_input_tokens=bounded_count(usage.cached_content_token_count),
        reasoning_tokens=bounded_count(thoughts),
    )
