"""A tenant asks as much as the policy lets it, and no other pays for that."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import FinishReason
from failsoft_router.core.errors import RouteNotFound, TenantLimited, WalkError
from failsoft_router.core.policy import Policy, TenantLimits, TenantPolicy
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
ONE_AT_ONCE = TenantPolicy(limits=TenantLimits(concurrent=1))
ONE_A_MINUTE = TenantPolicy(limits=TenantLimits(requests_per_minute=1, burst=1))


def with_acme(stage: Stage, tenant: TenantPolicy | None) -> Policy:
    """The stage's policy with another one for acme; None: acme is not listed."""
    return replace(stage.board.policy, tenants={} if tenant is None else {"acme": tenant})


@virtual_time.test
async def test_who_has_asked_enough_is_told_when_to_come_back(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), tenant=ONE_A_MINUTE)
    await router.ask()

    with pytest.raises(TenantLimited) as refused:
        await router.ask()
    await asyncio.sleep(60.0)

    assert refused.value.retry_after == 60.0
    assert refused.value.metadata == {"limit": "requests_per_minute"}
    assert (await router.ask()).finished.served_by == "a"
    assert len(router.targets["a"].calls) == 2


@virtual_time.test
async def test_a_stream_counts_as_long_as_it_lasts(stage: type[Stage]) -> None:
    router = stage(a=("hi", 5.0, "!", DONE), tenant=ONE_AT_ONCE, limits=stage.patient())
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        streaming = tasks.create_task(router.stream())
        await asyncio.sleep(1.0)

        with pytest.raises(TenantLimited) as refused:
            await router.ask()
        await streaming

        assert refused.value.metadata == {"limit": "concurrent"}
        assert (await router.ask()).finished.served_by == "a"


@virtual_time.test
async def test_a_caller_that_hangs_up_leaves_its_place(stage: type[Stage]) -> None:
    router = stage(a=[(math.inf,), ("hi", DONE)], tenant=ONE_AT_ONCE, limits=stage.patient())
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        hanging = tasks.create_task(router.ask())
        await asyncio.sleep(1.0)
        hanging.cancel()
        await asyncio.wait([hanging])

        assert (await router.ask()).finished.served_by == "a"


@virtual_time.test
async def test_a_request_that_fails_leaves_its_place(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=(), tenant=ONE_AT_ONCE, route={"default": False})

    for _ in range(3):
        with pytest.raises(RouteNotFound):
            await router.ask(question(model="nobody's"))
        with pytest.raises(WalkError):
            await router.ask()


@virtual_time.test
async def test_another_tenant_is_not_kept_waiting(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=("hi", DONE), tenant=ONE_A_MINUTE)
    await router.ask()

    other = replace(router.caller(), tenant="globex")
    async with router.supervised():
        answer = await router.walker.answer(question(), other)

    assert answer.finished.served_by == "a"


@virtual_time.test
async def test_a_reload_forgets_nothing_of_what_a_tenant_has_asked(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), tenant=ONE_A_MINUTE)
    await router.ask()

    for tenant in (ONE_A_MINUTE, None, replace(ONE_A_MINUTE, allow_mock=True)):
        router.boards.adopt(with_acme(router, tenant))

    with pytest.raises(TenantLimited):
        await router.ask()


@virtual_time.test
async def test_a_walk_counts_to_its_end_whatever_is_reloaded(stage: type[Stage]) -> None:
    router = stage(a=("hi", 5.0, "!", DONE), tenant=ONE_AT_ONCE, limits=stage.patient())
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        streaming = tasks.create_task(router.stream())
        await asyncio.sleep(1.0)
        router.boards.adopt(with_acme(router, replace(ONE_AT_ONCE, allow_mock=True)))

        with pytest.raises(TenantLimited):
            await router.ask()
        await streaming
        await router.ask()


@virtual_time.test
async def test_limits_that_are_taken_back_hold_nobody(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), tenant=ONE_A_MINUTE)
    await router.ask()

    router.boards.adopt(with_acme(router, None))

    assert (await router.ask()).finished.served_by == "a"
