"""Chat completions as OpenAI writes them: one JSON document, or server-sent events."""

import orjson

from failsoft_upstream.faults import ErrorKind, FinishReason
from failsoft_upstream.openai.errors import OpenAIErrors
from failsoft_upstream.openai.logprobs import Json, logprobs_of

# The same in every answer, so that equal questions get equal bytes.
_CREATED = 1_767_225_600
_FINGERPRINT = "fp_lookalike"
_ERRORS = OpenAIErrors()
_BROKEN = b'{"id":"chatcmpl-'


def _usage(*, asked: int, said: int) -> bytes:
    usage = {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    return orjson.dumps(usage)


def _head(kind: str, *, identifier: str, model: str) -> bytes:
    """The fields that every document begins with; left open."""
    fields = {
        "id": identifier,
        "object": kind,
        "created": _CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }
    return orjson.dumps(fields)[:-1]


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


class EventEncoder:
    """A streamed answer: `chat.completion.chunk` objects as server-sent events."""

    content_type = "text/event-stream; charset=utf-8"
    streams = True

    def __init__(
        self,
        *,
        identifier: str,
        model: str,
        question_tokens: int,
        include_usage: bool,
        alternatives: int | None = None,
    ) -> None:
        """Prepare what all chunks have in common."""
        self._alternatives = alternatives
        self._question_tokens = question_tokens
        self._model = model
        self._include_usage = include_usage
        self._head = b"data: " + _head("chat.completion.chunk", identifier=identifier, model=model)
        self._before = self._head + b',"choices":[{"index":0,"delta":'
        no_usage = b',"usage":null' if include_usage else b""
        self._end = no_usage + b"}\n\n"
        self._after = b',"logprobs":null,"finish_reason":null}]' + self._end

    def opening(self) -> bytes:
        """The chunk that names the role and says nothing."""
        delta = b'{"role":"assistant","content":"","refusal":null}'
        return self._before + delta + self._after

    def content(self, text: str) -> bytes:
        """A chunk with text."""
        chunk = self._before + b'{"content":' + orjson.dumps(text) + b"}"
        if self._alternatives is None:
            return chunk + self._after
        tokens = logprobs_of(text, alternatives=self._alternatives)
        told = orjson.dumps({"content": tokens, "refusal": None})
        return chunk + b',"logprobs":' + told + b',"finish_reason":null}]' + self._end

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """The chunk with the finish reason, and the one with the usage if it was asked for."""
        chunk = (
            self._before + b'{},"logprobs":null,"finish_reason":"' + reason.value.encode() + b'"}]'
        )
        chunk += self._end
        if self._include_usage:
            usage = _usage(asked=self._question_tokens, said=tokens)
            chunk += self._head + b',"choices":[],"usage":' + usage + b"}\n\n"
        return chunk

    def end(self) -> bytes:
        """OpenAI's mark for the end of a stream."""
        return b"data: [DONE]\n\n"

    def keep_alive(self) -> bytes:
        """A comment, which event readers skip."""
        return b": keep-alive\n\n"

    def blank(self) -> bytes:
        """A chunk with an empty text."""
        return self.content("")

    def tool_call(self, number: int) -> bytes:
        """A chunk with a call's number, id and name."""
        call = {
            "index": number,
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "look_up", "arguments": ""},
        }
        return self._before + orjson.dumps({"tool_calls": [call]}) + self._after

    def broken(self) -> bytes:
        """An event whose data is half a JSON document."""
        return b"data: " + _BROKEN + b"\n\n"

    def nested(self, depth: int) -> bytes:
        """An event whose choices are a list in a list in a list."""
        return self._head + b',"choices":' + _nested(depth) + b"}\n\n"

    def error(self, kind: ErrorKind) -> bytes:
        """An event with an error object."""
        return b"data: " + _ERRORS.of_kind(kind, model=self._model)[1] + b"\n\n"


class DocumentEncoder:
    """A unary answer: one `chat.completion` object."""

    content_type = "application/json"
    streams = False

    def __init__(
        self, *, identifier: str, model: str, question_tokens: int, alternatives: int | None = None
    ) -> None:
        """Prepare the document's beginning."""
        self._alternatives = alternatives
        self._told: list[Json] = []
        self._question_tokens = question_tokens
        self._model = model
        self._head = _head("chat.completion", identifier=identifier, model=model)

    def opening(self) -> bytes:
        """Everything up to the text."""
        return self._head + b',"choices":[{"index":0,"message":{"role":"assistant","content":"'

    def content(self, text: str) -> bytes:
        """Text as it stands inside a JSON string."""
        if self._alternatives is not None:
            self._told += logprobs_of(text, alternatives=self._alternatives)
        return orjson.dumps(text)[1:-1]

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """Everything after the text."""
        usage = _usage(asked=self._question_tokens, said=tokens)
        told = None if self._alternatives is None else {"content": self._told, "refusal": None}
        message = b'","refusal":null,"annotations":[]},"logprobs":' + orjson.dumps(told)
        message += b',"finish_reason":"'
        return message + reason.value.encode() + b'"}],"usage":' + usage + b"}"

    def end(self) -> bytes:
        """A document needs no mark."""
        return b""

    def keep_alive(self) -> bytes:
        """Blank space, which JSON readers skip."""
        return b"\n"

    def blank(self) -> bytes:
        """There is no empty piece of a document."""
        return b""

    def tool_call(self, number: int) -> bytes:
        """A document is not made of pieces of calls."""
        return b"\n"

    def broken(self) -> bytes:
        """The beginning of another document, quotes and all, in the midst of a string."""
        return _BROKEN

    def nested(self, depth: int) -> bytes:
        """The end of the text, a list in a list in a list, and the beginning of another text."""
        return b'","nested":' + _nested(depth) + b',"more":"'

    def error(self, kind: ErrorKind) -> bytes:
        """An error object, which is the whole document."""
        return _ERRORS.of_kind(kind, model=self._model)[1]
