"""Whoever watches sees each hop as it ends, also what comes out after the reply."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, Hop, HopOutcome
from failsoft_router.app.hops.probe import AFTERLIFE
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from failsoft_router.app.telling.hop_feed import EndedHop, HopFollower
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
TOUCHY = BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)


def told(follower: HopFollower) -> list[EndedHop]:
    """What has been told by now."""
    return [given[0] for given in iter(follower.give, None)]


def hops(follower: HopFollower) -> list[Hop]:
    return [ended.hop for ended in told(follower)]


@virtual_time.test
async def test_each_hop_is_told_as_the_reply_has_it_and_whose_it_was(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("hi", DONE))
    with router.feed.following(tenant="", route="") as follower:
        finished = (await router.ask()).finished

        seen = told(follower)

    assert tuple(ended.hop for ended in seen) == finished.hops
    for ended in seen:
        assert (ended.walk_id, ended.route, ended.tenant) == ("walk-1", "chat", "acme")
        assert (ended.request_id, ended.trace_id) == ("req-1", finished.trace_id)


async def due_for_a_probe(
    stage: type[Stage], probe: Script, *, b: Script = (0.2, "hi", DONE), **special: object
) -> Stage:
    """Target a has failed once, its open time is over, and its next call is a probe."""
    targets = {"a": {"breaker": TOUCHY, **special}}
    router = stage(a=[(BUSY,), probe], b=b, targets=targets)
    await router.ask()
    await asyncio.sleep(15.0)
    return router


@virtual_time.test
async def test_a_probe_is_told_when_it_is_left_and_when_it_has_failed(stage: type[Stage]) -> None:
    probe = (3.0, AttemptFailed(ErrorClass.TRANSIENT, "it is still ill"))
    router = await due_for_a_probe(stage, probe)
    with router.feed.following(tenant="", route="") as follower:
        async with router.supervised():
            await router.ask()
            before = hops(follower)
            await asyncio.sleep(5.0)
            (after,) = hops(follower)

    assert [each.outcome for each in before] == [HopOutcome.PROBING, HopOutcome.SERVED]
    assert (after.position, after.target) == (before[0].position, "a")
    assert (after.outcome, after.error_class) == (HopOutcome.FAILED, ErrorClass.TRANSIENT)
    assert after.detail == "it is still ill"
    assert after.attempts[-1].error_class is ErrorClass.TRANSIENT
    assert after.latency == 3.0


@virtual_time.test
async def test_an_answer_that_took_too_long_is_told_once(stage: type[Stage]) -> None:
    """Its hop ends with the walk; that its call is broken off then is nothing new."""
    router = stage(a=("a", *(1.0, "b") * 20, DONE), targets={"a": {"limits": stage.patient()}})
    with router.feed.following(tenant="", route="") as follower:
        async with router.supervised():
            await router.refused(within=5.0)
            await asyncio.sleep(AFTERLIFE)
            seen = hops(follower)

    assert [(hop.outcome, hop.error_class) for hop in seen] == [
        (HopOutcome.FAILED, ErrorClass.TIMEOUT_TOTAL)
    ]


@virtual_time.test
async def test_a_probe_that_answers_nobody_is_told_to_have_answered(stage: type[Stage]) -> None:
    router = await due_for_a_probe(stage, (3.0, "back", DONE))
    with router.feed.following(tenant="", route="") as follower:
        async with router.supervised():
            await router.ask()
            told(follower)
            await asyncio.sleep(5.0)
            (after,) = hops(follower)

    assert (after.outcome, after.error_class) == (HopOutcome.PROBING, None)
    assert after.detail == "its probe answered, and nobody waited any more"
    assert after.attempts[-1].error_class is None


@virtual_time.test
async def test_a_probe_that_is_given_up_is_told_so(stage: type[Stage]) -> None:
    router = await due_for_a_probe(stage, (math.inf,), limits=stage.patient())
    with router.feed.following(tenant="", route="") as follower:
        async with router.supervised():
            await router.ask()
            told(follower)
            await asyncio.sleep(AFTERLIFE)
            await asyncio.sleep(0)
            (after,) = hops(follower)

    assert (after.outcome, after.error_class) == (HopOutcome.FAILED, ErrorClass.CANCELLED)
    assert after.detail == "its probe was given up"


@virtual_time.test
async def test_a_probe_whose_answer_is_taken_is_told_to_have_served(stage: type[Stage]) -> None:
    router = await due_for_a_probe(stage, (2.0, "back", DONE), b=(3.0, "hi", DONE))
    with router.feed.following(tenant="", route="") as follower:
        await router.ask()
        of_a = [hop.outcome for hop in hops(follower) if hop.target == "a"]

    assert of_a == [HopOutcome.PROBING, HopOutcome.SERVED]
