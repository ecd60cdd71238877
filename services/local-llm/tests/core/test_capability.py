"""Wishes that a model cannot meet, with the field that says them."""

from dataclasses import replace

import pytest

from failsoft_local_llm.core.capability import missing
from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.walk import Capability

PLAIN = ChatRequest(model="", messages=(Message(role=Role.USER, parts=(Text(text="Hi"),)),))
TOOLS = replace(PLAIN, tools=(Tool(name="now"),))
JSON = replace(PLAIN, response_format=ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT))
CALLED = replace(
    PLAIN,
    messages=(
        Message(role=Role.ASSISTANT, parts=(ToolCall(id="1", name="now", arguments_json="{}"),)),
        Message(role=Role.TOOL, parts=(ToolResult(tool_call_id="1", content="12:00"),)),
    ),
)
SEEN = replace(
    PLAIN,
    messages=(
        Message(role=Role.USER, parts=(Text(text="What is it?"), Image(url="https://x/y.png"))),
    ),
)
PARTIAL = replace(PLAIN, continue_from="Well,")


def sampled(**wish: object) -> ChatRequest:
    return replace(PLAIN, sampling=replace(PLAIN.sampling, **wish))  # type: ignore[arg-type]


def formed(kind: ResponseFormatKind) -> ChatRequest:
    return replace(PLAIN, response_format=ResponseFormat(kind=kind))


@pytest.mark.parametrize(
    ("request_", "fields", "remedy"),
    [
        (TOOLS, ["chat.tools"], Capability.TOOLS),
        (
            CALLED,
            ["chat.messages[0].parts[0].tool_call", "chat.messages[1].parts[0].tool_result"],
            Capability.TOOLS,
        ),
        (SEEN, ["chat.messages[0].parts[1].image"], Capability.VISION),
        (JSON, ["chat.response_format.kind"], Capability.JSON_SCHEMA),
        (PARTIAL, ["chat.continue_from"], Capability.CONTINUE),
        (sampled(logprobs=True), ["chat.sampling.logprobs"], Capability.LOGPROBS),
        (sampled(top_logprobs=2), ["chat.sampling.top_logprobs"], Capability.TOP_LOGPROBS),
        (sampled(logit_bias=((1, 1.0),)), ["chat.sampling.logit_bias"], Capability.LOGIT_BIAS),
        (formed(ResponseFormatKind.REGEX), ["chat.response_format.kind"], Capability.REGEX),
        (formed(ResponseFormatKind.CHOICE), ["chat.response_format.kind"], Capability.CHOICE),
    ],
    ids=[
        *("tools", "tool messages", "image", "json", "continue"),
        *("logprobs", "alternatives", "biases", "regex", "choice"),
    ],
)
def test_a_wish_is_refused_exactly_when_the_capability_is_missing(
    request_: ChatRequest, fields: list[str], remedy: Capability
) -> None:
    assert [violation.field for violation in missing(request_, frozenset())] == fields
    assert missing(request_, frozenset({remedy})) == []


def test_plain_text_needs_no_capability() -> None:
    assert missing(PLAIN, frozenset()) == []


def test_tools_that_may_not_be_called_ask_for_nothing() -> None:
    request = replace(TOOLS, tool_choice=ToolChoice(mode=ToolChoiceMode.NONE))

    assert missing(request, frozenset()) == []
