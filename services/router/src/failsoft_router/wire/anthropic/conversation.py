"""The conversation as turns of user and assistant that alternate.

System messages are not among the turns; tool results are a user's. Blank texts are left
out, which the API refuses and which say nothing.
"""

import base64
import re
from collections.abc import Iterator

import orjson

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from failsoft_router.wire.wordless import WORDLESS

Json = dict[str, object]

_ID = re.compile(r"[a-zA-Z0-9_-]+")


def system(request: ChatRequest) -> str:
    """All that the system says, in its order; most models take it before the first turn only."""
    said = (message.text for message in request.messages if message.role is Role.SYSTEM)
    return "\n\n".join(text for text in said if text.strip())


def turns(request: ChatRequest) -> list[Json]:
    """The turns, with the beginning of the answer as the last where one is to be continued."""
    ids = _Ids()
    said: list[tuple[str, list[Json]]] = []
    for message in request.messages:
        if message.role is Role.SYSTEM:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = [block for part in message.parts if (block := _block(part, ids)) is not None]
        if said and said[-1][0] == role:
            said[-1][1].extend(blocks)
        elif blocks:
            said.append((role, blocks))
    if not said or said[0][0] != "user":
        # The API wants a user's turn first, also where a system or an assistant opened.
        said.insert(0, ("user", [_text(WORDLESS)]))
    if beginning := request.continue_from.rstrip():
        # The API refuses one that ends in blank space.
        said.append(("assistant", [_text(beginning)]))
    return [{"role": role, "content": blocks} for role, blocks in said]


def dropped(request: ChatRequest) -> Iterator[str]:
    """Field paths of what stands elsewhere now, or not as a whole."""
    began = False
    for index, message in enumerate(request.messages):
        if message.role is not Role.SYSTEM:
            began = True
        elif began and _says(message):
            yield f"messages[{index}].role"
    if request.continue_from != request.continue_from.rstrip():
        yield "continue_from"


class _Ids:
    """Tool calls' ids in the letters that the API takes; others have a number instead."""

    def __init__(self) -> None:
        self._numbered: dict[str, str] = {}

    def of(self, written: str) -> str:
        """The same for the same."""
        if _ID.fullmatch(written):
            return written
        return self._numbered.setdefault(written, f"toolu_numbered_{len(self._numbered)}")


def _block(part: Part, ids: _Ids) -> Json | None:
    match part:
        case Text():
            return _text(part.text) if part.text.strip() else None
        case Image():
            return {"type": "image", "source": _source(part)}
        case ToolCall():
            return {
                "type": "tool_use",
                "id": ids.of(part.id),
                "name": part.name,
                "input": orjson.Fragment(part.arguments_json),
            }
        case ToolResult():
            block: Json = {"type": "tool_result", "tool_use_id": ids.of(part.tool_call_id)}
            if part.content:
                block["content"] = part.content
            if part.is_error:
                # The API refuses an error that says nothing.
                block |= {"is_error": True, "content": part.content or "error"}
            return block


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _source(image: Image) -> Json:
    if image.url:
        return {"type": "url", "url": image.url}
    data = base64.b64encode(image.data).decode()
    return {"type": "base64", "media_type": image.mime_type, "data": data}


def _says(message: Message) -> bool:
    return bool(message.text.strip())
