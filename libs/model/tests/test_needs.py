"""What a request asks for beyond text in and text out."""

from dataclasses import replace

import pytest

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.needs import needs
from failsoft_model.walk import Capability

PLAIN = ChatRequest(model="", messages=(Message(role=Role.USER, parts=(Text(text="Hi"),)),))
TOOLS = replace(PLAIN, tools=(Tool(name="now"),))
CALL = ToolCall(id="1", name="now", arguments_json="{}")
RESULT = ToolResult(tool_call_id="1", content="12:00")
PICTURE = Image(url="https://x/y.png")


def after(*parts: Part) -> ChatRequest:
    """A conversation that contains these parts somewhere."""
    said = Message(role=Role.USER, parts=(Text(text="Look:"), *parts))
    return replace(PLAIN, messages=(*PLAIN.messages, said, *PLAIN.messages))


def choosing(mode: ToolChoiceMode, request: ChatRequest = TOOLS) -> ChatRequest:
    return replace(request, tool_choice=ToolChoice(mode=mode))


def answered_as(kind: ResponseFormatKind) -> ChatRequest:
    return replace(PLAIN, response_format=ResponseFormat(kind=kind))


def sampled(sampling: Sampling) -> ChatRequest:
    return replace(PLAIN, sampling=sampling)


@pytest.mark.parametrize(
    ("request_", "needed"),
    [
        (PLAIN, set()),
        (TOOLS, {Capability.TOOLS}),
        (choosing(ToolChoiceMode.REQUIRED), {Capability.TOOLS}),
        (choosing(ToolChoiceMode.NAMED), {Capability.TOOLS}),
        (choosing(ToolChoiceMode.NONE), set()),
        (choosing(ToolChoiceMode.REQUIRED, PLAIN), set()),
        (after(CALL), {Capability.TOOLS}),
        (after(RESULT), {Capability.TOOLS}),
        (choosing(ToolChoiceMode.NONE, after(CALL, RESULT)), {Capability.TOOLS}),
        (answered_as(ResponseFormatKind.JSON_OBJECT), {Capability.JSON_SCHEMA}),
        (answered_as(ResponseFormatKind.JSON_SCHEMA), {Capability.JSON_SCHEMA}),
        (after(PICTURE), {Capability.VISION}),
        (answered_as(ResponseFormatKind.REGEX), {Capability.REGEX}),
        (answered_as(ResponseFormatKind.CHOICE), {Capability.CHOICE}),
        (sampled(Sampling(logprobs=True)), {Capability.LOGPROBS}),
        (
            sampled(Sampling(logprobs=True, top_logprobs=1)),
            {Capability.LOGPROBS, Capability.TOP_LOGPROBS},
        ),
        (sampled(Sampling(logit_bias=((1, 1.0),))), {Capability.LOGIT_BIAS}),
        (replace(PLAIN, continue_from="Well,"), {Capability.CONTINUE}),
        (
            replace(after(PICTURE, CALL), continue_from="Well,"),
            {Capability.VISION, Capability.TOOLS, Capability.CONTINUE},
        ),
    ],
)
def test_a_request_needs_what_it_asks_for_and_nothing_else(
    request_: ChatRequest, needed: set[Capability]
) -> None:
    assert needs(request_) == needed
