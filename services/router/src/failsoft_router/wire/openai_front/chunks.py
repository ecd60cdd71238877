"""An answer's events as the server-sent events of a streamed chat completion.

    role and first piece -> more pieces -> finish reason -> usage, where it was asked for -> [DONE]

The last of these that is an object carries `failsoft`, the final facts. Of an answer that
broke off the last event is an error, and no `[DONE]` follows: OpenAI's clients raise it.
"""

import orjson

from failsoft_model.events import BlockKind, Delta, Finished
from failsoft_router.wire.openai_front.facts import Dropped, facts, usage
from failsoft_router.wire.openai_front.logprobs import encode_logprobs
from failsoft_router.wire.openai_front.reply import completion_id

Json = dict[str, object]

CONTENT_TYPE = "text/event-stream; charset=utf-8"
KEEP_ALIVE = b": keep-alive\n\n"
_DONE = b"data: [DONE]\n\n"


class ChunkWriter:
    """Writes the chunks of one answer.

    What all chunks have in common is encoded once; of a piece of text only the text is.
    """

    def __init__(
        self,
        *,
        walk_id: str,
        model: str,
        created: int,
        include_usage: bool,
        dropped: Dropped,
    ) -> None:
        """
        Args:
            model: The model that speaks, as far as that is known.
            created: Seconds since 1970.
            include_usage: The caller wants a last chunk with the usage.
        """
        self._head: Json = {
            "id": completion_id(walk_id),
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._include_usage = include_usage
        self._dropped = dropped
        opening = orjson.dumps(self._head)[:-1]
        self._before = b"data: " + opening + b',"choices":[{"index":0,"delta":'
        usage_too = b',"usage":null' if include_usage else b""
        self._after = b',"logprobs":null,"finish_reason":null}]' + usage_too + b"}\n\n"
        self._calls: dict[int, int] = {}
        """By the block that is a tool call: which of the calls it is."""
        self._begun = False

    def piece(self, delta: Delta) -> bytes:
        """The event of the next piece; the first one says whose turn it is."""
        if delta.logprobs:
            return self._with_logprobs(delta)
        match delta.kind:
            case BlockKind.TEXT if self._begun:
                content = b'{"content":' + orjson.dumps(delta.text) + b"}"
            case BlockKind.TEXT:
                content = b'{"role":"assistant","content":' + orjson.dumps(delta.text) + b"}"
            case _:
                content = orjson.dumps(self._delta(delta))
        self._begun = True
        return b"".join((self._before, content, self._after))

    def ending(self, finished: Finished) -> bytes:
        """The events after the last piece."""
        head: Json = {**self._head, "model": finished.model}
        reason = finished.finish_reason.value
        delta: Json = {} if self._begun else {"role": "assistant", "content": ""}
        choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        final: Json = {"failsoft": facts(finished, dropped=self._dropped)}
        told = None if finished.usage is None else usage(finished.usage)
        if self._include_usage:
            last: Json = {**head, "choices": [], "usage": told, **final}
            chunks = [{**head, "choices": [choice], "usage": None}, last]
        else:
            chunks = [{**head, "choices": [choice], **final}]
        return b"".join((*(_event(chunk) for chunk in chunks), _DONE))

    def _delta(self, delta: Delta) -> Json:
        told: Json = {} if self._begun else {"role": "assistant", "content": None}
        match delta.kind:
            case BlockKind.TEXT:
                told["content"] = delta.text
            case BlockKind.REASONING:
                told["reasoning_content"] = delta.text
            case BlockKind.REFUSAL:
                told["refusal"] = delta.text
            case BlockKind.TOOL_CALL:
                told["tool_calls"] = [self._call(delta)]
        return told

    def _call(self, delta: Delta) -> Json:
        known = self._calls.get(delta.block)
        if known is not None:
            return {"index": known, "function": {"arguments": delta.text}}
        index = self._calls[delta.block] = len(self._calls)
        function = {"name": delta.tool_name, "arguments": delta.text}
        return {"index": index, "id": delta.tool_call_id, "type": "function", "function": function}

    def _with_logprobs(self, delta: Delta) -> bytes:
        refusal = delta.kind is BlockKind.REFUSAL
        choice: Json = {
            "index": 0,
            "delta": self._delta(delta),
            "logprobs": encode_logprobs(delta.logprobs, refusal=refusal),
            "finish_reason": None,
        }
        self._begun = True
        usage_too: Json = {"usage": None} if self._include_usage else {}
        return _event({**self._head, "choices": [choice], **usage_too})


def error_event(body: bytes) -> bytes:
    """The last event of a stream that broke off.

    Args:
        body: OpenAI's error object.
    """
    return b"data: " + body + b"\n\n"


def _event(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
