"""Whoever watches the targets sees each change, and costs next to nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.errors import Overloaded, ShuttingDown
from failsoft_router.app.telling.audience import MOST_FOLLOWERS
from failsoft_router.app.telling.target_watch import LOOK_SECONDS, TargetWatch
from failsoft_router.core.gate import IsolationOrder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from failsoft_router.app.telling.target_watch import States
    from services.router.tests.app.conftest import Stage


@asynccontextmanager
async def watched(router: Stage) -> AsyncIterator[TargetWatch]:
    """A watch that is being run."""
    watch = TargetWatch(router.boards, clock=router.clock)
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(watch.run())
        try:
            yield watch
        finally:
            looking.cancel()


def isolate(router: Stage, seconds: float = 600.0) -> None:
    now = router.clock.now()
    order = IsolationOrder(since=now, until=now + seconds, actor="ada", reason="x")
    router.board.place("a").gates.isolation.isolate(order)


def shut(states: States) -> bool:
    """Whether the first target is isolated."""
    return states[0].gates[0].shut


@virtual_time.test
async def test_the_first_word_comes_at_once(stage: type[Stage]) -> None:
    router = stage(a=(), b=())
    async with watched(router) as watch, aclosing(watch.changes()) as changes:
        states = await anext(changes)

        assert [each.policy.name for each in states] == ["a", "b"]
        assert router.after() == 0.0


@virtual_time.test
async def test_a_change_is_told_within_a_look_also_one_that_time_makes(
    stage: type[Stage],
) -> None:
    router = stage(a=())
    async with watched(router) as watch, aclosing(watch.changes()) as changes:
        await anext(changes)
        isolate(router, seconds=10.0)

        assert shut(await anext(changes))
        assert router.after() <= LOOK_SECONDS
        assert not shut(await anext(changes))
        assert 10.0 <= router.after() <= 10.0 + LOOK_SECONDS


@virtual_time.test
async def test_nothing_is_told_while_nothing_changes(stage: type[Stage]) -> None:
    router = stage(a=())
    isolate(router)
    async with watched(router) as watch, aclosing(watch.changes()) as changes:
        await anext(changes)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60.0):
                await anext(changes)


@virtual_time.test
async def test_however_much_changes_it_is_told_four_times_a_second(stage: type[Stage]) -> None:
    router = stage(a=())
    told = 0

    async def restless() -> None:
        for seconds in range(1000):
            isolate(router, seconds=600.0 + seconds)
            await asyncio.sleep(0.01)

    async with (
        watched(router) as watch,
        aclosing(watch.changes()) as changes,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(restless())
        async for _ in changes:
            told += 1
            if router.after() >= 9.0:
                break

    assert told <= 9.0 / LOOK_SECONDS + 2


@virtual_time.test
async def test_a_slow_reader_is_given_the_latest_only(stage: type[Stage]) -> None:
    router = stage(a=())
    async with watched(router) as watch, aclosing(watch.changes()) as changes:
        await anext(changes)
        for seconds in (60.0, 70.0, 80.0):
            isolate(router, seconds)
            await asyncio.sleep(1.0)

        states = await anext(changes)
        assert states[0].gates[0].due_at == router.clock.now() - 1.0 + 80.0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await anext(changes)


@virtual_time.test
async def test_who_comes_back_is_told_what_is_true_now(stage: type[Stage]) -> None:
    """While nobody watched, nobody looked."""
    router = stage(a=())
    async with watched(router) as watch:
        async with aclosing(watch.changes()) as changes:
            assert not shut(await anext(changes))
        isolate(router)
        async with aclosing(watch.changes()) as changes:
            assert shut(await anext(changes))


@virtual_time.test
async def test_there_is_room_for_a_few(stage: type[Stage]) -> None:
    router = stage(a=())
    async with watched(router) as watch, AsyncExitStack() as stack:
        for _ in range(MOST_FOLLOWERS):
            await anext(await stack.enter_async_context(aclosing(watch.changes())))

        with pytest.raises(Overloaded):
            await anext(watch.changes())

    async with watched(router) as again, aclosing(again.changes()) as changes:
        assert await anext(changes)


@virtual_time.test
async def test_a_drain_sends_everybody_away_and_lets_nobody_in(stage: type[Stage]) -> None:
    """A watcher waits for ever, and the drain would wait for it."""
    router = stage(a=())
    async with watched(router) as watch, aclosing(watch.changes()) as changes:
        await anext(changes)
        asyncio.get_running_loop().call_later(1.0, watch.close)

        with pytest.raises(ShuttingDown):
            await anext(changes)
        with pytest.raises(ShuttingDown):
            await anext(watch.changes())
        assert router.after() == 1.0
