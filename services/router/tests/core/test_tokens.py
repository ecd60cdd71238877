"""The guess at a request's tokens is never 0 and grows with what is sent."""

from failsoft_model.chat import ChatRequest, Image, Message, Part, Role, Text, Tool, ToolResult
from failsoft_router.core.tokens import estimate_tokens


def estimate(*parts: Part, tools: tuple[Tool, ...] = ()) -> int:
    message = Message(role=Role.USER, parts=parts)
    return estimate_tokens(ChatRequest(model="chat", messages=(message,), tools=tools))


def test_four_bytes_are_a_token_and_a_message_costs_four() -> None:
    assert estimate(Text(text="x" * 40)) == 10 + 4
    assert estimate(Text(text="x" * 41)) == 11 + 4
    assert estimate(Text(text="ü" * 20)) == 10 + 4


def test_every_kind_of_part_counts() -> None:
    empty = estimate(Text(text=""))

    assert empty >= 1
    assert estimate(ToolResult(tool_call_id="c", content="x" * 40)) == empty + 10
    assert estimate(Image(data=b"x" * 40, mime_type="image/png")) == empty + 765
    assert estimate(Text(text=""), tools=(Tool(name="x" * 40),)) == empty + 10
