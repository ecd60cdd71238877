"""Where every target is shut, one that only its breaker shuts is asked all the same."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.events import Finished, HopUpdate
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
LIMITED = AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=30.0)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)}
BACK: list[Script] = [(BUSY,), ("back", DONE)]


def isolate(router: Stage, target: str) -> None:
    now = router.clock.now()
    order = IsolationOrder(since=now, until=now + 600.0, actor="ada", reason="maintenance")
    router.board.place(target).gates.isolation.isolate(order)


@virtual_time.test
async def test_the_one_that_is_due_soonest_is_asked(stage: type[Stage]) -> None:
    """A shut breaker in front of nothing else would be an outage of our own making."""
    router = stage(a=(BUSY,), b=(1.0, BUSY), targets={"a": TOUCHY, "b": TOUCHY})
    await router.refused()

    error = await router.refused()

    assert [hop.outcome for hop in error.hops] == [
        HopOutcome.SKIPPED,
        HopOutcome.SKIPPED,
        HopOutcome.FAILED,
    ]
    assert error.hops[2].target == "a"
    assert error.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
    assert error.retry_after == pytest.approx(5.0)


@virtual_time.test
async def test_one_isolated_target_does_not_keep_the_others_from_being_asked(
    stage: type[Stage],
) -> None:
    router = stage(a=BACK, b=("no", DONE), targets={"a": TOUCHY})
    isolate(router, "b")
    await router.refused()

    answer = await router.ask()

    assert answer.choice.message.text == "back"
    assert answer.finished.degradation is Degradation.NONE
    assert [hop.target for hop in answer.finished.hops] == ["a", "b", "a"]


@virtual_time.test
async def test_a_spent_quota_does_not_keep_the_others_from_being_asked(stage: type[Stage]) -> None:
    router = stage(a=BACK, b=(LIMITED,), targets={"a": TOUCHY})
    await router.refused()

    assert (await router.ask()).choice.message.text == "back"
    assert len(router.targets["b"].calls) == 1


@virtual_time.test
async def test_an_isolated_target_is_never_asked(stage: type[Stage]) -> None:
    router = stage(a=BACK, targets={"a": TOUCHY})
    await router.refused()
    isolate(router, "a")

    await router.refused()

    assert len(router.targets["a"].calls) == 1


@virtual_time.test
async def test_while_the_only_probe_is_out_one_more_caller_is_let_through(
    stage: type[Stage],
) -> None:
    """Everybody else was told at once that nobody could answer, and to come back at once."""
    router = stage(a=[(BUSY,), (3.0, "first", DONE), ("second", DONE)], targets={"a": TOUCHY})
    await router.refused()
    await asyncio.sleep(15.0)
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        prober = tasks.create_task(router.ask())
        await asyncio.sleep(1.0)

        answer = await router.ask()

    assert answer.choice.message.text == "second"
    assert prober.result().choice.message.text == "first"
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_an_empty_cache_does_not_keep_a_target_from_being_asked(stage: type[Stage]) -> None:
    router = stage(
        a=BACK, hops=("a", "cache", "mock"), targets={"a": TOUCHY}, tenant=TenantPolicy()
    )
    await router.refused()

    answer = await router.ask()

    assert answer.choice.message.text == "back"
    assert [hop.skip_reason for hop in answer.finished.hops] == [
        SkipReason.CIRCUIT_OPEN,
        SkipReason.NO_STORED_ANSWER,
        SkipReason.TENANT_POLICY,
        None,
    ]


@virtual_time.test
async def test_a_stored_answer_spares_a_shut_target(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"), targets={"a": TOUCHY})
    for _ in range(2):
        await router.ask()

    answer = await router.ask()

    assert answer.finished.degradation is Degradation.STALE_CACHE
    assert len(router.targets["a"].calls) == 2


@virtual_time.test
async def test_one_caller_at_a_time_is_let_through(stage: type[Stage]) -> None:
    router = stage(a=[(BUSY,), (math.inf,)], targets={"a": TOUCHY})
    await router.refused()
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(router.refused())
        await asyncio.sleep(1.0)

        error = await router.refused()

        assert [hop.outcome for hop in error.hops] == [HopOutcome.SKIPPED]
        assert router.targets["a"].running == 1
    assert [hop.outcome for hop in first.result().hops] == [HopOutcome.SKIPPED, HopOutcome.FAILED]


@virtual_time.test
async def test_a_gate_that_opens_while_the_caller_reads_is_seen(stage: type[Stage]) -> None:
    """Neither was asked: one was shut still, and the other was not shut any more."""
    router = stage(a=("a", DONE), b=[(BUSY,), ("b", DONE)], targets={"b": TOUCHY})
    isolate(router, "a")
    await router.refused()

    async def read(event: Event) -> None:
        if isinstance(event, HopUpdate) and event.hop.target == "b":
            router.board.place("a").gates.isolation.release(router.clock.now())

    events = await router.stream(reader=read)

    assert isinstance(events[-1], Finished)
    assert [hop.target for hop in events[-1].hops] == ["a", "b", "a"]
    assert not router.board.place("b").gates.health.forced_out


@virtual_time.test
async def test_who_has_failed_in_this_very_walk_is_not_asked_again(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), targets={"a": TOUCHY})

    await router.refused()

    assert len(router.targets["a"].calls) == 1
