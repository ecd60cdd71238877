"""A target is waited for as long as nobody else would answer sooner."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy, Limits
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
FAST: list[Script] = [(0.2, "hi", DONE)] * 8
LIMITS = Limits()


def isolate(router: Stage, target: str, *, seconds: float = 3600.0) -> None:
    now = router.clock.now()
    order = IsolationOrder(since=now, until=now + seconds, actor="op", reason="it is ill")
    router.board.place(target).gates.isolation.isolate(order)


@virtual_time.test
async def test_who_is_late_is_waited_for_when_nobody_behind_is_let_in(stage: type[Stage]) -> None:
    """The only target that was well was given up for one that an operator had taken out."""
    router = stage(a=[*FAST, (3.0, "late", DONE)], b=("hi", DONE), limits=LIMITS)
    for _ in FAST:
        await router.ask()
    isolate(router, "b")

    assert (await router.ask()).choice.message.text == "late"


@virtual_time.test
async def test_who_is_late_is_waited_for_when_only_a_mock_is_behind(stage: type[Stage]) -> None:
    router = stage(hops=("a", "mock"), a=[*FAST, (3.0, "late", DONE)], limits=LIMITS)
    for _ in FAST:
        await router.ask()

    assert (await router.ask()).finished.degradation is Degradation.NONE


@virtual_time.test
async def test_who_is_late_is_left_for_a_target_that_is_well(stage: type[Stage]) -> None:
    router = stage(a=[*FAST, (3.0, "late", DONE)], b=("hi", DONE), limits=LIMITS)
    for _ in FAST:
        await router.ask()

    assert (await router.ask()).finished.served_by == "b"


@virtual_time.test
async def test_who_is_late_may_answer_yet_when_the_one_behind_is_on_trial(
    stage: type[Stage],
) -> None:
    """It was cut off for the probe of a target that turned out to be ill still."""
    one = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1)}
    router = stage(
        a=[(BUSY,), *FAST, (3.0, "late", DONE)], b=(BUSY,), limits=LIMITS, targets={"b": one}
    )
    await router.refused()
    for _ in FAST:
        await router.ask()
    await asyncio.sleep(15.0)

    answer = await router.ask()

    assert answer.choice.message.text == "late"
    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.SERVED, HopOutcome.FAILED]


@virtual_time.test
async def test_no_time_is_kept_for_a_target_that_stays_shut(stage: type[Stage]) -> None:
    """Twenty callers with five seconds for an answer that takes four: five of them had it."""
    router = stage(a=(4.0, "hi", DONE), b=("x", DONE), limits=LIMITS)
    isolate(router, "b")

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        walks = [tasks.create_task(router.ask(within=5.0)) for _ in range(20)]

    assert {walk.result().finished.served_by for walk in walks} == {"a"}


@virtual_time.test
async def test_time_is_kept_for_a_target_that_is_let_in_by_its_turn(stage: type[Stage]) -> None:
    """It is shut still when the hop before it begins."""
    router = stage(a=(math.inf,), b=("hi", DONE), limits=LIMITS)
    isolate(router, "b", seconds=2.0)

    finished = (await router.ask(within=5.0)).finished

    assert finished.served_by == "b"
    assert finished.hops[0].latency == pytest.approx(2.98)
