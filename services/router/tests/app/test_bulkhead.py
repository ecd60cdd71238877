"""So many at once, a few more in a queue, nobody lost on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import FinishReason, SkipReason
from failsoft_router.app.targets.bulkhead import QUEUE_FACTOR, Bulkhead
from failsoft_router.core.policy import Provider
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")


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


# Tokens.


@virtual_time.test
async def test_large_calls_leave_no_room_for_more_although_there_are_places() -> None:
    bulkhead = Bulkhead(10, most_tokens=100)
    assert await bulkhead.enter(within=0.0, tokens=60)

    assert not await bulkhead.enter(within=0.0, tokens=41)
    assert await bulkhead.enter(within=0.0, tokens=40)
    assert bulkhead.full

    bulkhead.leave(tokens=60)
    assert await bulkhead.enter(within=0.0, tokens=60)
    assert bulkhead.in_flight == 2


@virtual_time.test
async def test_a_call_that_is_larger_than_the_limit_goes_alone() -> None:
    """Else it would never go."""
    bulkhead = Bulkhead(10, most_tokens=100)
    assert await bulkhead.enter(within=0.0, tokens=900)
    assert not await bulkhead.enter(within=0.0, tokens=1)

    bulkhead.leave(tokens=900)

    assert await bulkhead.enter(within=0.0, tokens=1)
    assert not await bulkhead.enter(within=0.0, tokens=900)


@virtual_time.test
async def test_one_large_call_makes_room_for_several_small_ones() -> None:
    bulkhead = Bulkhead(10, most_tokens=100)
    await bulkhead.enter(within=0.0, tokens=100)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(bulkhead.enter(within=9.0, tokens=50)) for _ in range(3)]
        await asyncio.sleep(1.0)
        bulkhead.leave(tokens=100)
        await asyncio.sleep(1.0)

        assert [task.done() for task in waiting] == [True, True, False]
        assert bulkhead.in_flight == 2


@virtual_time.test
async def test_nobody_small_passes_a_large_one_that_waits() -> None:
    """The large ones would wait for ever."""
    bulkhead = Bulkhead(10, most_tokens=100)
    await bulkhead.enter(within=0.0, tokens=60)
    async with asyncio.TaskGroup() as tasks:
        large = tasks.create_task(bulkhead.enter(within=1.0, tokens=90))
        await asyncio.sleep(0.5)
        small = tasks.create_task(bulkhead.enter(within=2.0, tokens=10))
        await asyncio.sleep(0.25)
        assert not small.done()

    assert (large.result(), small.result()) == (False, True)
    bulkhead.leave(tokens=10)
    bulkhead.leave(tokens=60)
    assert bulkhead.in_flight == 0


@virtual_time.test
async def test_a_target_that_is_full_of_tokens_is_passed_over(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=(3.0, "slow", DONE), b=("hi", DONE), targets={"a": {"tokens_in_flight": 1000}})
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(router.ask(question(max_tokens=600))) for _ in range(2)]

    served = [caller.result().finished.served_by for caller in callers]
    skipped = callers[1].result().finished.hops[0]
    assert served == ["a", "b"]
    assert skipped.skip_reason is SkipReason.BULKHEAD
    assert router.board.place("a").bulkhead.in_flight == 0


@virtual_time.test
async def test_an_answer_longer_than_the_context_takes_the_room_of_the_context(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    """One caller with a huge `max_tokens` kept everybody else out."""
    room = {"context_tokens": 8000, "tokens_in_flight": 16_000, "provider": Provider.FAILSOFT}
    router = stage(a=(3.0, "slow", DONE), b=("hi", DONE), targets={"a": room})

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        asked = [question(max_tokens=1_000_000), question(max_tokens=600)]
        callers = [tasks.create_task(router.ask(each)) for each in asked]

    assert [caller.result().finished.served_by for caller in callers] == ["a", "a"]
