"""Whose tokens are counted when, in virtual time."""

import asyncio
from collections import Counter

from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.counting import Counting


async def ends(*tenants: str) -> dict[str, list[float]]:
    """When each tenant's requests, which come at once and take a second each, have been counted."""
    counting, ended = Counting(), dict[str, list[float]]()
    running, most = Counter[str](), Counter[str]()

    async def count(tenant: str) -> None:
        async with counting.turn(tenant):
            for each in (tenant, "all"):
                running[each] += 1
                most[each] = max(most[each], running[each])
            await asyncio.sleep(1.0)
            running.subtract((tenant, "all"))
        ended.setdefault(tenant, []).append(asyncio.get_running_loop().time() - virtual_time.START)

    async with asyncio.TaskGroup() as tasks:
        for tenant in tenants:
            tasks.create_task(count(tenant))
    assert all(most[tenant] == 1 for tenant in tenants)
    assert most["all"] <= 2
    return ended


@virtual_time.test
async def test_who_counts_in_a_loop_keeps_nobody_else_from_counting() -> None:
    """The tokeniser is everybody's, those who are answered included."""
    ended = await ends(*["hog"] * 9, "a", "b")

    assert ended["a"] == [1.0]
    assert ended["b"] == [2.0]
    assert ended["hog"][-1] == 9.0


@virtual_time.test
async def test_many_tenants_count_two_at_a_time() -> None:
    ended = await ends(*"abcdef")

    assert sorted(each for some in ended.values() for each in some) == [1, 1, 2, 2, 3, 3]


@virtual_time.test
async def test_who_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    counting = Counting()

    async def count() -> None:
        async with counting.turn("a"):
            await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as tasks:
        first, second = tasks.create_task(count()), tasks.create_task(count())
        await asyncio.sleep(0.5)
        second.cancel()
        await first
        async with asyncio.timeout(1.5):
            await count()
