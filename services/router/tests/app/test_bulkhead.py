"""So many at once, a few more in a queue, nobody lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_router.app.bulkhead import QUEUE_FACTOR, Bulkhead


@virtual_time.test
async def test_who_comes_first_goes_first() -> None:
    bulkhead = Bulkhead(1)
    order: list[int] = []

    async def call(number: int) -> None:
        assert await bulkhead.enter(within=10.0)
        order.append(number)
        await asyncio.sleep(1.0)
        bulkhead.leave()

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(call(number))

    assert order == [0, 1, 2]
    assert bulkhead.in_flight == 0


@virtual_time.test
async def test_a_full_queue_refuses_at_once() -> None:
    bulkhead = Bulkhead(1)
    await bulkhead.enter(within=0.0)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(bulkhead.enter(within=1.0)) for _ in range(QUEUE_FACTOR)]
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()

        assert not await bulkhead.enter(within=1.0)
        assert asyncio.get_running_loop().time() == began

    assert [task.result() for task in waiting] == [False] * QUEUE_FACTOR


@virtual_time.test
async def test_who_waited_too_long_takes_no_place() -> None:
    bulkhead = Bulkhead(1)
    await bulkhead.enter(within=0.0)

    assert not await bulkhead.enter(within=1.0)
    bulkhead.leave()

    assert bulkhead.in_flight == 0
    assert await bulkhead.enter(within=0.0)


@virtual_time.test
async def test_a_place_that_comes_with_the_last_moment_is_not_lost() -> None:
    """The place and the end of patience fall on the same tick of the clock."""
    bulkhead = Bulkhead(1)
    await bulkhead.enter(within=0.0)
    asyncio.get_running_loop().call_later(1.0, bulkhead.leave)

    entered = await bulkhead.enter(within=1.0)

    assert bulkhead.in_flight == entered


@virtual_time.test
async def test_who_is_cancelled_with_the_place_in_hand_gives_it_back() -> None:
    bulkhead = Bulkhead(1)
    await bulkhead.enter(within=0.0)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(bulkhead.enter(within=9.0))
        await asyncio.sleep(0)
        bulkhead.leave()
        waiting.cancel()

    assert bulkhead.in_flight == 0


@pytest.mark.parametrize("places", [1, 3])
@virtual_time.test
async def test_never_more_than_its_places_are_inside(places: int) -> None:
    bulkhead = Bulkhead(places)
    inside, most = 0, 0

    async def call() -> None:
        nonlocal inside, most
        if await bulkhead.enter(within=5.0):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(1.0)
            inside -= 1
            bulkhead.leave()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(10 * places):
            tasks.create_task(call())

    assert most == places
    assert bulkhead.in_flight == 0
