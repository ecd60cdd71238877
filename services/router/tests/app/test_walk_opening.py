"""What a front door is told of an answer before its first content: whose it is, as headers say."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ChatRequest, Degradation
from failsoft_model.events import Delta
from failsoft_model.walk import CacheStatus, ErrorClass, FinishReason
from failsoft_router.core.errors import RouteExhausted
from failsoft_router.core.policy import CachePolicy, Limits
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.events import Event
    from failsoft_router.app.reply.delivery import Opening
    from services.router.tests.app.conftest import Stage

    Question = Callable[..., ChatRequest]

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")


async def opened(
    router: Stage, request: ChatRequest, *, within: float | None = None
) -> list[Opening | str]:
    """Openings and the texts of pieces, in the order in which the front door is told."""
    told: list[Opening | str] = []

    async def sink(event: Event) -> None:
        if isinstance(event, Delta):
            told.append(event.text)

    async with router.supervised():
        await router.walker.stream(request, router.caller(within), sink, opens=told.append)
    return told


@virtual_time.test
async def test_the_opening_comes_once_and_before_the_first_piece(
    stage: type[Stage], question: Question
) -> None:
    opening, *pieces = await opened(stage(a=("Hel", 0.1, "lo", DONE)), question())

    assert not isinstance(opening, str)
    assert (opening.served_by, opening.model) == ("a", "a-model")
    assert opening.degradation is Degradation.NONE
    assert opening.cache_status is CacheStatus.MISS
    assert pieces == ["Hel", "lo"]


@virtual_time.test
async def test_a_fallback_is_told_for_what_it_is(stage: type[Stage], question: Question) -> None:
    opening, *_ = await opened(stage(a=(BUSY,), b=("Hello", DONE)), question())

    assert not isinstance(opening, str)
    assert (opening.served_by, opening.model) == ("b", "b-model")
    assert opening.degradation is Degradation.FALLBACK_TARGET


@virtual_time.test
async def test_a_call_beside_that_speaks_first_is_named(
    stage: type[Stage], question: Question
) -> None:
    """The walk has gone on to `b` by then."""
    router = stage(a=(4.0, "late", DONE), b=(math.inf,), limits=Limits())

    opening, *_ = await opened(router, question(), within=5.0)

    assert not isinstance(opening, str)
    assert opening.served_by == "a"
    assert router.targets["b"].calls


@virtual_time.test
async def test_a_stored_answer_tells_its_age_and_its_model(
    stage: type[Stage], question: Question
) -> None:
    cache = CachePolicy(fresh_for=5.0)
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"), route={"cache": cache})
    await router.ask(question(temperature=0.0))
    await asyncio.sleep(2.0)
    fresh, *_ = await opened(router, question(temperature=0.0))
    await asyncio.sleep(8.0)
    stale, *_ = await opened(router, question(temperature=0.0))

    assert not isinstance(fresh, str)
    assert not isinstance(stale, str)
    assert (fresh.served_by, fresh.model) == ("cache", "m")
    assert fresh.cache_age == pytest.approx(2.0)
    assert (fresh.cache_status, fresh.degradation) == (CacheStatus.HIT_FRESH, Degradation.NONE)
    assert (stale.cache_status, stale.degradation) == (
        CacheStatus.HIT_STALE,
        Degradation.STALE_CACHE,
    )


@virtual_time.test
async def test_a_mock_says_that_it_is_one(stage: type[Stage], question: Question) -> None:
    opening, *_ = await opened(stage(a=(BUSY,), hops=("a", "mock")), question())

    assert not isinstance(opening, str)
    assert (opening.served_by, opening.degradation) == ("mock", Degradation.MOCK)


@virtual_time.test
async def test_an_answer_that_never_comes_opens_nothing(
    stage: type[Stage], question: Question
) -> None:
    told: list[Opening] = []

    async def sink(event: Event) -> None:
        pass

    router = stage(a=(BUSY,))
    with pytest.raises(RouteExhausted):
        await router.walker.stream(question(), router.caller(), sink, opens=told.append)

    assert told == []
