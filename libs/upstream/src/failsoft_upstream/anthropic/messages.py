"""The conversation in a request for a message, checked as Anthropic checks it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from failsoft_upstream.answer import count_tokens
from failsoft_upstream.anthropic import check
from failsoft_upstream.anthropic.errors import Rejected
from failsoft_upstream.begun import Begun, Turn, begun

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MEDIA = ("image/jpeg", "image/png", "image/gif", "image/webp")
_BLOCKS: Mapping[str, Sequence[str]] = {
    "text": ("type", "text", "cache_control"),
    "image": ("type", "source", "cache_control"),
    "tool_use": ("type", "id", "name", "input", "cache_control"),
    "tool_result": ("type", "tool_use_id", "content", "is_error", "cache_control"),
}
_OF: Mapping[str, Sequence[str]] = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "tool_use"),
}
_TOKENS_PER_TURN = 3

Block = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said: the last thing of a user's, the tokens of everything, a begun answer."""

    question: str
    tokens: int
    begun: Begun | None


def read(value: object) -> Conversation:
    """Check `messages` and sum them up.

    Raises:
        Rejected: Anthropic would not take them.
    """
    question, tokens = "", 0
    open_calls: set[str] = set()
    turns = check.an_array(value, "messages", least=1)
    texts: list[Turn] = []
    for index, item in enumerate(turns):
        path = f"messages.{index}"
        turn = check.an_object(item, path, ("role", "content"))
        role = check.one_of(check.required(turn, "role", path), f"{path}.role", tuple(_OF))
        if index == 0 and role != "user":
            raise Rejected('messages: first message must use the "user" role')
        blocks = list(_blocks(check.required(turn, "content", path), role, f"{path}.content"))
        open_calls = _calls_left(blocks, open_calls, path)
        text = "".join(str(block["text"]) for block in blocks if block["type"] == "text")
        tokens += _TOKENS_PER_TURN + count_tokens(text)
        texts.append(Turn(is_users=role == "user", text=text))
        if role == "user":
            question = text or question
        elif index == len(turns) - 1 and text != text.rstrip():
            raise Rejected("messages: final assistant content cannot end with trailing whitespace")
    if open_calls:
        raise _unanswered(open_calls, f"messages.{len(turns) - 1}")
    return Conversation(question, tokens, begun(texts))


def text_of(value: object, path: str) -> str:
    """A text that is a string or blocks of text."""
    if isinstance(value, str):
        return value
    blocks = check.an_array(value, path)
    return "".join(
        str(_block(block, ("text",), f"{path}.{index}")["text"])
        for index, block in enumerate(blocks)
    )


def _blocks(content: object, role: str, path: str) -> Iterator[Block]:
    if isinstance(content, str):
        yield {"type": "text", "text": check.a_text(content, path)}
        return
    for index, block in enumerate(check.an_array(content, path, least=1)):
        yield _block(block, _OF[role], f"{path}.{index}")


def _block(value: object, allowed: Sequence[str], path: str) -> Block:
    block = check.an_object(value, path)
    kind = check.one_of(check.required(block, "type", path), f"{path}.type", allowed)
    check.an_object(block, path, _BLOCKS[kind])
    match kind:
        case "text":
            check.a_text(check.required(block, "text", path), f"{path}.text")
        case "image":
            _source(check.required(block, "source", path), f"{path}.source")
        case "tool_use":
            _id(check.required(block, "id", path), f"{path}.id")
            check.a_string(check.required(block, "name", path), f"{path}.name")
            check.an_object(check.required(block, "input", path), f"{path}.input")
        case "tool_result":
            _id(check.required(block, "tool_use_id", path), f"{path}.tool_use_id")
            said = text_of(block.get("content", ""), f"{path}.content")
            if block.get("is_error") is True and not said:
                raise Rejected(f"{path}.content: cannot be empty if `is_error` is true")
    return block


def _source(value: object, path: str) -> None:
    source = check.an_object(value, path)
    kind = check.one_of(check.required(source, "type", path), f"{path}.type", ("base64", "url"))
    if kind == "url":
        check.a_string(check.required(source, "url", path), f"{path}.url")
        return
    check.one_of(check.required(source, "media_type", path), f"{path}.media_type", _MEDIA)
    check.a_string(check.required(source, "data", path), f"{path}.data")


def _id(value: object, path: str) -> None:
    if _ID.fullmatch(check.a_string(value, path)) is None:
        raise Rejected(f"{path}: String should match pattern '^[a-zA-Z0-9_-]+$'")


def _calls_left(blocks: Sequence[Block], open_calls: set[str], path: str) -> set[str]:
    """The calls of this turn, which want results in the next; those of the last have theirs."""
    results = {str(block["tool_use_id"]) for block in blocks if block["type"] == "tool_result"}
    if open_calls - results:
        raise _unanswered(open_calls - results, path)
    if results - open_calls:
        raise Rejected(
            f"{path}: unexpected `tool_use_id` found in `tool_result` blocks. Each `tool_result`"
            " block must have a corresponding `tool_use` block in the previous message."
        )
    return {str(block["id"]) for block in blocks if block["type"] == "tool_use"}


def _unanswered(calls: set[str], path: str) -> Rejected:
    return Rejected(
        f"{path}: `tool_use` ids were found without `tool_result` blocks immediately after:"
        f" {', '.join(sorted(calls))}."
    )
