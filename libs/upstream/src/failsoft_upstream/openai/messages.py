"""The conversation in a chat completion request, checked as OpenAI checks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failsoft_upstream.answer import count_tokens
from failsoft_upstream.begun import Begun, Turn, begun
from failsoft_upstream.openai import check
from failsoft_upstream.openai.errors import Rejected

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "system": ("text",),
    "developer": ("text",),
    "tool": ("text",),
    "function": ("text",),
    "assistant": ("text", "refusal"),
    "user": ("text", "image_url", "input_audio", "file"),
}
_TOKENS_PER_MESSAGE = 3


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said: the last user message, the tokens of everything, an answer that was begun."""

    question: str
    tokens: int
    begun: Begun | None


def read(value: object) -> Conversation:
    """Check `messages` and sum them up.

    Raises:
        Rejected: OpenAI would not take them.
    """
    question = ""
    tokens = _TOKENS_PER_MESSAGE
    open_calls: set[str] = set()
    turns: list[Turn] = []
    for index, item in enumerate(check.an_array(value, "messages", least=1)):
        path = f"messages[{index}]"
        message = check.an_object(item, path)
        check.only_known(message, _FIELDS, path)
        role = check.one_of(check.required(message, "role", path), f"{path}.role", _ROLES)
        text = _text(message, role, path)
        tokens += _TOKENS_PER_MESSAGE + count_tokens(text)
        open_calls = _calls_left(message, role, path, open_calls)
        if role == "user":
            question = text
        if role in ("user", "assistant"):
            turns.append(Turn(is_users=role == "user", text=text))
    if open_calls:
        raise _unanswered(open_calls)
    return Conversation(question, tokens, begun(turns))


def _text(message: Mapping[str, object], role: str, path: str) -> str:
    """All text of a message; only an assistant who calls tools may have none."""
    content = message.get("content")
    where = f"{path}.content"
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("refusal")):
            return ""
        raise Rejected("Invalid value for 'content': expected a string, got null.", param=where)
    if isinstance(content, str):
        return content
    parts = check.an_array(content, where, least=1)
    return "".join(
        _part(part, f"{where}[{index}]", _PARTS[role]) for index, part in enumerate(parts)
    )


def _part(value: object, path: str, allowed: Sequence[str]) -> str:
    part = check.an_object(value, path)
    kind = check.one_of(check.required(part, "type", path), f"{path}.type", allowed)
    check.only_known(part, ("type", kind), path)
    content = check.required(part, kind, path)
    match kind:
        case "text":
            return check.a_string(content, f"{path}.text")
        case "image_url":
            image = check.an_object(content, f"{path}.image_url")
            where = f"{path}.image_url"
            check.a_string(check.required(image, "url", where), f"{where}.url")
            return ""
        case _:
            return ""


def _calls_left(
    message: Mapping[str, object], role: str, path: str, open_calls: set[str]
) -> set[str]:
    """The tool calls that still want a result after this message."""
    if role == "tool":
        where = f"{path}.tool_call_id"
        answered = check.a_string(check.required(message, "tool_call_id", path), where)
        if answered not in open_calls:
            raise Rejected(
                "Invalid parameter: messages with role 'tool' must be a response to a"
                " preceding message with 'tool_calls'.",
                param=f"{path}.role",
            )
        return open_calls - {answered}
    if open_calls:
        raise _unanswered(open_calls)
    if message.get("tool_calls") is None:
        return set()
    if role != "assistant":
        raise Rejected(
            f"Unknown parameter: '{path}.tool_calls'.",
            param=f"{path}.tool_calls",
            code="unknown_parameter",
        )
    return set(_calls(message["tool_calls"], f"{path}.tool_calls"))


def _calls(value: object, path: str) -> Sequence[str]:
    identifiers = []
    for index, item in enumerate(check.an_array(value, path, least=1)):
        where = f"{path}[{index}]"
        call = check.an_object(item, where)
        identifiers.append(check.a_string(check.required(call, "id", where), f"{where}.id"))
        check.one_of(check.required(call, "type", where), f"{where}.type", ("function",))
        function = check.an_object(check.required(call, "function", where), f"{where}.function")
        for name in ("name", "arguments"):
            here = f"{where}.function"
            check.a_string(check.required(function, name, here), f"{here}.{name}")
    return identifiers


def _unanswered(calls: set[str]) -> Rejected:
    return Rejected(
        "An assistant message with 'tool_calls' must be followed by tool messages responding"
        " to each 'tool_call_id'. The following tool_call_ids did not have response messages:"
        f" {', '.join(sorted(calls))}",
        param="messages",
    )
