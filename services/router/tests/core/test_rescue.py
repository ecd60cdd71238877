"""An answer that broke off is gone on with where it can be, else started over or ended."""

import pytest

from failsoft_model.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
)
from failsoft_model.events import BlockKind
from failsoft_router.core.policy import Midstream
from failsoft_router.core.rescue import LONGEST, Continuation, Otherwise, Said, rescue

QUESTION = ChatRequest(
    model="chat", messages=(Message(role=Role.USER, parts=(Text(text="Hello?"),)),)
)
KINDS = {
    "r": BlockKind.REASONING,
    "t": BlockKind.TEXT,
    "c": BlockKind.TOOL_CALL,
    "x": BlockKind.REFUSAL,
}


def said(*blocks: str) -> list[Said]:
    """Blocks as `"t:Hello"`."""
    return [
        Said(block=number, kind=KINDS[block[0]], text=block[2:])
        for number, block in enumerate(blocks)
    ]


def judged(
    *blocks: str,
    request: ChatRequest = QUESTION,
    midstream: Midstream = Midstream.CONTINUE,
    sees_resets: bool = True,
) -> Continuation | Otherwise:
    return rescue(said(*blocks), request, midstream=midstream, sees_resets=sees_resets)


@pytest.mark.parametrize("sees_resets", [True, False])
def test_text_is_gone_on_with(sees_resets: bool) -> None:
    assert judged("t:Good mor", sees_resets=sees_resets) == Continuation(
        text="Good mor", block=0, next_block=1
    )


def test_reasoning_before_the_text_is_no_part_of_it() -> None:
    assert judged("r:Hm.", "t:Good mor") == Continuation(text="Good mor", block=1, next_block=2)


def test_text_goes_on_in_a_block_of_its_own_behind_reasoning() -> None:
    assert judged("t:Good", "r:Hm.") == Continuation(text="Good", block=None, next_block=2)


def test_texts_are_one() -> None:
    assert judged("t:Good ", "t:mor") == Continuation(text="Good mor", block=1, next_block=2)


@pytest.mark.parametrize("broken", ['c:{"a', "x:I can"])
def test_a_call_or_a_refusal_is_void_and_the_text_before_it_is_not(broken: str) -> None:
    going_on = Continuation(text="Let me see.", block=1, next_block=2, void_from=2)

    assert judged("r:Hm.", "t:Let me see.", broken) == going_on
    assert judged("r:Hm.", "t:Let me see.", broken, "t:more") == going_on
    assert judged("t:Let me see.", broken, sees_resets=False) is Otherwise.FAIL


@pytest.mark.parametrize("broken", ['c:{"a', "x:I can", "t: \n"])
def test_without_text_the_answer_starts_over(broken: str) -> None:
    assert judged("r:Hm.", broken) is Otherwise.START_OVER
    assert judged("r:Hm.", broken, sees_resets=False) is Otherwise.FAIL


@pytest.mark.parametrize("midstream", [Midstream.CONTINUE, Midstream.RESTART])
def test_behind_reasoning_another_answer_may_come_unannounced(midstream: Midstream) -> None:
    """The reader adds reasoning to reasoning, and has one answer in the end."""
    assert judged("r:Hm.", midstream=midstream) is Otherwise.START_OVER
    assert judged("r:Hm.", midstream=midstream, sees_resets=False) == Continuation(
        text="", block=None, next_block=1
    )


@pytest.mark.parametrize("kind", [each for each in ResponseFormatKind if each.value != "text"])
def test_an_answer_with_a_form_has_one_author(kind: ResponseFormatKind) -> None:
    request = ChatRequest(
        model="chat", messages=QUESTION.messages, response_format=ResponseFormat(kind=kind)
    )

    assert judged('t:{"a', request=request) is Otherwise.START_OVER
    assert judged('t:{"a', request=request, sees_resets=False) is Otherwise.FAIL


def test_an_answer_with_probabilities_has_one_author() -> None:
    request = ChatRequest(
        model="chat", messages=QUESTION.messages, sampling=Sampling(logprobs=True)
    )

    assert judged("t:Good", request=request) is Otherwise.START_OVER


def test_a_route_that_restarts_goes_on_with_nothing() -> None:
    assert judged("t:Good", midstream=Midstream.RESTART) is Otherwise.START_OVER
    assert judged("t:Good", midstream=Midstream.RESTART, sees_resets=False) is Otherwise.FAIL


@pytest.mark.parametrize("block", ["t:Good", "r:Hm.", 'c:{"a'])
def test_a_route_that_fails_does_nothing_else(block: str) -> None:
    assert judged(block, midstream=Midstream.FAIL) is Otherwise.FAIL
    assert judged(block, midstream=Midstream.FAIL, sees_resets=False) is Otherwise.FAIL


def test_what_the_caller_had_already_is_part_of_what_was_said() -> None:
    request = ChatRequest(model="chat", messages=QUESTION.messages, continue_from="Good ")

    assert judged("t:mor", request=request) == Continuation(text="Good mor", block=0, next_block=1)


def test_what_is_longer_than_anybody_takes_starts_over() -> None:
    assert isinstance(judged("t:" + "x" * LONGEST), Continuation)
    assert judged("t:x" + "x" * LONGEST) is Otherwise.START_OVER
