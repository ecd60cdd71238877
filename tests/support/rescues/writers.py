"""An answer as the bytes of an event stream, in three dialects.

Text is written by the look-alike's encoders; what they have no words for (thoughts, calls with
arguments in pieces) is written here, as the providers' public references show it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from failsoft_upstream.anthropic.encoders import EventEncoder as AnthropicEncoder
from failsoft_upstream.faults import FinishReason
from failsoft_upstream.gemini.encoders import EventEncoder as GeminiEncoder
from failsoft_upstream.openai.encoders import EventEncoder as OpenAiEncoder

Cut = Callable[[str], Sequence[str]]
"""Cuts a text into pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """What is left to be said."""

    reasoning: str
    text: str
    calls: Sequence[tuple[str, str]]


def openai(said: Speaking, cut: Cut) -> Iterator[bytes]:
    """Chunks, usage, and the mark of the end."""
    encoder = OpenAiEncoder(identifier="c", model="m", question_tokens=9, include_usage=True)
    yield encoder.opening()
    for piece in cut(said.reasoning):
        yield _chunk({"reasoning_content": piece})
    for piece in cut(said.text):
        yield encoder.content(piece)
    for index, (name, arguments) in enumerate(said.calls):
        begin = {"name": name, "arguments": ""}
        yield _chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "function": begin}]})
        for piece in cut(arguments):
            more = {"index": index, "function": {"arguments": piece}}
            yield _chunk({"tool_calls": [more]})
    if said.calls:
        yield _chunk({}, finish_reason="tool_calls")
    else:
        yield encoder.finish(FinishReason.STOP, tokens=7)
    yield encoder.end()


def _chunk(delta: object, *, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + orjson.dumps({"model": "m", "choices": [choice]}) + b"\n\n"


def anthropic(said: Speaking, cut: Cut) -> Iterator[bytes]:
    """Named events: each block begins, has its pieces, and ends."""
    encoder = AnthropicEncoder(identifier="c", model="m", question_tokens=9)
    yield encoder.opening().partition(b"\n\n")[0] + b"\n\n"
    blocks: list[tuple[dict[str, object], str, str, str]] = []
    if said.reasoning:
        begin: dict[str, object] = {"type": "thinking", "thinking": ""}
        blocks.append((begin, "thinking_delta", "thinking", said.reasoning))
    if said.text:
        blocks.append(({"type": "text", "text": ""}, "text_delta", "text", said.text))
    for index, (name, arguments) in enumerate(said.calls):
        call: dict[str, object] = {
            "type": "tool_use",
            "id": f"toolu_{index}",
            "name": name,
            "input": {},
        }
        blocks.append((call, "input_json_delta", "partial_json", arguments))
    for index, (begin, kind, key, text) in enumerate(blocks):
        yield _event("content_block_start", index=index, content_block=begin)
        for piece in cut(text):
            yield _event("content_block_delta", index=index, delta={"type": kind, key: piece})
        yield _event("content_block_stop", index=index)
    stop = {"stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage={"output_tokens": 7})
    yield encoder.end()


def _event(name: str, **fields: object) -> bytes:
    data = orjson.dumps({"type": name, **fields})
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def gemini(said: Speaking, cut: Cut) -> Iterator[bytes]:
    """Replies with one candidate each; calls come whole."""
    encoder = GeminiEncoder(identifier="c", model="m", question_tokens=9)
    for piece in cut(said.reasoning):
        yield _candidate({"text": piece, "thought": True})
    for piece in cut(said.text):
        yield encoder.content(piece)
    for name, arguments in said.calls:
        yield _candidate({"functionCall": {"name": name, "args": orjson.loads(arguments)}})
    yield encoder.finish(FinishReason.STOP, tokens=7)


def _candidate(part: object) -> bytes:
    content = {"role": "model", "parts": [part]}
    reply = {"candidates": [{"content": content, "index": 0}], "modelVersion": "m"}
    return b"data: " + orjson.dumps(reply) + b"\r\n\r\n"
