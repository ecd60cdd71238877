"""The same target is asked again only where that is worth it, and never in a storm."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
TWICE = {"a": {"attempts": 2}}


def limited(hint: float) -> AttemptFailed:
    return AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=hint)


@virtual_time.test
async def test_a_blip_is_tried_again_after_a_drawn_delay(stage: type[Stage]) -> None:
    router = stage(a=[(BUSY,), ("hi", DONE)], b=("hi", DONE), targets=TWICE)

    answer = await router.ask()

    assert answer.finished.served_by == "a"
    assert [attempt.id for attempt in answer.finished.hops[0].attempts] == [
        "walk-1/1/1",
        "walk-1/1/2",
    ]
    # The stage always draws 0.5 of the 0.5 s that a first retry may wait.
    assert router.after() == pytest.approx(0.25)


@virtual_time.test
async def test_a_short_hint_is_waited_for(stage: type[Stage]) -> None:
    """Waiting on the best target beats a cold fallback."""
    router = stage(a=[(limited(1.0),), ("hi", DONE)], b=("hi", DONE), targets=TWICE)

    answer = await router.ask()

    assert answer.finished.served_by == "a"
    assert router.after() >= 1.0


@virtual_time.test
async def test_a_target_that_is_taken_out_while_a_retry_waits_is_not_asked_again(
    stage: type[Stage],
) -> None:
    """A hint may be half a minute long; every gate is asked once more after it."""
    router = stage(a=[(limited(2.0),), ("no", DONE)], b=("hi", DONE), targets=TWICE)
    order = IsolationOrder(
        since=router.clock.now(), until=math.inf, actor="ada", reason="maintenance"
    )
    isolation = router.board.place("a").gates.isolation
    asyncio.get_running_loop().call_later(1.0, isolation.isolate, order)

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert len(router.targets["a"].calls) == 1


@virtual_time.test
async def test_who_meets_the_failure_that_opens_a_breaker_waits_for_no_second_attempt(
    stage: type[Stage],
) -> None:
    """The breaker would not let it through; a failed probe made its caller wait like that."""
    breaker = BreakerPolicy(consecutive_failures=1)
    router = stage(a=(BUSY,), b=("hi", DONE), targets={"a": {**TWICE["a"], "breaker": breaker}})

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert router.after() == 0.0


@virtual_time.test
async def test_a_long_hint_moves_on_at_once(stage: type[Stage]) -> None:
    router = stage(a=[(limited(30.0),)], b=("hi", DONE), targets=TWICE)

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert router.after() == 0.0


@pytest.mark.parametrize("script", [(math.inf,), ("half", BUSY)])
@virtual_time.test
async def test_silence_and_broken_answers_are_not_asked_for_twice(
    stage: type[Stage], script: Script
) -> None:
    router = stage(a=script, b=("hi", DONE), targets=TWICE)

    await router.ask()

    assert len(router.targets["a"].calls) == 1


@virtual_time.test
async def test_with_everything_failing_a_target_gets_little_more_than_its_calls(
    stage: type[Stage],
) -> None:
    never = {"a": {**TWICE["a"], "breaker": stage.never_opening()}}
    router = stage(a=(BUSY,), b=("hi", DONE), targets=never)
    offered = 100
    for _ in range(offered):
        await router.ask()

    assert len(router.targets["a"].calls) <= 1.1 * offered + router.after() + 1
