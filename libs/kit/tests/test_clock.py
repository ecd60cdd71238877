"""Both clocks answer in seconds, and the loop's clock follows the loop."""

import asyncio
import time

from failsoft_kit.clock import Clock, LoopClock, SystemClock


def test_the_system_clock_tells_the_date() -> None:
    before = time.time()  # noqa: TID251 - what the clock is compared with
    told = SystemClock().unix()
    after = time.time()  # noqa: TID251

    assert before <= told <= after


def test_the_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    told = [clock.now() for _ in range(100)]

    assert told == sorted(told)


async def test_the_loop_clock_is_the_loop_s_time() -> None:
    """Whatever virtual time does to the loop's timers, it does to the clock as well."""
    clock: Clock = LoopClock(unix_at_zero=5_000.0)
    loop = asyncio.get_running_loop()

    before, now, after = loop.time(), clock.now(), loop.time()
    assert before <= now <= after
    assert abs(clock.unix() - (5_000.0 + now)) < 1.0
