"""A conversation of ours as Gemini's `contents`.

    ours                          Gemini's
    system message                `systemInstruction`, see `request`
    user message                  role "user": text, inlineData, fileData
    assistant message             role "model": text, functionCall
    tool results, all of a turn   one content, role "user": functionResponse

Gemini wants all results of a turn in one content, each under its function's name, so
messages of one role that follow each other are one content, and names are looked up by
the calls' ids. It refuses empty texts and contents without parts; both say nothing, and are
left out.

Newer models want the signature of the thoughts that led to a call back with the call. The
contract has no place for signatures, because they are bound to one provider and break
another's request; and a call may be another provider's. Gemini has a word for such a call.
"""

import base64
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

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

FOREIGN_CALL = "skip_thought_signature_validator"
"""In place of a signature: the call comes from elsewhere. From Gemini's public guide."""

_KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
}
"""Pictures that Gemini takes, by how their addresses end."""


def contents(request: ChatRequest, *, signed: bool) -> list[Json]:
    """The conversation without its system messages.

    Args:
        signed: The model wants calls to be signed.
    """
    found: list[Json] = []
    for role, parts in _turns(request.messages):
        if signed:
            _sign(parts)
        found.append({"role": "model" if role is Role.ASSISTANT else "user", "parts": parts})
    if not found or found[0]["role"] != "user":
        # The API wants a user's turn first, also where a system or an assistant opened.
        found.insert(0, {"role": "user", "parts": [{"text": WORDLESS}]})
    if request.continue_from:
        found.append({"role": "model", "parts": [{"text": request.continue_from}]})
    return found


def _turns(messages: Iterable[Message]) -> Iterator[tuple[Role, list[Json]]]:
    """Each run of messages of one role, with the parts of all of them."""
    names: dict[str, str] = {}
    speaker, said = Role.SYSTEM, list[Json]()
    for message in messages:
        parts = _parts(message, names)
        if message.role is Role.SYSTEM or not parts:
            continue
        if message.role is not speaker and said:
            yield speaker, said
            said = []
        speaker = message.role
        said += parts
    if said:
        yield speaker, said


def _parts(message: Message, names: dict[str, str]) -> list[Json]:
    """What a message says.

    Args:
        names: Of the functions, by the ids of their calls so far; the message's are added.
    """
    names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
    return [wire for part in message.parts for wire in _part(part, names)]


def _part(part: Part, names: dict[str, str]) -> Iterator[Json]:
    match part:
        case Text():
            if part.text:
                yield {"text": part.text}
        case Image():
            yield _image(part)
        case ToolCall():
            args = orjson.Fragment(part.arguments_json)
            yield {"functionCall": {"id": part.id, "name": part.name, "args": args}}
        case ToolResult():
            # A result without a call in the conversation is refused, whatever its name.
            name = names.get(part.tool_call_id, part.tool_call_id)
            said = {"error" if part.is_error else "output": part.content}
            yield {"functionResponse": {"id": part.tool_call_id, "name": name, "response": said}}


def _image(image: Image) -> Json:
    if image.data:
        data = base64.b64encode(image.data).decode()
        return {"inlineData": {"mimeType": image.mime_type, "data": data}}
    suffix = PurePosixPath(urlsplit(image.url).path).suffix.lower()
    kind = image.mime_type or _KINDS.get(suffix)
    return {"fileData": {"fileUri": image.url} | ({"mimeType": kind} if kind else {})}


def _sign(parts: list[Json]) -> None:
    """Mark the first call of a turn: of parallel ones only that one has a signature."""
    for part in parts:
        if "functionCall" in part:
            part["thoughtSignature"] = FOREIGN_CALL
            return
