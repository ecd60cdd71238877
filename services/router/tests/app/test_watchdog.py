"""A limit ends exactly the wait that it is for, and nobody else's cancellation."""

import asyncio
import contextlib

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass
from failsoft_router.app.calls.watchdog import WaitedTooLong, Watchdog

CLOCK = LoopClock()
START = virtual_time.START
FIRST, STALL = ErrorClass.TIMEOUT_FIRST_CONTENT, ErrorClass.STALL


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@virtual_time.test
async def test_silence_ends_at_the_limit_and_says_which_one() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(FIRST, by=START + 3.0)
            await asyncio.sleep(60.0)

    with pytest.raises(WaitedTooLong) as late:
        await wait()

    assert late.value.error_class is FIRST
    assert CLOCK.now() == START + 3.0
    assert cancelling() == 0
    await asyncio.sleep(1.0)  # the task lives on


@virtual_time.test
async def test_a_limit_that_moves_on_ends_only_the_last_wait() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(FIRST, by=START + 3.0)
            for _ in range(10):
                await asyncio.sleep(1.0)
                watchdog.expect(STALL, by=CLOCK.now() + 3.0)
            await asyncio.sleep(60.0)

    with pytest.raises(WaitedTooLong) as late:
        await wait()

    assert late.value.error_class is STALL
    assert CLOCK.now() == START + 13.0


@virtual_time.test
async def test_a_limit_may_come_nearer() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(FIRST, by=START + 10.0)
            watchdog.expect(STALL, by=START + 2.0)
            await asyncio.sleep(60.0)

    with pytest.raises(WaitedTooLong) as late:
        await wait()

    assert late.value.error_class is STALL
    assert CLOCK.now() == START + 2.0


@virtual_time.test
async def test_a_limit_that_is_already_past_ends_the_next_wait() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(STALL, by=START - 1.0)
            await asyncio.sleep(60.0)

    with pytest.raises(WaitedTooLong):
        await wait()

    assert CLOCK.now() == START


@virtual_time.test
async def test_while_it_rests_time_passes_at_no_ones_cost() -> None:
    with Watchdog(CLOCK) as watchdog:
        watchdog.expect(FIRST, by=START + 1.0)
        watchdog.rest()
        await asyncio.sleep(60.0)

    assert CLOCK.now() == START + 60.0


@virtual_time.test
async def test_after_a_rest_the_next_limit_holds() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(FIRST, by=START + 1.0)
            watchdog.rest()
            await asyncio.sleep(10.0)
            watchdog.expect(STALL, by=CLOCK.now() + 2.0)
            await asyncio.sleep(60.0)

    with pytest.raises(WaitedTooLong):
        await wait()

    assert CLOCK.now() == START + 12.0


@virtual_time.test
async def test_after_its_block_it_ends_nothing() -> None:
    with Watchdog(CLOCK) as watchdog:
        watchdog.expect(FIRST, by=START + 1.0)
    await asyncio.sleep(60.0)


@virtual_time.test
async def test_an_error_of_the_block_passes_through() -> None:
    async def wait() -> None:
        with Watchdog(CLOCK) as watchdog:
            watchdog.expect(FIRST, by=START + 1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await wait()


async def guarded(limit: float) -> None:
    with Watchdog(CLOCK) as watchdog:
        watchdog.expect(FIRST, by=START + limit)
        await asyncio.sleep(60.0)


@virtual_time.test
async def test_someone_elses_cancellation_passes_through() -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(guarded(10.0))
        await asyncio.sleep(1.0)
        task.cancel()

    assert task.cancelled()


@virtual_time.test
async def test_a_cancellation_in_the_very_moment_of_the_limit_wins() -> None:
    """The caller is gone: nobody would go on to the next target."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(guarded(1.0))
        await asyncio.sleep(0.0)
        asyncio.get_running_loop().call_at(START + 1.0, task.cancel)

    assert task.cancelled()


@virtual_time.test
async def test_a_timeout_around_it_is_still_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await guarded(10.0)

    assert cancelling() == 0


@virtual_time.test
async def test_inside_a_longer_timeout_it_is_still_its_own_error() -> None:
    with pytest.raises(WaitedTooLong):
        async with asyncio.timeout(10.0):
            await guarded(1.0)


@virtual_time.test
async def test_it_works_in_the_clean_up_of_a_task_that_was_cancelled() -> None:
    """That cancellation was delivered before; it is no reason to hide the limit."""
    seen = []

    async def clean_up() -> None:
        try:
            await asyncio.sleep(60.0)
        finally:
            with pytest.raises(WaitedTooLong):
                await guarded(2.0)
            seen.append(CLOCK.now())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(clean_up())
        await asyncio.sleep(1.0)
        task.cancel()

    assert seen == [START + 2.0]
    assert task.cancelled()


@virtual_time.test
async def test_a_block_that_ends_well_in_spite_of_it_ends_well() -> None:
    """What was waited for came in the very moment of the limit."""
    with Watchdog(CLOCK) as watchdog:
        watchdog.expect(FIRST, by=START + 1.0)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60.0)

    assert CLOCK.now() == START + 1.0
    assert cancelling() == 0
    await asyncio.sleep(1.0)


@virtual_time.test
async def test_a_thousand_pieces_cost_a_handful_of_timers() -> None:
    """That is what it is for."""
    loop = asyncio.get_running_loop()
    set_timers = 0
    call_later = loop.call_later

    def counted(*args: object, **kwargs: object) -> object:
        nonlocal set_timers
        set_timers += 1
        return call_later(*args, **kwargs)  # type: ignore[arg-type] # whatever it is given

    loop.call_later = counted  # type: ignore[assignment, method-assign]
    with Watchdog(CLOCK) as watchdog:
        watchdog.expect(FIRST, by=START + 10.0)
        for _ in range(1000):
            await asyncio.sleep(0.0)
            watchdog.rest()
            watchdog.expect(STALL, by=CLOCK.now() + 15.0)

    assert set_timers < 5


def test_it_guards_a_task_and_nothing_else() -> None:
    with pytest.raises(RuntimeError):
        Watchdog(CLOCK).__enter__()
