"""Waiting at the door, in virtual time."""

import asyncio
import math
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.admission.ticket import Claim, Work
from failsoft_model.chat import Criticality
from failsoft_model.errors import Overloaded
from failsoft_model.walk import Load

WORK = Work(prompt=10, output=10)
LIMITS = Limits(requests=1, tokens=None, waiting=2, waiting_tokens=1000)
IDLE = Load(capacity=1)


def now() -> float:
    return asyncio.get_running_loop().time() - virtual_time.START


def claim(*, left: float = math.inf, criticality: Criticality = Criticality.CRITICAL) -> Claim:
    """Of somebody who has that many seconds."""
    deadline_at = asyncio.get_running_loop().time() + left
    return Claim(tenant="a", criticality=criticality, work=WORK, deadline_at=deadline_at)


async def answered(entrance: Entrance, claim: Claim, *, seconds: float) -> float:
    """When the engine began with a request that takes it that long."""
    with entrance.place(claim, engine=IDLE) as place:
        await entrance.turn(place, WORK)
        began = now()
        await asyncio.sleep(seconds)
    return began


@virtual_time.test
async def test_who_waits_begins_when_another_has_ended() -> None:
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        began = [tasks.create_task(answered(entrance, claim(), seconds=2.0)) for _ in range(3)]

    assert [task.result() for task in began] == [0.0, 2.0, 4.0]


@virtual_time.test
async def test_nobody_waits_past_the_deadline() -> None:
    """The refusal is in time for the caller to go elsewhere."""
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answered(entrance, claim(), seconds=60.0))
        await asyncio.sleep(0.0)
        with pytest.raises(Overloaded) as refused:
            await answered(entrance, claim(left=3.0), seconds=1.0)
        told = now()

    assert told == 3.0
    assert refused.value.metadata == {"admission": "late"}
    assert refused.value.retry_after is not None


@virtual_time.test
async def test_who_is_pushed_out_is_told_at_once() -> None:
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )
    told: list[float] = []

    async def waits() -> None:
        with pytest.raises(Overloaded):
            await answered(entrance, claim(criticality=Criticality.SHEDDABLE), seconds=1.0)
        told.append(now())

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(answered(entrance, claim(), seconds=10.0))
        await asyncio.sleep(1.0)
        tasks.create_task(waits())
        await asyncio.sleep(1.0)
        tasks.create_task(answered(entrance, claim(), seconds=1.0))
        tasks.create_task(answered(entrance, claim(), seconds=1.0))

    assert running.result() == 0.0
    assert told == [2.0]


@virtual_time.test
async def test_who_hangs_up_while_waiting_leaves_the_place_to_the_next() -> None:
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answered(entrance, claim(), seconds=5.0))
        waiting = [tasks.create_task(answered(entrance, claim(), seconds=1.0)) for _ in range(2)]
        await asyncio.sleep(1.0)
        with pytest.raises(Overloaded):
            await answered(entrance, claim(), seconds=1.0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        third = tasks.create_task(answered(entrance, claim(), seconds=1.0))

    assert (waiting[1].result(), third.result()) == (5.0, 6.0)
    assert entrance.load(IDLE) == Load(capacity=1)


@virtual_time.test
async def test_who_was_let_in_by_a_guess_that_was_too_low_waits_after_all() -> None:
    limits = Limits(requests=2, tokens=50, waiting=2, waiting_tokens=1000)
    entrance = Entrance(
        limits, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async def bigger() -> float:
        with entrance.place(claim(), engine=IDLE) as place:
            await entrance.turn(place, Work(prompt=40, output=10))
            return now()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answered(entrance, claim(), seconds=2.0))
        waited = tasks.create_task(bigger())

    assert waited.result() == 2.0


@virtual_time.test
async def test_who_waited_and_stepped_back_waits_once_more() -> None:
    """It knew already that it was inside, and must not take that for news again."""
    limits = Limits(requests=2, tokens=50, waiting=2, waiting_tokens=1000)
    entrance = Entrance(
        limits, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async def slowly_tokenised() -> float:
        with entrance.place(claim(), engine=IDLE) as place:
            await asyncio.sleep(2.0)
            await entrance.turn(place, Work(prompt=40, output=10))
            return now()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answered(entrance, claim(), seconds=1.0))
        tasks.create_task(answered(entrance, claim(), seconds=3.0))
        waited = tasks.create_task(slowly_tokenised())

    assert waited.result() == 3.0


@virtual_time.test
async def test_those_who_wait_are_part_of_the_load() -> None:
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(answered(entrance, claim(), seconds=1.0))
        await asyncio.sleep(0.5)
        load = entrance.load(Load(running=0, capacity=1))

    assert load == Load(running=1, waiting=2, capacity=1, running_tokens=20, waiting_tokens=40)


@virtual_time.test
async def test_a_bigger_engine_lets_those_in_who_wait() -> None:
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        began = [tasks.create_task(answered(entrance, claim(), seconds=9.0)) for _ in range(3)]
        await asyncio.sleep(1.0)
        entrance.set_limits(Limits(requests=3, tokens=None, waiting=2, waiting_tokens=1000))

    assert [task.result() for task in began] == [0.0, 1.0, 1.0]


@virtual_time.test
async def test_requests_that_only_the_engine_still_holds_take_places_too() -> None:
    """Otherwise callers who ask and hang up at once could fill the engine without end."""
    entrance = Entrance(
        LIMITS, clock=LoopClock(), meter=Meter(clock=LoopClock()), tracer=Tracer(clock=LoopClock())
    )

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answered(entrance, claim(), seconds=1.0))
        await asyncio.sleep(0.5)
        engine = Load(running=1, waiting=2, capacity=1)
        with pytest.raises(Overloaded), entrance.place(claim(), engine=engine):
            pass


@virtual_time.test
async def test_an_overload_is_two_lines_however_many_are_refused() -> None:
    """The metric counts them; a log that grows with the load is lost when it is needed."""
    entrance = Entrance(
        replace(LIMITS, waiting=0),
        clock=LoopClock(),
        meter=Meter(clock=LoopClock()),
        tracer=Tracer(clock=LoopClock()),
    )

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(answered(entrance, claim(), seconds=5.0))
            await asyncio.sleep(1.0)
            for _ in range(100):
                with pytest.raises(Overloaded):
                    await answered(entrance, claim(), seconds=1.0)
        await answered(entrance, claim(), seconds=1.0)
        await asyncio.sleep(10.0)
        await answered(entrance, claim(), seconds=1.0)

    begins, ends = lines
    assert (begins["event"], begins["log_level"]) == ("queue.refusing", "warning")
    assert (begins["why"], begins["running"], begins["waiting"]) == ("full", 1, 0)
    assert (ends["event"], ends["log_level"]) == ("queue.recovered", "info")
    assert ends["refused"] == 100
