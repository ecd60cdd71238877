"""A target that is ill is passed over at no cost, and comes back by itself."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import TargetNotFound
from failsoft_router.core.extra_calls import PROBES
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
LIMITED = AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=30.0)


@virtual_time.test
async def test_after_five_hangs_the_sixth_caller_waits_for_nothing(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), b=("hi", DONE))
    async with router.supervised():
        for _ in range(5):
            await router.ask()
        await asyncio.sleep(4.0)
    before = router.after()

    answer = await router.ask()

    assert router.after() == before
    skipped = answer.finished.hops[0]
    assert (skipped.outcome, skipped.skip_reason) == (HopOutcome.SKIPPED, SkipReason.CIRCUIT_OPEN)
    assert skipped.detail == "its breaker is open, the next probe may go in 4.0 s"
    assert len(router.targets["a"].calls) == 5


@virtual_time.test
async def test_a_target_that_recovers_is_found_by_probes(stage: type[Stage]) -> None:
    failing = [(BUSY,)] * 5
    router = stage(a=[*failing, ("hi", DONE)], b=("hi", DONE))
    for _ in range(5):
        await router.ask()
    assert router.board.place("a").gates.health.state is State.OPEN
    assert router.board.place("a").gates.health.last_error is ErrorClass.TRANSIENT

    await asyncio.sleep(5.0)
    served = [(await router.ask()).finished.served_by for _ in range(3)]

    assert served == ["a", "a", "a"]
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_while_the_probes_are_out_others_pass_by(stage: type[Stage]) -> None:
    one = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1)}
    router = stage(a=[(BUSY,), (3.0, "hi", DONE)], b=("hi", DONE), targets={"a": one})
    await router.ask()
    await asyncio.sleep(6.0)

    async with router.supervised():
        prober = await router.ask()
        for _ in range(PROBES.calls):
            # So many calls were meant for it: its share would allow another probe.
            router.board.place("a").probes.deposit(router.clock.now())
        other = await router.ask()

        assert prober.finished.hops[0].outcome is HopOutcome.PROBING
        assert prober.finished.served_by == "b"
        assert other.finished.hops[0].detail == "its breaker is half-open and the probes are out"


@virtual_time.test
async def test_a_rate_limit_shuts_the_quota_and_says_nothing_about_health(
    stage: type[Stage],
) -> None:
    router = stage(a=(LIMITED,), b=("hi", DONE))
    for _ in range(19):
        await router.ask()

    answer = await router.ask()

    assert router.board.place("a").gates.health.state is State.CLOSED
    assert len(router.targets["a"].calls) == 1
    assert answer.finished.hops[0].skip_reason is SkipReason.QUOTA


@virtual_time.test
async def test_targets_of_one_endpoint_and_model_share_their_fate(stage: type[Stage]) -> None:
    same = {"endpoint": "https://api.example.com", "model": "m"}
    router = stage(a=(BUSY,), b=(BUSY,), c=(BUSY,), targets={"a": same, "b": same})
    for _ in range(3):
        await router.refused()

    board = router.board
    assert board.place("a").gates.health is board.place("b").gates.health
    assert board.place("a").gates.health.state is State.OPEN
    assert board.place("c").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_board_knows_its_targets(stage: type[Stage]) -> None:
    router = stage(a=(), b=())
    assert [place.policy.name for place in router.board.places()] == ["a", "b"]
    with pytest.raises(TargetNotFound) as unknown:
        router.board.place("c")
    assert unknown.value.message.endswith("it has: a, b")
