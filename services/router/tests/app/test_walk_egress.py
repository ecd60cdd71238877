"""When our own way out is down, no provider is blamed for it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.core.breaker import Result, State
from failsoft_router.core.egress import HOLD, TOGETHER, Blame
from failsoft_router.core.gate import Closure, IsolationOrder
from failsoft_router.core.policy import BreakerPolicy, Limits, Provider, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

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
async def test_what_a_dialect_has_no_words_for_is_no_outage(stage: type[Stage]) -> None:
    """Nobody was called: that says nothing of the network, and shuts nobody out."""
    wordless = AttemptFailed(ErrorClass.UNSUPPORTED, "no words for it", sent=False)
    router = stage(a=(wordless,), b=(wordless,), local=("hi", DONE), targets={"local": LOCAL})

    await router.ask()
    second = await router.ask()

    assert second.finished.served_by == "local"
    assert [hop.error_class for hop in second.finished.hops[:2]] == [ErrorClass.UNSUPPORTED] * 2


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
async def test_a_provider_that_refuses_is_out_as_soon_as_another_is_reached(
    stage: type[Stage],
) -> None:
    """Its failures stayed pending for two seconds each: 105 calls went to it instead of 5."""
    router = stage(a=(0.01, NO_CONNECTION), b=(0.01, "hi", DONE))

    for _ in range(10):
        await router.ask()

    assert router.board.place("a").gates.health.state is State.OPEN
    assert len(router.targets["a"].calls) == BreakerPolicy().consecutive_failures
    assert router.after() < TOGETHER


class NoKey:
    """A credential that is named in the policy and is not there."""

    def value(self) -> None:
        return None


def no_key(router: Stage) -> None:
    """Target c was made without one."""


def isolated(router: Stage) -> None:
    now = router.clock.now()
    router.board.place("c").gates.isolation.isolate(
        IsolationOrder(since=now, until=now + 3600.0, actor="op", reason="their page is red")
    )


def gone(router: Stage) -> None:
    now = router.clock.now()
    router.board.place("c").gates.target.close(
        Closure(since=now, until=now + 300.0, why=ErrorClass.MODEL_GONE)
    )


def ill(router: Stage) -> None:
    health, now = router.board.place("c").gates.health, router.clock.now()
    permit = health.ask(now)
    assert permit is not None
    health.record(permit, Result.FAILED, now=now, draw=0.5)


@pytest.mark.parametrize("kept_out", [no_key, isolated, gone, ill])
def test_a_provider_that_nobody_calls_is_not_waited_for(
    stage: type[Stage], kept_out: Callable[[Stage], None]
) -> None:
    """One target without a key, and every breaker opened when our own network went away."""

    async def walk() -> None:
        router = stage(
            a=(NO_CONNECTION,),
            b=(NO_CONNECTION,),
            c=(NO_CONNECTION,),
            targets=dict.fromkeys("abc", TOUCHY),
            credentials={"c": NoKey()} if kept_out is no_key else None,
            tenant=TenantPolicy(),
        )
        kept_out(router)

        error = await router.refused()
        await asyncio.sleep(TOGETHER)

        assert error.metadata["cause"] == "egress"
        assert router.board.place("a").gates.health.state is State.CLOSED
        assert router.board.place("b").gates.health.state is State.CLOSED

    virtual_time.run(walk())


@virtual_time.test
async def test_a_provider_that_has_another_target_with_a_key_is_waited_for(
    stage: type[Stage],
) -> None:
    """Targets c and d are at one host; d may be called, so its silence would say something."""
    endpoint = "https://c.example.com/v1"
    router = stage(
        hops=("a", "b", "c"),
        a=(NO_CONNECTION,),
        b=(NO_CONNECTION,),
        c=(NO_CONNECTION,),
        d=("hi", DONE),
        targets={
            "a": TOUCHY,
            "b": TOUCHY,
            "c": {"endpoint": endpoint},
            "d": {"endpoint": endpoint},
        },
        credentials={"c": NoKey()},
        tenant=TenantPolicy(),
    )

    error = await router.refused()
    await asyncio.sleep(TOGETHER)

    assert error.metadata["cause"] != "egress"
    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_who_is_left_alone_by_a_reload_is_judged_by_itself(stage: type[Stage]) -> None:
    """Two failed and it was our own network; of one alone nobody can tell."""
    router = stage(a=(NO_CONNECTION,), b=(NO_CONNECTION,), tenant=TenantPolicy())
    await router.refused()
    policy = router.board.policy
    alone = replace(
        policy,
        targets={"a": policy.targets["a"]},
        routes={"chat": replace(policy.routes["chat"], hops=("a",))},
    )

    router.boards.adopt(alone)

    assert not router.board.egress.down(router.clock.now())
    for _ in range(BreakerPolicy().consecutive_failures):
        await router.refused()
    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_a_failure_that_is_pending_in_a_reload_is_settled_all_the_same(
    stage: type[Stage],
) -> None:
    router = stage(
        a=(NO_CONNECTION,), b=(1.0, NO_CONNECTION), targets={"a": TOUCHY}, tenant=TenantPolicy()
    )

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(router.refused())
        await asyncio.sleep(0.5)
        assert router.board.place("a").gates.health.state is State.CLOSED
        router.boards.adopt(replace(router.board.policy))

    await asyncio.sleep(TOGETHER)
    assert router.board.place("a").gates.health.state is State.CLOSED


@pytest.mark.parametrize(
    ("connect", "blame"), [(1.0, Blame.PENDING), (0.1, Blame.COUNTS)], ids=["shorter", "longer"]
)
def test_silence_that_is_shorter_than_connecting_may_be_is_no_connection(
    stage: type[Stage], connect: float, blame: Blame
) -> None:
    async def walk() -> None:
        router = stage(
            a=(math.inf,),
            b=("hi", DONE),
            limits=Limits(connect=connect, first_content=0.5),
            tenant=TenantPolicy(),
            hops=("a",),
        )
        egress, now = router.board.egress, router.clock.now()
        egress.connect_failed("b.example.com", now)

        await router.refused()

        assert egress.blame("b.example.com", now, now=router.clock.now()) is blame

    virtual_time.run(walk())


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
