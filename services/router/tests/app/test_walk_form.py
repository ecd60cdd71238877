"""An answer without the form that was asked for is a failure, and the next target is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ChatRequest, ResponseFormat, ResponseFormatKind
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import Capability, ErrorClass, FinishReason, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.router.tests.app.conftest import Script, Stage

    Question = Callable[..., ChatRequest]

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
SCHEMA = ResponseFormat(
    kind=ResponseFormatKind.JSON_SCHEMA,
    name="n",
    schema_json='{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}',
)
ABLE = {
    "capabilities": frozenset({Capability.JSON_SCHEMA}),
    "breaker": BreakerPolicy(consecutive_failures=1),
}


@pytest.fixture
def formed(question: Question) -> ChatRequest:
    """A question that asks for JSON."""
    return replace(question(), response_format=SCHEMA)


def over(stage: type[Stage], *, a: Script, b: Script, c: Script = (DONE,)) -> Stage:
    """Targets that take schemas."""
    return stage(targets=dict.fromkeys("abc", ABLE), a=a, b=b, c=c)


@virtual_time.test
async def test_a_schema_that_was_not_kept_is_asked_of_the_next(
    stage: type[Stage], formed: ChatRequest
) -> None:
    router = over(stage, a=('{"a":"one"}', DONE), b=('{"a":1}', DONE))

    answer = await router.ask(formed)

    assert answer.choice.message.text == '{"a":1}'
    hop = answer.finished.hops[0]
    assert hop.error_class is ErrorClass.SCHEMA_INVALID
    assert [each.error_class for each in hop.attempts] == [ErrorClass.SCHEMA_INVALID]
    assert [each.detail for each in hop.attempts] == [hop.detail]
    assert router.cache.texts == ['{"a":1}']


@virtual_time.test
async def test_it_is_nobody_s_illness(stage: type[Stage], formed: ChatRequest) -> None:
    router = over(stage, a=("no JSON", DONE), b=('{"a":1}', DONE))

    await router.ask(formed)

    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_two_such_answers_are_enough(stage: type[Stage], formed: ChatRequest) -> None:
    router = over(stage, a=("no", DONE), b=("no", DONE), c=('{"a":1}', DONE))

    failure = await router.refused(formed)

    assert failure.cause is ErrorClass.SCHEMA_INVALID
    assert failure.hops[2].skip_reason is SkipReason.BUDGET
    assert router.targets["c"].calls == []


@virtual_time.test
async def test_a_reader_who_sees_resets_is_given_the_next_answer(
    stage: type[Stage], formed: ChatRequest
) -> None:
    router = over(stage, a=("no JSON", DONE), b=('{"a":1}', DONE))

    events = await router.stream(formed)

    told = [event for event in events if isinstance(event, Delta | StreamReset)]
    assert told == [
        Delta(text="no JSON"),
        StreamReset(reason=ErrorClass.SCHEMA_INVALID),
        Delta(text='{"a":1}'),
    ]


@virtual_time.test
async def test_who_sees_none_keeps_what_was_sent(stage: type[Stage], formed: ChatRequest) -> None:
    """It is too late for another answer, and an error would tell the reader less."""
    router = over(stage, a=("no JSON", DONE), b=('{"a":1}', DONE))

    events = await router.stream(formed, sees_resets=False)

    assert [event.text for event in events if isinstance(event, Delta)] == ["no JSON"]
    assert router.targets["b"].calls == []


@virtual_time.test
async def test_an_answer_that_was_cut_at_its_limit_is_handed_on(
    stage: type[Stage], formed: ChatRequest
) -> None:
    cut = Ending(finish_reason=FinishReason.LENGTH, model="m")
    router = over(stage, a=('{"a":', cut), b=('{"a":1}', DONE))

    assert (await router.ask(formed)).choice.message.text == '{"a":'
