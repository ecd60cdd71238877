"""The same target is asked again only where that is worth it, and never in a storm."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.core.breaker import Result
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
async def test_who_waits_for_a_second_attempt_is_not_overtaken_by_those_behind(
    stage: type[Stage],
) -> None:
    """The place of its probe was given to the next caller, and the wait was for nothing."""
    one_probe = BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)
    scripts: list[Script] = [(BUSY,), (limited(1.0),), ("back", DONE)]
    router = stage(a=scripts, b=("hi", DONE), targets={"a": {**TWICE["a"], "breaker": one_probe}})
    # The first failure opens the breaker, so it is not followed by a second attempt.
    await router.ask()
    await asyncio.sleep(15.0)
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(router.ask())
        await asyncio.sleep(1.1)

        behind = await router.ask()

    assert behind.finished.hops[0].detail == "its breaker is half-open and the probes are out"
    assert waiting.result().choice.message.text == "back"


@virtual_time.test
async def test_who_hangs_up_while_waiting_gives_the_probes_place_back(stage: type[Stage]) -> None:
    one_probe = BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)
    scripts: list[Script] = [(BUSY,), (limited(1.0),), ("back", DONE)]
    router = stage(a=scripts, targets={"a": {**TWICE["a"], "breaker": one_probe}})
    await router.refused()
    await asyncio.sleep(15.0)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(router.ask())
        await asyncio.sleep(0.5)
        waiting.cancel()
    await asyncio.sleep(1.0)

    assert (await router.ask()).choice.message.text == "back"


@virtual_time.test
async def test_a_permit_of_better_days_is_not_used_after_a_wait(stage: type[Stage]) -> None:
    """Others have opened the breaker meanwhile, and its probes are few."""
    breaker = BreakerPolicy(consecutive_failures=2, open_for=0.5, open_cap=0.5, probes=1)
    scripts: list[Script] = [(limited(2.0),), ("no", DONE)]
    router = stage(a=scripts, b=("hi", DONE), targets={"a": {**TWICE["a"], "breaker": breaker}})
    health = router.board.place("a").gates.health
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(router.ask())
        await asyncio.sleep(0.5)
        for _ in range(2):
            permit = health.ask(router.clock.now())
            assert permit is not None
            health.record(permit, Result.FAILED, now=router.clock.now(), draw=0.5)
        await asyncio.sleep(1.0)
        probe = health.ask(router.clock.now())
        assert probe is not None
        assert probe.probe

    assert waiting.result().finished.served_by == "b"
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
