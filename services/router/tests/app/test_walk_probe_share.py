"""Probes that run beside a healthy target's call stay a small share, and no target is forgotten."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.extra_calls import PROBES
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from failsoft_model.walk import Hop
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
HANG: Script = (math.inf,)
SOON_DUE = BreakerPolicy(consecutive_failures=1, open_for=0.5, open_cap=0.5, probes=3)


@asynccontextmanager
async def after_a_probe(stage: type[Stage], later: Script) -> AsyncIterator[Stage]:
    """Target a is shut, a probe has hung beside b's call and has died, and another is due."""
    scripts: list[Script] = [(BUSY,), HANG, later]
    router = stage(a=scripts, b=("hi", DONE), targets={"a": {"breaker": SOON_DUE}})
    async with router.supervised():
        await router.ask()
        await asyncio.sleep(1.0)
        assert (await first_hop(router)).outcome is HopOutcome.PROBING
        await asyncio.sleep(5.0)
        yield router


async def first_hop(router: Stage) -> Hop:
    return (await router.ask()).finished.hops[0]


@virtual_time.test
async def test_a_second_probe_does_not_run_beside_a_few_calls(stage: type[Stage]) -> None:
    """Of a quiet router's calls every second one was a probe of a dead target."""
    async with after_a_probe(stage, HANG) as router:
        hop = await first_hop(router)

        assert (hop.outcome, hop.skip_reason) == (HopOutcome.SKIPPED, SkipReason.CIRCUIT_OPEN)
        assert hop.detail == (
            "its breaker is open, and enough of its probes have run beside other calls"
        )
        assert len(router.targets["a"].calls) == 2


@virtual_time.test
async def test_a_quiet_target_is_probed_again_after_a_while(stage: type[Stage]) -> None:
    async with after_a_probe(stage, HANG) as router:
        await asyncio.sleep(PROBES.seconds - 5.0)

        assert (await first_hop(router)).outcome is HopOutcome.PROBING


@virtual_time.test
async def test_a_busy_target_is_probed_again_after_its_share_of_calls(stage: type[Stage]) -> None:
    async with after_a_probe(stage, HANG) as router:
        outcomes = [(await first_hop(router)).outcome for _ in range(PROBES.calls)]

        assert outcomes.count(HopOutcome.PROBING) == 1
        assert len(router.targets["a"].calls) == 3


@virtual_time.test
async def test_a_target_that_is_back_closes_without_waiting_for_its_share(
    stage: type[Stage],
) -> None:
    """Its probes answer their callers, so they are nothing extra."""
    async with after_a_probe(stage, ("back", DONE)) as router:
        await asyncio.sleep(PROBES.seconds - 5.0)

        assert [(await first_hop(router)).outcome for _ in range(2)] == [HopOutcome.SERVED] * 2
        assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_probe_that_is_its_callers_only_hope_is_always_made(stage: type[Stage]) -> None:
    """With nobody well behind it, it is the call that the caller made."""
    async with after_a_probe(stage, ("back", DONE)) as router:
        now = router.clock.now()
        order = IsolationOrder(since=now, until=now + 60.0, actor="anna", reason="a test")
        router.board.place("b").gates.isolation.isolate(order)

        assert (await first_hop(router)).outcome is HopOutcome.SERVED
