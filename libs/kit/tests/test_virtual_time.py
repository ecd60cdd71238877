"""Virtual time is asyncio's own behaviour without the waiting, and a hang is a message."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def limit() -> float:
    return 2.5


@virtual_time.test
async def test_sleeping_for_a_day_takes_no_time() -> None:
    await asyncio.sleep(86400.0)

    assert now() == 1000.0 + 86400.0


@virtual_time.test
async def test_time_stands_still_while_anything_can_run() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)

    assert now() == 1000.0


@virtual_time.test
async def test_a_test_takes_fixtures(limit: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(limit):
            await asyncio.Event().wait()

    assert now() == 1002.5


@virtual_time.test
async def test_the_loop_s_clock_is_virtual_too() -> None:
    clock = LoopClock(unix_at_zero=5000.0)
    await asyncio.sleep(60.0)

    assert (clock.now(), clock.unix()) == (1060.0, 6060.0)


@virtual_time.test
async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, now()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in [("c", 3.0), ("a", 0.1), ("b", 0.30000000000000004)]:
            group.create_task(sleeper(name, seconds))

    assert woken == [("a", 1000.1), ("b", 1000.3), ("c", 1003.0)]


@virtual_time.test
async def test_queues_hand_over_between_sleeps() -> None:
    queue: asyncio.Queue[float] = asyncio.Queue(maxsize=1)

    async def produce() -> None:
        for _ in range(3):
            await asyncio.sleep(1.0)
            await queue.put(now())

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        received = [await queue.get() for _ in range(3)]

    assert received == [1001.0, 1002.0, 1003.0]


@virtual_time.test
async def test_a_cancelled_timer_does_not_hold_time_up_or_draw_it_on() -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(5.0, lambda: None).cancel()
    await asyncio.sleep(10.0)

    assert now() == 1010.0


@virtual_time.test
async def test_a_limit_that_was_not_needed_leaves_no_trace_in_time() -> None:
    async with asyncio.timeout(3600.0):
        await asyncio.sleep(1.0)

    assert now() == 1001.0


@given(
    start=st.floats(0.0, 1e6),
    seconds=st.lists(st.floats(0.0, 1e6), max_size=10),
)
def test_whoever_sleeps_wakes_exactly_at_the_moment_asked_for(
    start: float, seconds: list[float]
) -> None:
    """At any offset: rounding must neither wake early nor spin."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for each in seconds:
            due = loop.time() + each
            await asyncio.sleep(each)
            assert loop.time() == due

    virtual_time.run(main(), start=start)


def test_a_run_starts_when_it_is_told_and_returns_what_the_coroutine_does() -> None:
    async def main() -> float:
        return now()

    assert virtual_time.run(main()) == 1000.0
    assert virtual_time.run(main(), start=12345.678) == 12345.678


def test_what_the_coroutine_raises_is_raised() -> None:
    async def main() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        virtual_time.run(main())


# Runs that fail.


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_a_hang_is_a_message_that_names_the_tasks_and_their_places() -> None:
    async def main() -> None:
        await asyncio.sleep(2.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_ever(), name="the-culprit")

    with pytest.raises(virtual_time.Hang) as failure:
        virtual_time.run(main())
    message = str(failure.value)
    assert "at 1002.0" in message
    assert "the-culprit: wait_for_ever (test_virtual_time.py:" in message
    assert "> Event.wait (locks.py:" in message
    assert "main (test_virtual_time.py:" in message


def test_a_hang_still_runs_the_clean_up() -> None:
    cleaned: list[float] = []

    async def main() -> None:
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(1.0)
            cleaned.append(now())

    with pytest.raises(virtual_time.Hang):
        virtual_time.run(main())
    assert cleaned == [1001.0]


def test_a_task_that_outlives_its_run_is_named() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_task(wait_for_ever(), name="forgotten")

    with pytest.raises(virtual_time.LeftBehind, match="forgotten: wait_for_ever"):
        virtual_time.run(main())


def test_a_task_that_failed_unseen_fails_the_run() -> None:
    async def fail() -> None:
        raise LookupError("unseen")

    async def main() -> None:
        asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(1.0)

    with pytest.raises(virtual_time.LostErrors, match="unseen"):
        virtual_time.run(main())


def test_a_callback_that_failed_fails_the_run() -> None:
    def fail() -> None:
        raise LookupError("in a callback")

    async def main() -> None:
        asyncio.get_running_loop().call_later(1.0, fail)
        await asyncio.sleep(2.0)

    with pytest.raises(virtual_time.LostErrors, match="in a callback"):
        virtual_time.run(main())


# What lives in real time.


async def thread() -> None:
    await asyncio.to_thread(len, "")


async def connection() -> None:
    await asyncio.open_connection("127.0.0.1", 1)


async def reader() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asyncio.get_running_loop().add_reader(ours, lambda: None)


@pytest.mark.parametrize("main", [thread, connection, reader])
def test_what_lives_in_real_time_is_refused(
    main: Callable[[], Coroutine[object, None, None]],
) -> None:
    with pytest.raises(RuntimeError, match="in virtual time"):
        virtual_time.run(main())


def test_a_moment_too_far_away_is_refused_and_not_waited_for_in_vain() -> None:
    with pytest.raises(ValueError, match="virtual time ends"):
        virtual_time.run(asyncio.sleep(2.0**24))


async def numbers() -> AsyncIterator[int]:
    for number in range(3):
        await asyncio.sleep(1.0)
        yield number


@virtual_time.test
async def test_streams_flow() -> None:
    assert [number async for number in numbers()] == [0, 1, 2]
    assert now() == 1003.0
