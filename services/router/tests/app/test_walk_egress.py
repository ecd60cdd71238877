"""When our own way out is down, no provider is blamed for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.egress import HOLD, TOGETHER
from failsoft_router.core.policy import BreakerPolicy, Provider, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
NO_CONNECTION = AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1)}
LOCAL = {"provider": Provider.FAILSOFT, "endpoint": "127.0.0.1:50051"}


@virtual_time.test
async def test_when_no_provider_can_be_reached_no_breaker_opens(stage: type[Stage]) -> None:
    router = stage(
        a=(NO_CONNECTION,),
        b=(NO_CONNECTION,),
        local=("hi", DONE),
        targets={"a": TOUCHY, "b": TOUCHY, "local": LOCAL},
    )

    first = await router.ask()
    second = await router.ask()
    await asyncio.sleep(TOGETHER)

    assert first.finished.served_by == second.finished.served_by == "local"
    assert second.finished.degradation is Degradation.FALLBACK_TARGET
    assert [hop.skip_reason for hop in second.finished.hops[:2]] == [SkipReason.SAME_FATE] * 2
    assert router.board.place("a").gates.health.state is State.CLOSED
    assert router.board.place("b").gates.health.state is State.CLOSED


@virtual_time.test
async def test_an_outage_of_our_own_is_called_that(stage: type[Stage]) -> None:
    router = stage(a=(NO_CONNECTION,), b=(NO_CONNECTION,), tenant=TenantPolicy())

    error = await router.refused()

    assert error.metadata["cause"] == "egress"


@virtual_time.test
async def test_one_provider_that_cannot_be_reached_is_to_blame(stage: type[Stage]) -> None:
    router = stage(a=(NO_CONNECTION,), b=("hi", DONE), targets={"a": TOUCHY})

    await router.ask()
    await asyncio.sleep(TOGETHER)

    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_when_the_way_out_is_back_everybody_is(stage: type[Stage]) -> None:
    router = stage(a=[(NO_CONNECTION,), ("hi", DONE)], b=(NO_CONNECTION,), tenant=TenantPolicy())
    await router.refused()
    await asyncio.sleep(HOLD)

    answer = await router.ask()

    assert answer.finished.served_by == "a"
    assert answer.finished.degradation is Degradation.NONE


@virtual_time.test
async def test_a_corporate_name_at_a_private_address_is_not_the_internet(
    stage: type[Stage],
) -> None:
    """A firewall before it and a provider that was out at that moment passed for our own fault."""
    router = stage(
        a=(NO_CONNECTION,),
        corp=(NO_CONNECTION,),
        local=("hi", DONE),
        targets={"a": TOUCHY, "corp": TOUCHY, "local": LOCAL},
    )
    router.boards.adopt(
        router.board.policy,
        {"a.example.com": ["93.184.215.14"], "corp.example.com": ["10.1.2.3"]},
    )

    await router.ask()
    await asyncio.sleep(TOGETHER)

    assert router.board.place("corp").host == ""
    assert router.board.place("a").gates.health.state is State.OPEN
    assert router.board.place("corp").gates.health.state is State.OPEN
