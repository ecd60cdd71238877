"""Messages as Anthropic writes them: one JSON document, or server-sent events."""

import orjson

from failsoft_upstream.anthropic.errors import AnthropicErrors
from failsoft_upstream.faults import ErrorKind, FinishReason

_ERRORS = AnthropicErrors()
_BROKEN = b'{"type":"content_block_del'
_STOPS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.CONTENT_FILTER: "refusal",
}

Json = dict[str, object]


def _usage(*, asked: int, said: int) -> Json:
    return {
        "input_tokens": asked,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": said,
    }


def _head(*, identifier: str, model: str) -> Json:
    """The fields that every message begins with."""
    return {"id": identifier, "type": "message", "role": "assistant", "model": model}


def _event(name: str, **fields: object) -> bytes:
    return _framed(name, orjson.dumps({"type": name, **fields}))


def _framed(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


class EventEncoder:
    """A streamed answer: a message with one block of text, as server-sent events."""

    content_type = "text/event-stream; charset=utf-8"
    streams = True

    def __init__(self, *, identifier: str, model: str, question_tokens: int) -> None:
        self._model = model
        self._message = {
            **_head(identifier=identifier, model=model),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(asked=question_tokens, said=1),
        }

    def opening(self) -> bytes:
        """The message and its block, which say nothing yet."""
        block = {"type": "text", "text": ""}
        begun = _event("message_start", message=self._message)
        return begun + _event("content_block_start", index=0, content_block=block)

    def content(self, text: str) -> bytes:
        """A piece of the block."""
        delta = {"type": "text_delta", "text": text}
        return _event("content_block_delta", index=0, delta=delta)

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """The end of the block, then the stop reason with the usage."""
        delta = {"stop_reason": _STOPS[reason], "stop_sequence": None}
        ended = _event("content_block_stop", index=0)
        return ended + _event("message_delta", delta=delta, usage={"output_tokens": tokens})

    def end(self) -> bytes:
        """Anthropic's mark for the end of a stream."""
        return _event("message_stop")

    def keep_alive(self) -> bytes:
        """An event of its own kind."""
        return _event("ping")

    def blank(self) -> bytes:
        """A piece with an empty text."""
        return self.content("")

    def tool_call(self, number: int) -> bytes:
        """A block that calls a tool, with its id and name."""
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "look_up", "input": {}}
        return _event("content_block_start", index=number + 1, content_block=call)

    def broken(self) -> bytes:
        """An event whose data is half a JSON document."""
        return _framed("content_block_delta", _BROKEN)

    def nested(self, depth: int) -> bytes:
        """An event whose block is a list in a list in a list."""
        name = "content_block_start"
        head = orjson.dumps({"type": name, "index": 0})[:-1]
        return _framed(name, head + b',"content_block":' + _nested(depth) + b"}")

    def error(self, kind: ErrorKind) -> bytes:
        """An event with an error object."""
        return _framed("error", _ERRORS.of_kind(kind, model=self._model)[1])


class DocumentEncoder:
    """A unary answer: one message."""

    content_type = "application/json"
    streams = False

    def __init__(self, *, identifier: str, model: str, question_tokens: int) -> None:
        self._question_tokens = question_tokens
        self._model = model
        self._head = orjson.dumps(_head(identifier=identifier, model=model))[:-1]

    def opening(self) -> bytes:
        """Everything up to the text."""
        return self._head + b',"content":[{"type":"text","text":"'

    def content(self, text: str) -> bytes:
        """Text as it stands inside a JSON string."""
        return orjson.dumps(text)[1:-1]

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """Everything after the text."""
        rest = {
            "stop_reason": _STOPS[reason],
            "stop_sequence": None,
            "usage": _usage(asked=self._question_tokens, said=tokens),
        }
        return b'"}],' + orjson.dumps(rest)[1:]

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
