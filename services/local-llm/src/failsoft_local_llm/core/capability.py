"""What a request asks for that a model cannot do."""

from collections.abc import Iterator

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    ResponseFormatKind,
    ToolCall,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.errors import FieldViolation
from failsoft_model.walk import Capability


def missing(request: ChatRequest, capabilities: frozenset[Capability]) -> list[FieldViolation]:
    """Every wish that these capabilities cannot meet, with its field; empty: none."""
    return list(_missing(request, capabilities))


def _missing(request: ChatRequest, capabilities: frozenset[Capability]) -> Iterator[FieldViolation]:
    if Capability.TOOLS not in capabilities:
        if request.tools and request.tool_choice.mode is not ToolChoiceMode.NONE:
            yield FieldViolation(field="chat.tools", description="this model calls no tools")
        yield from _parts(request.messages, ToolCall, "tool_call", "this model knows no tools")
        yield from _parts(request.messages, ToolResult, "tool_result", "this model knows no tools")
    if Capability.VISION not in capabilities:
        yield from _parts(request.messages, Image, "image", "this model takes no images")
    if (
        Capability.JSON_SCHEMA not in capabilities
        and request.response_format.kind is not ResponseFormatKind.TEXT
    ):
        yield FieldViolation(
            field="chat.response_format.kind", description="this model answers in plain text only"
        )
    if Capability.CONTINUE not in capabilities and request.continue_from:
        yield FieldViolation(
            field="chat.continue_from", description="this model cannot go on from a partial answer"
        )


def _parts(
    messages: tuple[Message, ...],
    kind: type[Image | ToolCall | ToolResult],
    name: str,
    description: str,
) -> Iterator[FieldViolation]:
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            if isinstance(part, kind):
                yield FieldViolation(
                    field=f"chat.messages[{i}].parts[{j}].{name}", description=description
                )
