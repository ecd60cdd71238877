"""What a request asks of whoever is to answer it."""

from collections.abc import Iterable, Iterator

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
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
    may_call = request.tools and request.tool_choice.mode is not ToolChoiceMode.NONE
    if may_call or _has(request.messages, ToolCall, ToolResult):
        yield Capability.TOOLS
    if request.response_format.kind is not ResponseFormatKind.TEXT:
        yield Capability.JSON_SCHEMA
    if _has(request.messages, Image):
        yield Capability.VISION
    if request.continue_from:
        yield Capability.CONTINUE


def _has(messages: Iterable[Message], *kinds: type[Part]) -> bool:
    return any(isinstance(part, kinds) for message in messages for part in message.parts)
