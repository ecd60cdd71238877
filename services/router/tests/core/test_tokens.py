"""The guess at a request's tokens is never 0 and grows with what is sent."""

import pytest

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from failsoft_router.core.tokens import estimate_tokens, fewest_tokens, tokens_in_flight

IMAGE = Image(data=b"x" * 40, mime_type="image/png")


def said(*parts: Part) -> Message:
    return Message(role=Role.USER, parts=parts)


def estimate(*parts: Part, tools: tuple[Tool, ...] = ()) -> int:
    return estimate_tokens(ChatRequest(model="chat", messages=(said(*parts),), tools=tools))


def test_four_bytes_are_a_token_and_a_message_costs_four() -> None:
    assert estimate(Text(text="x" * 40)) == 10 + 4
    assert estimate(Text(text="x" * 41)) == 11 + 4
    assert estimate(Text(text="ü" * 20)) == 10 + 4


def test_every_kind_of_part_counts() -> None:
    empty = estimate(Text(text=""))

    assert empty >= 1
    assert estimate(ToolResult(tool_call_id="c", content="x" * 40)) == empty + 10
    assert estimate(ToolCall(id="c", name="x" * 8, arguments_json="y" * 32)) == empty + 10
    assert estimate(IMAGE) == empty + 765


def test_every_message_and_every_part_of_it_adds_up() -> None:
    messages = (said(Text(text="x" * 40), Text(text="y" * 8), IMAGE), said(Text(text="z" * 4)))

    request = ChatRequest(model="chat", messages=messages, continue_from="w" * 20)

    assert estimate_tokens(request) == 10 + 2 + 765 + 1 + 5 + 2 * 4


def test_every_tool_counts_with_all_that_is_said_of_it() -> None:
    look = Tool(name="x" * 4, description="y" * 8, parameters_json="z" * 16)
    read = Tool(name="x" * 40)

    assert estimate(tools=(look, read)) == estimate() + 1 + 2 + 4 + 10


def test_fewer_than_an_eighth_of_the_bytes_no_tokenizer_makes_of_them() -> None:
    """Images count nothing there: what they cost differs too much."""
    request = ChatRequest(model="chat", messages=(said(Text(text="x" * 47), IMAGE),))

    assert fewest_tokens(request) == 5


@pytest.mark.parametrize(("most", "answer"), [(600, 600), (None, 1024)])
def test_a_call_takes_the_room_of_its_prompt_and_of_its_longest_answer(
    most: int | None, answer: int
) -> None:
    messages = (said(Text(text="x" * 40)),)
    request = ChatRequest(model="chat", messages=messages, sampling=Sampling(max_tokens=most))

    assert tokens_in_flight(request, context_tokens=0) == 10 + 4 + answer


@pytest.mark.parametrize(("context", "taken"), [(8192, 8192), (100_000, 60_014), (60_014, 60_014)])
def test_no_call_takes_more_room_than_the_context_has(context: int, taken: int) -> None:
    """`max_tokens: 1000000` took the whole target for one caller."""
    messages = (said(Text(text="x" * 40)),)
    request = ChatRequest(model="chat", messages=messages, sampling=Sampling(max_tokens=60_000))

    assert tokens_in_flight(request, context_tokens=context) == taken
