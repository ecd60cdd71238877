"""What a request asks of whoever is to answer it."""

from collections.abc import Iterator

from failsoft_model.chat import (
    ChatRequest,
    Image,
    ResponseFormatKind,
    ToolCall,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.walk import Capability


def needs(request: ChatRequest) -> frozenset[Capability]:
    """The capabilities without which the request cannot be answered as it was meant.

    Tools that may not be called ask for nothing; a conversation in which some were called does,
    because the model has to understand it.
    """
    return frozenset(_needs(request))


def _needs(request: ChatRequest) -> Iterator[Capability]:
    kinds = {type(part) for message in request.messages for part in message.parts}
    may_call = request.tools and request.tool_choice.mode is not ToolChoiceMode.NONE
    if may_call or ToolCall in kinds or ToolResult in kinds:
        yield Capability.TOOLS
    if request.response_format.kind is not ResponseFormatKind.TEXT:
        yield Capability.JSON_SCHEMA
    if Image in kinds:
        yield Capability.VISION
    if request.continue_from:
        yield Capability.CONTINUE
