"""Messages and their parts."""

from failsoft.inference.v1 import chat_pb2 as pb
from failsoft_kit.wire.enums import ROLE
from failsoft_model.chat import Image, Message, Part, Text, ToolCall, ToolResult


def fill_message(into: pb.Message, message: Message) -> None:
    """Write a message."""
    into.role = ROLE.number[message.role]
    for part in message.parts:
        _fill_part(into.parts.add(), part)


def _fill_part(into: pb.Part, part: Part) -> None:
    match part:
        case Text():
            into.text = part.text
        case Image():
            if part.url:
                into.image.url = part.url
            else:
                into.image.data = part.data
            into.image.mime_type = part.mime_type
        case ToolCall():
            into.tool_call.SetInParent()
            into.tool_call.id = part.id
            into.tool_call.name = part.name
            into.tool_call.arguments_json = part.arguments_json
        case ToolResult():
            into.tool_result.SetInParent()
            into.tool_result.tool_call_id = part.tool_call_id
            into.tool_result.content = part.content
            into.tool_result.is_error = part.is_error


def decode_part(part: pb.Part) -> Part | None:
    """None: nothing is set, or something that a later contract knows."""
    match part.WhichOneof("part"):
        case "text":
            return Text(text=part.text)
        case "image":
            image = part.image
            return Image(data=image.data, url=image.url, mime_type=image.mime_type)
        case "tool_call":
            call = part.tool_call
            return ToolCall(id=call.id, name=call.name, arguments_json=call.arguments_json)
        case "tool_result":
            result = part.tool_result
            return ToolResult(
                tool_call_id=result.tool_call_id, content=result.content, is_error=result.is_error
            )
        case _:
            return None
