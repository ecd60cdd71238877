"""OpenAI's messages as ours."""

import base64
import binascii
import re
from collections.abc import Sequence

from failsoft_model.chat import Image, Message, Part, Role, Text, ToolCall, ToolResult
from failsoft_model.errors import FieldViolation
from failsoft_model.limits import MAX_MESSAGES, MAX_PARTS
from failsoft_router.wire.openai_front.body import MessageBody, PartBody, ToolCallBody

Found = list[FieldViolation]

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
}
_DATA_URL = re.compile(r"data:(?P<type>image/[a-zA-Z0-9.+-]{1,64});base64,", re.ASCII)
_NOTHING = Text(text="")


def decode_messages(bodies: Sequence[MessageBody], found: Found) -> tuple[Message, ...]:
    """The messages, with placeholders for what `found` says is wrong.

    One more than the limit is read: enough to be refused.
    """
    messages = []
    for index, body in enumerate(bodies[: MAX_MESSAGES + 1]):
        path = f"messages[{index}]"
        role = _ROLES.get(body.role)
        if role is None:
            _add(found, f"{path}.role", f"must be one of {', '.join(_ROLES)}")
            role = Role.USER
        messages.append(Message(role=role, parts=tuple(_parts(body, role, path, found))))
    return tuple(messages)


def _parts(body: MessageBody, role: Role, path: str, found: Found) -> list[Part]:
    match role:
        case Role.TOOL:
            if not body.tool_call_id:
                _add(found, f"{path}.tool_call_id", "required")
            content = "".join(_texts(body.content, path, found))
            return [ToolResult(tool_call_id=body.tool_call_id or "", content=content)]
        case Role.ASSISTANT:
            parts: list[Part] = [Text(text=text) for text in _texts(body.content, path, found)]
            if body.refusal:
                parts.append(Text(text=body.refusal))
            parts += [_call(call) for call in body.tool_calls or ()]
            return parts or [_NOTHING]
        case Role.SYSTEM | Role.USER:
            return _content(body.content, path, found)


def _content(content: str | list[PartBody] | None, path: str, found: Found) -> list[Part]:
    match content:
        case str():
            return [Text(text=content)]
        case None:
            _add(found, f"{path}.content", "required")
            return [_NOTHING]
    return [
        _part(part, f"{path}.content[{place}]", found)
        for place, part in enumerate(content[: MAX_PARTS + 1])
    ]


def _texts(content: str | list[PartBody] | None, path: str, found: Found) -> list[str]:
    """The texts of a message that has no other parts."""
    match content:
        case None | "":
            return []
        case str():
            return [content]
    texts = []
    for place, part in enumerate(content[: MAX_PARTS + 1]):
        if part.type == "refusal" and part.refusal is not None:
            texts.append(part.refusal)
        elif part.type == "text" and part.text is not None:
            texts.append(part.text)
        else:
            _add(found, f"{path}.content[{place}]", "must be a text here")
    return texts


def _part(part: PartBody, path: str, found: Found) -> Part:
    match part:
        case PartBody(type="text", text=str(text)):
            return Text(text=text)
        case PartBody(type="text"):
            _add(found, f"{path}.text", "required")
        case PartBody(type="image_url", image_url=None):
            _add(found, f"{path}.image_url", "required")
        case PartBody(type="image_url", image_url=image) if image is not None:
            return _image(image.url, f"{path}.image_url.url", found)
        case _:
            _add(found, f"{path}.type", "must be text or image_url: nothing else is taken here")
    return _NOTHING


def _image(url: str, path: str, found: Found) -> Part:
    """A picture that is part of the request, or whose address the provider is given.

    Nobody here fetches an address.
    """
    if url[:8].lower() == "https://":
        return Image(url=url)
    inline = _DATA_URL.match(url)
    if inline is None:
        _add(found, path, "must begin with https:// or with data:image/…;base64,")
        return _NOTHING
    try:
        data = base64.b64decode(url[inline.end() :], validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        _add(found, path, "must hold an image in base64 after the comma")
        return _NOTHING
    return Image(data=data, mime_type=inline["type"])


def _call(call: ToolCallBody) -> ToolCall:
    arguments = call.function.arguments or "{}"
    return ToolCall(id=call.id or "", name=call.function.name, arguments_json=arguments)


def _add(found: Found, field: str, description: str) -> None:
    found.append(FieldViolation(field=field, description=description))
