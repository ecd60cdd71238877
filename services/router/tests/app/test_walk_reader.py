"""A reader who never reads holds nothing for ever, and blames nobody."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.events import Delta, Finished, HopUpdate
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome
from failsoft_router.app.reply.delivery import LONGEST_READ
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import ReaderStalled, RouteExhausted
from failsoft_router.core.policy import BreakerPolicy, Limits
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
CUT = AttemptFailed(ErrorClass.TRUNCATED, "the connection broke in mid-answer")
TOUCHY = {"a": {"breaker": BreakerPolicy(consecutive_failures=1)}}


@pytest.mark.parametrize("stops_at", [Delta, HopUpdate])
def test_who_never_reads_on_gives_the_place_back(stage: type[Stage], stops_at: type[Event]) -> None:
    """It held a place in the bulkhead and a connection to the provider as long as it liked."""

    async def walk() -> None:
        router = stage(a=("hi", 1.0, "there", DONE), targets=TOUCHY)

        async def stop(event: Event) -> None:
            if isinstance(event, stops_at):
                await asyncio.Event().wait()

        with pytest.raises(ReaderStalled) as stalled:
            await router.stream(reader=stop)

        assert router.after() == pytest.approx(LONGEST_READ)
        assert router.targets["a"].running == 0
        place = router.board.place("a")
        assert place.bulkhead.in_flight == 0
        assert place.gates.health.state is State.CLOSED
        assert [hop.outcome for hop in stalled.value.hops] == [HopOutcome.FAILED]

    virtual_time.run(walk())


@virtual_time.test
async def test_who_reads_slowly_is_served(stage: type[Stage]) -> None:
    router = stage(a=(*["x"] * 5, DONE), limits=Limits())

    async def read(event: Event) -> None:
        await asyncio.sleep(LONGEST_READ - 1.0)

    events = await router.stream(reader=read)

    assert isinstance(events[-1], Finished)


@virtual_time.test
async def test_who_reads_slowly_holds_a_place_for_no_longer_than_an_answer_may_take(
    stage: type[Stage],
) -> None:
    """Pieces that had arrived, read one a minute, held it for hours."""
    router = stage(a=(*["x"] * 200, DONE), targets=TOUCHY, limits=Limits())

    async def read(event: Event) -> None:
        if isinstance(event, Delta):
            await asyncio.sleep(LONGEST_READ - 1.0)

    with pytest.raises(RouteExhausted):
        await router.stream(reader=read)

    assert router.after() < Limits().total + 2 * LONGEST_READ
    place = router.board.place("a")
    assert place.bulkhead.in_flight == 0
    assert place.gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_last_piece_that_is_read_too_slowly_ends_an_answer_all_the_same(
    stage: type[Stage],
) -> None:
    router = stage(a=("hi", "there", DONE), limits=Limits(total=10.0))

    async def read(event: Event) -> None:
        if isinstance(event, Delta) and event.text == "there":
            await asyncio.sleep(30.0)

    assert isinstance((await router.stream(reader=read))[-1], Finished)


@pytest.mark.parametrize("ending", [(CUT,), (math.inf,)], ids=["breaks off", "falls silent"])
def test_a_target_that_gave_a_reader_up_is_not_ill(stage: type[Stage], ending: Script) -> None:
    """Providers and their proxies close a connection that nobody reads for half a minute."""

    async def walk() -> None:
        router = stage(a=("hi", "there", *ending), targets=TOUCHY, limits=Limits())

        async def read(event: Event) -> None:
            if isinstance(event, Delta):
                await asyncio.sleep(30.0)

        with pytest.raises(RouteExhausted):
            await router.stream(reader=read)

        assert router.board.place("a").gates.health.state is State.CLOSED

    virtual_time.run(walk())


@virtual_time.test
async def test_who_reads_a_little_slowly_excuses_nobody(stage: type[Stage]) -> None:
    router = stage(a=("hi", "there", CUT), targets=TOUCHY, limits=Limits())

    async def read(event: Event) -> None:
        await asyncio.sleep(4.0)

    with pytest.raises(RouteExhausted):
        await router.stream(reader=read)

    assert router.board.place("a").gates.health.state is State.OPEN
