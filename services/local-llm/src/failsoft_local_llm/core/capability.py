"""What a request asks for that a model cannot do."""

from collections.abc import Iterator

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    ToolCall,
    ToolResult,
)
from failsoft_model.errors import FieldViolation
from failsoft_model.needs import needs
from failsoft_model.walk import Capability


def missing(request: ChatRequest, capabilities: frozenset[Capability]) -> list[FieldViolation]:
    """Every wish that these capabilities cannot meet, with its field; empty: none."""
    lacking = sorted(needs(request) - capabilities, key=lambda capability: capability.value)
    return [violation for capability in lacking for violation in _wishes(request, capability)]


def _wishes(request: ChatRequest, capability: Capability) -> Iterator[FieldViolation]:
    """The fields of a request that ask for this."""
    match capability:
        case Capability.TOOLS:
            if request.callable_tools:
                yield FieldViolation(field="chat.tools", description="this model calls no tools")
            unknown = "this model knows no tools"
            yield from _parts(request.messages, ToolCall, "tool_call", unknown)
            yield from _parts(request.messages, ToolResult, "tool_result", unknown)
        case Capability.VISION:
            yield from _parts(request.messages, Image, "image", "this model takes no images")
        case Capability.JSON_SCHEMA:
            yield FieldViolation(
                field="chat.response_format.kind",
                description="this model answers in plain text only",
            )
        case _:
            field, description = _SINGLE[capability]
            yield FieldViolation(field=field, description=description)


_SINGLE = {
    Capability.CONTINUE: (
        "chat.continue_from",
        "this model cannot go on from a partial answer",
    ),
    Capability.LOGPROBS: (
        "chat.sampling.logprobs",
        "this model does not tell probabilities: leave it unset",
    ),
    Capability.TOP_LOGPROBS: (
        "chat.sampling.top_logprobs",
        "this model tells the probability of the token that it took alone: leave it 0",
    ),
    Capability.LOGIT_BIAS: (
        "chat.sampling.logit_bias",
        "this model takes no biases: leave it empty",
    ),
    Capability.REGEX: (
        "chat.response_format.kind",
        "this model cannot be held to a regular expression",
    ),
    Capability.CHOICE: (
        "chat.response_format.kind",
        "this model cannot be held to choices",
    ),
}
"""Capabilities that one field asks for, with the words for a model that has it not."""


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
