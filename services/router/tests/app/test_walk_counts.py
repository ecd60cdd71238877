"""How walks end is counted, whoever asked and in whatever way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.core.errors import WalkError
from failsoft_router.core.policy import Midstream
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from failsoft_router.core.recent_walks import WalkCounts
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
ILL = (AttemptFailed(ErrorClass.UNKNOWN, "…"),)
WELL = ("hello", DONE)


def counts(router: Stage) -> WalkCounts:
    return router.recent.counts(router.clock.now())


@virtual_time.test
async def test_an_answer_counts_as_what_its_caller_got(stage: type[Stage]) -> None:
    router = stage(hops=("a", "b", "mock"), a=[WELL, ILL, ILL], b=[WELL, ILL])

    await router.ask()
    await router.stream()
    await router.ask()

    told = counts(router)
    assert {each.value: count for each, count in told.answered.items() if count} == {
        Degradation.NONE.value: 1,
        Degradation.FALLBACK_TARGET.value: 1,
        Degradation.MOCK.value: 1,
    }
    assert told.fallback_share == pytest.approx(2 / 3)


@virtual_time.test
async def test_a_walk_without_an_answer_and_a_stream_that_breaks_off_are_unanswered(
    stage: type[Stage],
) -> None:
    router = stage(
        route={"midstream": Midstream.FAIL},
        a=[ILL, ("hel", AttemptFailed(ErrorClass.TRUNCATED, "…"))],
    )

    for call in (router.ask, router.stream):
        with pytest.raises(WalkError):
            await call()

    assert (counts(router).ended, counts(router).unanswered) == (2, 2)


@virtual_time.test
async def test_what_a_caller_did_itself_counts_for_nothing(stage: type[Stage]) -> None:
    router = stage(a=[(AttemptFailed(ErrorClass.CALLER_FAULT, "…"),), (60.0, DONE)])

    with pytest.raises(WalkError):
        await router.ask()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await router.ask()

    assert counts(router).ended == 0
