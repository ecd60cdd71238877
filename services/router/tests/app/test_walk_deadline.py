"""A caller's deadline bounds the whole walk, and its haste is nobody's fault."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.errors import Code
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import RouteExhausted, WalkDeadlinePassed
from failsoft_router.core.policy import BreakerPolicy, Limits, Provider, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage, Step

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
LIMITS = Limits(connect=1.0, first_content=4.0, stall=2.0, total=60.0)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1)}


@virtual_time.test
async def test_a_deadline_that_passes_is_told_in_time(stage: type[Stage]) -> None:
    """20 ms before it, so that the reply still gets through with its details."""
    router = stage(a=(math.inf,), limits=Limits(first_content=10.0))

    error = await router.refused(within=1.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.code is Code.DEADLINE_EXCEEDED
    assert error.reason == "BUDGET_SPENT"
    assert error.cause is ErrorClass.TIMEOUT_FIRST_CONTENT
    assert error.message.startswith("the deadline came before an answer: a failed")
    assert error.retry_after is None
    assert router.after() == pytest.approx(0.98)


@virtual_time.test
async def test_a_short_deadline_is_shared_by_the_targets(stage: type[Stage]) -> None:
    """A hang of the first one must not eat the time of the second."""
    router = stage(a=(math.inf,), b=(0.1, "hi", DONE))

    answer = await router.ask(within=1.0)

    assert answer.finished.served_by == "b"
    assert router.targets["b"].started == [pytest.approx(router.began + 0.48)]


@virtual_time.test
async def test_a_target_has_its_own_limits_however_little_time_its_caller_has(
    stage: type[Stage],
) -> None:
    """Its call goes on when the caller is gone: what it says then tells whether it is well."""
    router = stage(a=("hi", DONE), limits=LIMITS)

    await router.ask(within=0.5)

    (call,) = router.targets["a"].calls
    assert (call.connect, call.total) == (LIMITS.connect, LIMITS.total)


@virtual_time.test
async def test_a_short_deadline_counts_against_nobody(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), targets={"a": TOUCHY})

    await router.refused(within=1.0)

    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_target_that_got_its_full_limit_is_at_fault_whatever_the_deadline(
    stage: type[Stage],
) -> None:
    router = stage(a=(math.inf,), targets={"a": TOUCHY})

    await router.refused(within=10.0)

    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_an_answer_that_outlasts_the_deadline_counts_against_nobody(
    stage: type[Stage],
) -> None:
    router = stage(a=("x", 0.5) * 100, targets={"a": TOUCHY})

    error = await router.refused(within=5.0)

    assert error.cause is ErrorClass.TIMEOUT_TOTAL
    assert router.after() == pytest.approx(4.98)
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_stall_is_at_fault_although_a_deadline_runs(stage: type[Stage]) -> None:
    router = stage(a=("x", math.inf), targets={"a": TOUCHY})

    error = await router.refused(within=50.0)

    assert error.cause is ErrorClass.STALL
    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_a_target_that_keeps_the_callers_deadline_itself_is_not_at_fault(
    stage: type[Stage],
) -> None:
    """Our own services are told the time and say so a little before it is over."""
    late = AttemptFailed(ErrorClass.TIMEOUT_TOTAL, "the answer took too long")
    own = {**TOUCHY, "provider": Provider.FAILSOFT}
    router = stage(a=("x", 1.0, "y", 0.9, late), targets={"a": own})

    await router.refused(within=2.0)

    assert router.board.place("a").gates.health.state is State.CLOSED


@pytest.mark.parametrize("within", [0.9, 3.0, None])
def test_a_connection_that_takes_too_long_is_at_fault_however_long_its_caller_waits(
    stage: type[Stage], within: float | None
) -> None:
    slow = AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "no connection within its limit")

    async def walk() -> None:
        router = stage(a=(LIMITS.connect, slow), targets={"a": TOUCHY}, limits=LIMITS)

        async with router.supervised():
            await router.refused(within=within)
            await asyncio.sleep(LIMITS.connect)

            assert router.board.place("a").gates.health.state is State.OPEN

    virtual_time.run(walk())


@virtual_time.test
async def test_a_hop_that_has_too_little_time_is_skipped(stage: type[Stage]) -> None:
    router = stage(a=("no", DONE), hops=("a", "cache"))

    error = await router.refused(within=0.1)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.hops[0].skip_reason is SkipReason.DEADLINE
    assert error.cause is None
    assert router.targets["a"].calls == []
    assert router.after() == 0.0


@virtual_time.test
async def test_a_deadline_that_is_already_past_asks_nobody(stage: type[Stage]) -> None:
    router = stage(a=("no", DONE), hops=("a", "mock"), tenant=TenantPolicy())

    error = await router.refused(within=-1.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert router.targets["a"].calls == []


@virtual_time.test
async def test_a_deadline_that_a_look_up_could_outlast_leaves_the_cache_alone(
    stage: type[Stage],
) -> None:
    """A cache that is away takes 50 ms to be given up; the caller would be gone by then."""
    router = stage(a=("no", DONE), hops=("cache", "a"))

    error = await router.refused(within=0.055)

    assert isinstance(error, WalkDeadlinePassed)
    assert [hop.skip_reason for hop in error.hops] == [SkipReason.DEADLINE] * 2
    assert router.cache.asked == []


@virtual_time.test
async def test_after_a_hang_there_is_time_for_the_cache(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), hops=("a", "cache"), limits=Limits(first_content=10.0))

    error = await router.refused(within=1.0)

    assert [hop.skip_reason for hop in error.hops] == [None, SkipReason.NO_STORED_ANSWER]


@virtual_time.test
async def test_the_mock_answers_when_the_deadline_leaves_no_time_for_a_target(
    stage: type[Stage],
) -> None:
    router = stage(a=("no", DONE), hops=("a", "mock"))

    assert (await router.ask(within=0.1)).finished.served_by == "mock"


@virtual_time.test
async def test_without_a_deadline_the_routes_is_to_the_first_content(stage: type[Stage]) -> None:
    hang = (math.inf,)
    router = stage(a=hang, b=hang, c=hang, route={"deadline": 6.0})

    error = await router.refused()

    assert isinstance(error, RouteExhausted)
    assert router.after() == pytest.approx(6.0 - 0.02)
    assert len(error.hops) == 3


@virtual_time.test
async def test_without_a_deadline_a_long_answer_may_go_on(stage: type[Stage]) -> None:
    router = stage(a=(*(("x", 1.5) * 20), DONE), route={"deadline": 6.0})

    assert (await router.ask()).choice.message.text == "x" * 20


@virtual_time.test
async def test_an_answer_that_breaks_off_late_leaves_its_unary_caller_the_other_targets(
    stage: type[Stage],
) -> None:
    """The route's 120 s, which are to the first content, were over when it broke off."""
    cut = AttemptFailed(ErrorClass.TRUNCATED, "cut")
    words: list[Step] = ["word", 10.0]
    router = stage(a=(*words * 13, cut), b=("hi", DONE), limits=Limits())

    answer = await router.ask()

    assert router.after() > router.board.policy.routes["chat"].deadline
    assert answer.finished.served_by == "b"


@virtual_time.test
async def test_a_caller_that_hangs_up_leaves_nothing_behind(stage: type[Stage]) -> None:
    """The permit is handed back, the call is ended, the spans and the hop say what it was."""
    router = stage(a=(0.5, "Hel", math.inf), b=("no", DONE), targets={"a": TOUCHY})

    async with asyncio.TaskGroup() as group:
        walk = group.create_task(router.ask())
        await asyncio.sleep(1.0)
        walk.cancel()

    assert walk.cancelled()
    assert router.targets["a"].running == 0
    assert router.targets["b"].calls == []
    breaker = router.board.place("a").gates.health
    assert breaker.state is State.CLOSED
    assert breaker.counts(router.clock.now()).calls == 0
    hop = router.spans.one("failsoft.hop")
    assert hop.attributes["failsoft.hop.outcome"] == HopOutcome.FAILED.value
    assert hop.attributes["failsoft.error.class"] == ErrorClass.CANCELLED.value
    attempt = router.spans.one("chat a-model")
    assert attempt.attributes["failsoft.error.class"] == ErrorClass.CANCELLED.value
    assert {span.error for span in router.spans.all()} == {None}
    assert router.spans.one("failsoft.walk").duration == 1.0


@virtual_time.test
async def test_a_probe_whose_caller_hangs_up_gives_its_place_back(stage: type[Stage]) -> None:
    one_probe = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)}
    router = stage(a=[(BUSY,), (math.inf,), ("hi", DONE)], targets={"a": one_probe})
    await router.refused()
    await asyncio.sleep(5.0)

    async with asyncio.TaskGroup() as group:
        walk = group.create_task(router.ask())
        await asyncio.sleep(1.0)
        walk.cancel()

    assert (await router.ask()).finished.served_by == "a"
    assert router.board.place("a").gates.health.state is State.CLOSED
