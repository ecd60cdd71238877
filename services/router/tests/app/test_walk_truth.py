"""How a walk without an answer is told: what ended it, whose time was over, when to come back."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Tool
from failsoft_model.walk import Capability, ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.egress import HOLD
from failsoft_router.core.errors import (
    RouteExhausted,
    StreamBroken,
    WalkDeadlinePassed,
    WalkError,
)
from failsoft_router.core.policy import BreakerPolicy, Midstream, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
TOO_LONG = AttemptFailed(ErrorClass.CONTEXT_LENGTH, "the request is too long")
UNREACHED = AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "no connection", sent=False)
TALKS_ON: Script = (0.1, "a", *(1.0, "b") * 60, DONE)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)}
FAIL = {"midstream": Midstream.FAIL}
NO_MOCK = TenantPolicy()


async def broken_off(router: Stage, *, within: float) -> WalkError:
    """How a stream ends that had begun."""
    with pytest.raises(WalkError) as failure:
        await router.stream(within=within)
    return failure.value


@virtual_time.test
async def test_an_answer_that_outlasts_its_caller_is_no_broken_stream(stage: type[Stage]) -> None:
    router = stage(a=TALKS_ON, route=FAIL)

    error = await broken_off(router, within=5.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.cause is ErrorClass.TIMEOUT_TOTAL
    assert error.hops[0].detail == "the answer took longer than its caller waits"


@virtual_time.test
async def test_neither_is_a_probe_s_answer(stage: type[Stage]) -> None:
    router = stage(a=[(BUSY,), TALKS_ON], b=("hi", DONE), targets={"a": TOUCHY}, route=FAIL)
    await router.ask()
    await asyncio.sleep(15.0)

    async with router.supervised():
        error = await broken_off(router, within=5.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.hops[0].detail == "the answer took longer than its caller waits"


@virtual_time.test
async def test_a_target_that_breaks_off_shortly_before_the_deadline_is_told(
    stage: type[Stage],
) -> None:
    router = stage(a=(0.1, "a", 1.8, "b", 1.8, "c", 1.25, BUSY), route=FAIL)

    error = await broken_off(router, within=5.0)

    assert isinstance(error, StreamBroken)
    assert error.cause is ErrorClass.TRANSIENT


@virtual_time.test
async def test_a_deadline_that_is_near_is_not_to_blame_where_nobody_was_left(
    stage: type[Stage],
) -> None:
    """The last target failed by itself; another second would have changed nothing."""
    router = stage(a=(0.95, BUSY), tenant=NO_MOCK)

    error = await router.refused(within=1.0)

    assert isinstance(error, RouteExhausted)
    assert error.cause is ErrorClass.TRANSIENT


@virtual_time.test
async def test_a_target_that_was_hurried_is_not_said_to_have_failed(
    stage: type[Stage],
) -> None:
    router = stage(a=(math.inf,), b=("hi", DONE))

    hop = (await router.ask(within=1.0)).finished.hops[0]

    assert (hop.outcome, hop.error_class) == (HopOutcome.PROBING, None)
    assert hop.detail == "its probe runs beside the walk"


@virtual_time.test
async def test_a_target_that_was_waited_for_in_vain_is_not_said_to_have_passed_its_limit(
    stage: type[Stage],
) -> None:
    router = stage(a=(math.inf,), tenant=NO_MOCK)

    (hop,) = (await router.refused(within=1.0)).hops

    assert hop.error_class is ErrorClass.TIMEOUT_FIRST_CONTENT
    assert hop.detail == "no content in the time that the walk had for it"


@virtual_time.test
async def test_a_probe_that_was_waited_for_in_vain_is_in_the_story(stage: type[Stage]) -> None:
    router = stage(
        a=[(BUSY,), (math.inf,)], b=[("hi", DONE), (BUSY,)], targets={"a": TOUCHY}, tenant=NO_MOCK
    )
    await router.ask()
    await asyncio.sleep(15.0)

    async with router.supervised():
        error = await router.refused(within=3.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.hops[0].outcome is HopOutcome.FAILED
    assert "a failed (timeout_first_content), b failed (transient)" in error.message


@virtual_time.test
async def test_who_is_asked_too_much_is_not_asked_again_in_a_moment(stage: type[Stage]) -> None:
    """A request that is too long for everybody will be in a minute, too."""
    router = stage(a=(TOO_LONG,), tenant=NO_MOCK)

    error = await router.refused()

    assert isinstance(error, RouteExhausted)
    assert error.cause is ErrorClass.CONTEXT_LENGTH
    assert error.retry_after is None


@virtual_time.test
async def test_who_may_still_answer_is_worth_coming_back_for(stage: type[Stage]) -> None:
    router = stage(a=(TOO_LONG,), b=(BUSY,), targets={"b": TOUCHY}, tenant=NO_MOCK)

    assert (await router.refused()).retry_after == pytest.approx(5.0)


@virtual_time.test
async def test_a_way_out_that_is_down_says_when_it_is_tried_again(stage: type[Stage]) -> None:
    router = stage(a=(UNREACHED,), b=(UNREACHED,), tenant=NO_MOCK)
    await router.refused()
    await asyncio.sleep(1.0)

    error = await router.refused()

    assert [hop.skip_reason for hop in error.hops] == [SkipReason.SAME_FATE] * 2
    assert error.metadata["cause"] == "egress"
    assert error.retry_after == pytest.approx(HOLD - 1.0)


@virtual_time.test
async def test_a_way_out_that_nobody_needed_is_no_cause(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    local = {"endpoint": "http://local:8000/v1", "capabilities": frozenset({Capability.TOOLS})}
    router = stage(
        a=(UNREACHED,), b=(UNREACHED,), local=(BUSY,), targets={"local": local}, tenant=NO_MOCK
    )
    assert (await router.refused()).metadata["cause"] == "egress"

    error = await router.refused(replace(question(), tools=(Tool(name="look"),)))

    assert [hop.skip_reason for hop in error.hops[:2]] == [SkipReason.CAPABILITY] * 2
    assert error.metadata["cause"] == "transient"


@virtual_time.test
async def test_a_process_that_ends_does_not_blame_its_caller(stage: type[Stage]) -> None:
    """It was told that its request is wrong, and would never have sent it again."""
    router = stage(a=[(BUSY,), TALKS_ON], b=("hi", DONE), targets={"a": TOUCHY})
    await router.ask()
    await asyncio.sleep(15.0)

    async with asyncio.TaskGroup() as tasks:
        async with router.supervised():
            asking = tasks.create_task(router.refused())
            await asyncio.sleep(2.0)
        error = await asking

    assert isinstance(error, RouteExhausted)
    assert error.message == "this process is shutting down"
    assert error.retry_after is not None


@virtual_time.test
async def test_a_route_that_is_too_long_says_what_was_enough(stage: type[Stage]) -> None:
    busy: Script = (BUSY,)
    router = stage(a=busy, b=busy, c=busy, d=busy, e=busy, tenant=NO_MOCK)

    error = await router.refused()

    assert error.hops[4].skip_reason is SkipReason.BUDGET
    assert error.hops[4].detail == "the request has tried as many targets as it may"
