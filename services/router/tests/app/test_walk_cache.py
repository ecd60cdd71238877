"""A stored answer comes where it is wanted: fresh at the start, stale at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import CacheControl, ChatRequest, Degradation
from failsoft_model.events import Delta, Finished
from failsoft_model.walk import CacheStatus, ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.policy import CachePolicy, FreshHits, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending, Keeping

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.router.tests.app.conftest import Stage

    Question = Callable[..., ChatRequest]

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
HOUR = 3600.0


# Fresh hits.


@virtual_time.test
async def test_the_same_question_at_temperature_0_is_answered_at_once(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=(1.0, "hi", DONE))
    first = await router.ask(question(temperature=0.0))
    await asyncio.sleep(10.0)
    before = router.after()

    second = await router.ask(question(temperature=0.0))

    assert first.finished.cache_status is CacheStatus.MISS
    assert router.after() == before
    assert len(router.targets["a"].calls) == 1
    assert second.choice == first.choice
    finished = second.finished
    assert finished.served_by == "cache"
    assert finished.cache_status is CacheStatus.HIT_FRESH
    assert finished.cache_age == pytest.approx(10.0)
    assert finished.degradation is Degradation.NONE
    assert finished.model == "m"
    assert finished.hops == ()


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_who_wants_another_answer_each_time_gets_one(
    stage: type[Stage], question: Question, temperature: float | None
) -> None:
    async def walk() -> None:
        router = stage(a=[("one", DONE), ("two", DONE)])
        await router.ask(question(temperature=temperature))

        answer = await router.ask(question(temperature=temperature))

        assert answer.choice.message.text == "two"
        assert router.cache.asked == ["key", "key"]

    virtual_time.run(walk())


@pytest.mark.parametrize(
    ("when", "temperature", "served_by"),
    [
        (FreshHits.ALWAYS, None, "cache"),
        (FreshHits.ALWAYS, 0.0, "cache"),
        (FreshHits.NEVER, 0.0, "a"),
    ],
)
def test_a_route_may_say_when_a_fresh_answer_will_do(
    stage: type[Stage],
    question: Question,
    when: FreshHits,
    temperature: float | None,
    served_by: str,
) -> None:
    async def walk() -> None:
        router = stage(a=("hi", DONE), route={"cache": CachePolicy(fresh_hits=when)})
        await router.ask(question(temperature=temperature))

        answer = await router.ask(question(temperature=temperature))

        assert answer.finished.served_by == served_by

    virtual_time.run(walk())


@virtual_time.test
async def test_an_answer_is_fresh_for_as_long_as_the_route_says(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=("hi", DONE), route={"cache": CachePolicy(fresh_for=60.0)})
    await router.ask(question(temperature=0.0))
    await asyncio.sleep(60.0)

    assert (await router.ask(question(temperature=0.0))).finished.served_by == "a"


@virtual_time.test
async def test_a_raised_epoch_forgets_the_routes_answers(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=("hi", DONE))
    await router.ask(question(temperature=0.0))
    other = stage(a=("new", DONE), route={"cache": CachePolicy(epoch=2)})
    other.cache.kept = router.cache.kept

    assert (await other.ask(question(temperature=0.0))).choice.message.text == "new"


@virtual_time.test
async def test_a_fresh_answer_is_streamed_in_pieces(stage: type[Stage], question: Question) -> None:
    text = "word " * 50
    router = stage(a=(text, DONE))
    await router.ask(question(temperature=0.0))

    events = await router.stream(question(temperature=0.0))

    pieces = [event.text for event in events if isinstance(event, Delta)]
    assert len(pieces) > 1
    assert "".join(pieces) == text
    assert isinstance(events[-1], Finished)


# What the caller allows.


@virtual_time.test
async def test_no_cache_asks_a_target_and_keeps_its_answer(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=[("one", DONE), ("two", DONE)])
    await router.ask(question(temperature=0.0))

    answer = await router.ask(question(temperature=0.0, cache_control=CacheControl(no_cache=True)))

    assert answer.choice.message.text == "two"
    assert router.cache.texts == ["two"]


@virtual_time.test
async def test_no_store_keeps_nothing(stage: type[Stage], question: Question) -> None:
    router = stage(a=("hi", DONE))

    await router.ask(question(cache_control=CacheControl(no_store=True)))

    assert router.cache.kept == {}


@virtual_time.test
async def test_neither_of_both_does_not_even_show_the_cache_the_question(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=(BUSY,), hops=("a", "cache"))
    control = CacheControl(no_cache=True, no_store=True)

    error = await router.refused(question(cache_control=control))

    assert router.cache.asked == []
    assert error.hops[1].skip_reason is SkipReason.REFUSED_BY_CALLER


@virtual_time.test
async def test_an_answer_older_than_the_caller_wants_is_not_given(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=("hi", DONE))
    young = question(temperature=0.0, cache_control=CacheControl(max_age=5.0))
    await router.ask(young)
    await asyncio.sleep(4.0)
    assert (await router.ask(young)).finished.served_by == "cache"
    await asyncio.sleep(2.0)

    assert (await router.ask(young)).finished.served_by == "a"


# Stale answers.


@virtual_time.test
async def test_when_every_target_fails_an_old_answer_comes_labelled_with_its_age(
    stage: type[Stage],
) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache", "mock"))
    await router.ask()
    await asyncio.sleep(HOUR)

    answer = await router.ask()

    assert answer.choice.message.text == "hi"
    finished = answer.finished
    assert finished.degradation is Degradation.STALE_CACHE
    assert finished.served_by == "cache"
    assert finished.cache_status is CacheStatus.HIT_STALE
    assert finished.cache_age == pytest.approx(HOUR)
    assert [(hop.target, hop.outcome) for hop in finished.hops] == [
        ("a", HopOutcome.FAILED),
        ("cache", HopOutcome.SERVED),
    ]


@virtual_time.test
async def test_a_stale_answer_replaces_what_a_target_began_to_say(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), ("Good mor", BUSY)], hops=("a", "cache"))
    await router.ask()

    events = await router.stream()

    texts = [event.text for event in events if isinstance(event, Delta)]
    assert texts == ["Good mor", "hi"]
    assert [type(event).__name__ for event in events][-3:] == ["StreamReset", "Delta", "Finished"]


@virtual_time.test
async def test_an_answer_older_than_the_route_allows_does_not_come(stage: type[Stage]) -> None:
    policy = CachePolicy(fresh_for=60.0, stale_if_error=HOUR)
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"), route={"cache": policy})
    await router.ask()
    await asyncio.sleep(HOUR + 60.0)

    error = await router.refused()

    assert error.hops[1].skip_reason is SkipReason.NO_STORED_ANSWER


@virtual_time.test
async def test_another_tenants_answers_are_out_of_reach(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"))
    await router.ask()
    (only,) = router.cache.kept.values()
    router.cache.kept = {b"another tenant's key": only}

    assert (await router.refused()).hops[1].skip_reason is SkipReason.NO_STORED_ANSWER


@virtual_time.test
async def test_a_cache_that_is_away_is_passed_over(stage: type[Stage], question: Question) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache", "mock"))
    router.cache.away = True

    served = await router.ask(question(temperature=0.0))
    mocked = await router.ask(question(temperature=0.0))

    assert served.finished.served_by == "a"
    assert served.finished.cache_status is CacheStatus.BYPASS
    assert router.cache.kept == {}
    assert mocked.finished.hops[1].skip_reason is SkipReason.CACHE_UNAVAILABLE
    assert mocked.finished.served_by == "mock"


@virtual_time.test
async def test_a_cache_that_goes_away_during_the_walk_is_passed_over(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), (1.0, BUSY)], hops=("a", "cache", "mock"))
    await router.ask()

    async with asyncio.TaskGroup() as group:
        walk = group.create_task(router.ask())
        await asyncio.sleep(0.5)
        router.cache.away = True

    assert walk.result().finished.hops[1].skip_reason is SkipReason.CACHE_UNAVAILABLE


@virtual_time.test
async def test_a_cache_that_is_back_by_the_end_of_the_walk_answers(stage: type[Stage]) -> None:
    """One late look-up at the start must not cost the answer that is there."""
    router = stage(a=[("hi", DONE), (1.0, BUSY)], hops=("a", "cache", "mock"))
    await router.ask()
    router.cache.away = True

    async with asyncio.TaskGroup() as group:
        walk = group.create_task(router.ask())
        await asyncio.sleep(0.5)
        router.cache.away = False

    answer = walk.result()
    assert answer.finished.degradation is Degradation.STALE_CACHE
    assert answer.choice.message.text == "hi"


@virtual_time.test
async def test_a_router_without_a_cache_walks_all_the_same(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"), cache=False)

    served = await router.ask(question(temperature=0.0))
    error = await router.refused(question(temperature=0.0))

    assert served.finished.cache_status is CacheStatus.BYPASS
    assert error.hops[1].skip_reason is SkipReason.NO_STORED_ANSWER


@virtual_time.test
async def test_a_route_without_a_cache_is_never_looked_up(
    stage: type[Stage], question: Question
) -> None:
    router = stage(a=("hi", DONE), route={"cache": None})

    await router.ask(question(temperature=0.0))

    assert router.cache.asked == []
    assert router.cache.kept == {}


# What is kept.


@virtual_time.test
async def test_the_best_targets_answer_is_kept_as_fresh(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))

    await router.ask()

    ((answer, keeping),) = router.cache.kept.values()
    assert keeping == Keeping(fresh_for=300.0, stale_if_error=86400.0)
    assert (answer.served_by, answer.model) == ("a", "m")
    assert answer.finish_reason is FinishReason.STOP
    assert answer.created == router.clock.unix()


@virtual_time.test
async def test_a_fallbacks_answer_may_serve_an_outage_but_no_healthy_minute(
    stage: type[Stage], question: Question
) -> None:
    cold = question(temperature=0.0)
    router = stage(a=[(BUSY,), ("best", DONE), (BUSY,)], b=[("second", DONE), (BUSY,)])
    await router.ask(cold)
    ((_, keeping),) = router.cache.kept.values()
    assert keeping == Keeping(fresh_for=0.0, stale_if_error=86400.0)

    assert (await router.ask(cold)).choice.message.text == "best"


@pytest.mark.parametrize(
    "cut",
    [
        AttemptFailed(ErrorClass.TRUNCATED, "cut"),
        AttemptFailed(ErrorClass.CONTENT_FILTER, "filtered"),
        AttemptFailed(ErrorClass.MALFORMED, "malformed"),
    ],
)
def test_half_an_answer_is_never_kept(stage: type[Stage], cut: AttemptFailed) -> None:
    async def walk() -> None:
        router = stage(a=("Half of", cut))

        await router.refused()

        assert router.cache.kept == {}

    virtual_time.run(walk())


@virtual_time.test
async def test_a_stale_answer_and_a_mock_are_never_kept(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache", "mock"))
    await router.ask()
    kept = dict(router.cache.kept)
    await asyncio.sleep(1.0)

    assert (await router.ask()).finished.degradation is Degradation.STALE_CACHE
    assert router.cache.kept == kept
    router.cache.kept = {}
    assert (await router.ask()).finished.degradation is Degradation.MOCK
    assert router.cache.kept == {}


@virtual_time.test
async def test_a_tenant_that_wants_no_stale_answers_gets_none(stage: type[Stage]) -> None:
    router = stage(
        a=[("hi", DONE), (BUSY,)], hops=("a", "cache"), tenant=TenantPolicy(allow_stale=False)
    )
    await router.ask()

    error = await router.refused()

    assert error.hops[1].skip_reason is SkipReason.TENANT_POLICY
    assert "stale" not in router.cache.asked
