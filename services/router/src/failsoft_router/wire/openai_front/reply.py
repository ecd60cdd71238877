"""A whole answer as the body of a `chat.completion`."""

import orjson

from failsoft_model.chat import Text, ToolCall
from failsoft_model.events import Answer, Choice
from failsoft_router.wire.openai_front.facts import Dropped, facts, usage
from failsoft_router.wire.openai_front.logprobs import encode_logprobs

Json = dict[str, object]


def encode_answer(answer: Answer, *, created: int, dropped: Dropped) -> bytes:
    """The body of a reply that is not streamed.

    Args:
        created: Seconds since 1970.
    """
    finished = answer.finished
    body: Json = {
        "id": completion_id(finished.walk_id),
        "object": "chat.completion",
        "created": created,
        "model": finished.model,
        "choices": [
            {
                "index": 0,
                "message": _message(answer.choice),
                "logprobs": _logprobs(answer.choice),
                "finish_reason": finished.finish_reason.value,
            }
        ],
        "usage": None if finished.usage is None else usage(finished.usage),
        "failsoft": facts(finished, dropped=dropped),
    }
    return orjson.dumps(body)


def completion_id(walk_id: str) -> str:
    """The id that clients see: the walk's, with the beginning that they expect."""
    return f"chatcmpl-{walk_id}"


def call_object(call: ToolCall) -> Json:
    """A tool call of a message."""
    function = {"name": call.name, "arguments": call.arguments_json}
    return {"id": call.id, "type": "function", "function": function}


def _message(choice: Choice) -> Json:
    parts = choice.message.parts
    texts = [part.text for part in parts if isinstance(part, Text)]
    calls = [call_object(part) for part in parts if isinstance(part, ToolCall)]
    message: Json = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": choice.refusal or None,
    }
    if calls:
        message["tool_calls"] = calls
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    return message


def _logprobs(choice: Choice) -> Json | None:
    if not choice.logprobs:
        return None
    said_text = any(isinstance(part, Text) for part in choice.message.parts)
    return encode_logprobs(choice.logprobs, refusal=bool(choice.refusal) and not said_text)
