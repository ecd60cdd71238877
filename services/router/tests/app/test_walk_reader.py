"""A reader who never reads holds nothing for ever, and blames nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.events import Delta, Finished, HopUpdate
from failsoft_model.walk import FinishReason, HopOutcome
from failsoft_router.app.delivery import LONGEST_READ
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import ReaderStalled
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
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
    router = stage(a=(*["x"] * 5, DONE))

    async def read(event: Event) -> None:
        await asyncio.sleep(LONGEST_READ - 1.0)

    events = await router.stream(reader=read)

    assert isinstance(events[-1], Finished)
