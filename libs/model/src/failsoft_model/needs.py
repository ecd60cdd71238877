"""What a request asks of whoever is to answer it."""

from collections.abc import Iterator

from failsoft_model.chat import (
    ChatRequest,
    Image,
    ResponseFormatKind,
    ToolCall,
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
    if request.callable_tools or ToolCall in kinds or ToolResult in kinds:
        yield Capability.TOOLS
    if (form := _OF_FORM[request.response_format.kind]) is not None:
        yield form
    if Image in kinds:
        yield Capability.VISION
    if request.continue_from:
        yield Capability.CONTINUE
    if request.sampling.logprobs:
        yield Capability.LOGPROBS
    if request.sampling.top_logprobs:
        yield Capability.TOP_LOGPROBS
    if request.sampling.logit_bias:
        yield Capability.LOGIT_BIAS


_OF_FORM = {
    ResponseFormatKind.TEXT: None,
    ResponseFormatKind.JSON_OBJECT: Capability.JSON_SCHEMA,
    ResponseFormatKind.JSON_SCHEMA: Capability.JSON_SCHEMA,
    ResponseFormatKind.REGEX: Capability.REGEX,
    ResponseFormatKind.CHOICE: Capability.CHOICE,
}
