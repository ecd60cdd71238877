"""Chat requests for tests of what leaves for a provider."""

from failsoft_model.chat import (
    ChatRequest,
    Message,
    Part,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    Tool,
    ToolChoice,
)

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}}'
WEATHER = Tool(name="weather", description="The weather.", parameters_json=SCHEMA)


def request(
    *messages: Message,
    sampling: Sampling | None = None,
    tools: tuple[Tool, ...] = (),
    tool_choice: ToolChoice | None = None,
    response_format: ResponseFormat | None = None,
    continue_from: str = "",
) -> ChatRequest:
    """A request that says "hi" where nothing else is given."""
    return ChatRequest(
        model="chat",
        messages=messages or (said(Role.USER, Text(text="hi")),),
        sampling=sampling or Sampling(),
        tools=tools,
        tool_choice=tool_choice or ToolChoice(),
        response_format=response_format or ResponseFormat(),
        continue_from=continue_from,
    )


def said(role: Role, *parts: Part) -> Message:
    """One message."""
    return Message(role=role, parts=parts)
