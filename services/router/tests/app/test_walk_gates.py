"""Different diseases shut different gates, and each opens in its own way."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.gate import QUARANTINE_SECONDS, IsolationOrder
from failsoft_router.core.policy import CredentialSource
from failsoft_router.core.retry import MAX_HOPS
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
REFUSED = AttemptFailed(ErrorClass.CREDENTIAL, "the provider refused the credential")
GONE = AttemptFailed(ErrorClass.MODEL_GONE, "the model does not exist for this account")


class Key:
    """A credential that can be replaced."""

    def __init__(self, value: str) -> None:
        self.now = value

    def value(self) -> str | None:
        return self.now


@virtual_time.test
async def test_a_refused_key_is_left_alone_until_there_is_another(stage: type[Stage]) -> None:
    key = Key("old")
    source = {"a": {"credential": CredentialSource(env="KEY")}}
    router = stage(
        a=[(REFUSED,), ("hi", DONE)], b=("hi", DONE), targets=source, credentials={"a": key}
    )
    await router.ask()

    shut = await router.ask()
    key.now = "new"
    again = await router.ask()

    assert shut.finished.hops[0].skip_reason is SkipReason.CREDENTIAL_QUARANTINE
    assert again.finished.served_by == "a"
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_target_without_a_key_that_refuses_our_token_is_not_asked_again_and_again(
    stage: type[Stage],
) -> None:
    """Fifty walks made fifty refused calls."""
    router = stage(a=(REFUSED,), b=("hi", DONE))

    answers = [await router.ask() for _ in range(50)]

    assert len(router.targets["a"].calls) == 1
    assert answers[-1].finished.hops[0].skip_reason is SkipReason.CREDENTIAL_QUARANTINE


@virtual_time.test
async def test_a_refused_key_is_tried_again_after_its_quarantine(stage: type[Stage]) -> None:
    source = {"a": {"credential": CredentialSource(env="KEY")}}
    router = stage(
        a=[(REFUSED,), ("hi", DONE)],
        b=("hi", DONE),
        targets=source,
        credentials={"a": Key("the same")},
    )
    await router.ask()
    await asyncio.sleep(QUARANTINE_SECONDS)

    assert (await router.ask()).finished.served_by == "a"


@virtual_time.test
async def test_a_model_that_is_gone_is_not_asked_again_and_again(stage: type[Stage]) -> None:
    router = stage(a=(GONE,), b=("hi", DONE))
    for _ in range(5):
        await router.ask()

    answer = await router.ask()

    assert len(router.targets["a"].calls) == 1
    assert answer.finished.hops[0].skip_reason is SkipReason.TARGET_GONE
    assert router.board.place("a").gates.health.consecutive_failures == 0


@pytest.mark.parametrize(
    ("error_class", "asked"), [(ErrorClass.QUOTA, 1), (ErrorClass.RATE_LIMITED, 2)]
)
@virtual_time.test
async def test_an_account_without_money_is_asked_by_no_other_model(
    stage: type[Stage], error_class: ErrorClass, asked: int
) -> None:
    """Too many requests are too many for one model, and an empty account is empty for all."""
    same = {"credential": CredentialSource(env="KEY"), "endpoint": "https://one.example.com/v1"}
    refused = AttemptFailed(error_class, "it said so")
    router = stage(
        large=(refused,),
        small=(refused,),
        other=("hi", DONE),
        targets={"large": same, "small": same},
        credentials={"large": Key("sk-1"), "small": Key("sk-1")},
    )

    hops = (await router.ask()).finished.hops

    assert sum(len(router.targets[name].calls) for name in ("large", "small")) == asked
    assert (hops[1].skip_reason is SkipReason.QUOTA) is (asked == 1)


@virtual_time.test
async def test_an_isolated_target_is_passed_over_and_says_who_did_it(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    order = IsolationOrder(
        since=router.clock.now(), until=router.clock.now() + 60.0, actor="ada", reason="maintenance"
    )
    router.board.place("a").gates.isolation.isolate(order)

    out = await router.ask()
    await asyncio.sleep(60.0)
    back = await router.ask()

    assert out.finished.hops[0].skip_reason is SkipReason.ISOLATED
    assert out.finished.hops[0].detail == "isolated by ada: maintenance"
    assert back.finished.served_by == "a"


@virtual_time.test
async def test_the_soonest_retry_time_is_that_of_the_gate(stage: type[Stage]) -> None:
    limited = AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=30.0)
    router = stage(a=(limited,))
    await router.refused()

    error = await router.refused()

    assert error.retry_after == pytest.approx(30.0)


@virtual_time.test
async def test_a_full_target_is_passed_over(stage: type[Stage]) -> None:
    router = stage(a=(5.0, "slow", DONE), b=("hi", DONE), targets={"a": {"concurrency": 1}})
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(router.ask()) for _ in range(4)]

    reasons = [caller.result().finished.hops[0].skip_reason for caller in callers]
    assert reasons.count(SkipReason.BULKHEAD) == 3


@virtual_time.test
async def test_who_queues_for_a_target_that_is_taken_out_meanwhile_does_not_call_it(
    stage: type[Stage],
) -> None:
    """Its gates were asked before the queue, and up to 2 s later it was called all the same."""
    router = stage(a=(0.5, "slow", DONE), b=("hi", DONE), targets={"a": {"concurrency": 1}})
    order = IsolationOrder(
        since=router.clock.now(), until=math.inf, actor="ada", reason="maintenance"
    )
    isolation = router.board.place("a").gates.isolation
    asyncio.get_running_loop().call_later(0.2, isolation.isolate, order)

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(router.ask()) for _ in range(2)]

    hop = callers[1].result().finished.hops[0]
    assert hop.skip_reason is SkipReason.ISOLATED
    assert len(router.targets["a"].calls) == 1
    assert router.board.place("a").bulkhead.in_flight == 0


@virtual_time.test
async def test_a_walk_tries_no_more_than_four_targets(stage: type[Stage]) -> None:
    names = "abcdef"
    router = stage(a=(BUSY,), b=(BUSY,), c=(BUSY,), d=(BUSY,), e=(BUSY,), f=(BUSY,))

    error = await router.refused()

    assert sum(len(router.targets[name].calls) for name in names) == MAX_HOPS
    assert [hop.skip_reason for hop in error.hops[4:]] == [SkipReason.BUDGET] * 2
