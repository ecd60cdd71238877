"""However many ask, each service is looked at once in a while, and a silent one costs a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_router.app.health.neighbourhood import (
    FRESH_SECONDS,
    LOOK_SECONDS,
    Neighbourhood,
    ServiceKind,
)
from failsoft_router.core.policy import Provider
from failsoft_router.core.sight import Sight

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

WELL = Sight(ready=True)
AWAY = Sight(ready=False, why="nobody answers at its address")
OURS = {"provider": Provider.FAILSOFT, "external": False}


class Service:
    """A service that is as it is told to be, or says nothing."""

    def __init__(self, sight: Sight = WELL, *, hangs: bool = False) -> None:
        self.sight = sight
        self.hangs = hangs
        self.looks = 0

    async def look(self, *, within: float) -> Sight:
        self.looks += 1
        if self.hangs:
            await asyncio.sleep(within)
            return Sight(ready=False, why="silent")
        return self.sight


def neighbourhood(router: Stage, cache: Service | None) -> Neighbourhood:
    return Neighbourhood(router.boards, cache=cache, clock=router.clock)


@virtual_time.test
async def test_a_service_is_asked_once_in_a_while_however_many_want_to_know(
    stage: type[Stage],
) -> None:
    cache = Service(hangs=True)
    services = neighbourhood(stage(a=()), cache)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(services.seen())
    assert cache.looks == 1

    await asyncio.sleep(FRESH_SECONDS - LOOK_SECONDS - 0.1)
    await services.seen()
    assert cache.looks == 1

    await asyncio.sleep(0.2)
    await services.seen()
    assert cache.looks == 2


@virtual_time.test
async def test_nobody_is_asked_while_nobody_wants_to_know(stage: type[Stage]) -> None:
    cache = Service()
    router = stage(a=())
    neighbourhood(router, cache)

    await asyncio.sleep(600.0)

    assert cache.looks == 0


@virtual_time.test
async def test_silent_services_are_waited_for_at_the_same_time(stage: type[Stage]) -> None:
    router = stage(a=(), b=(), targets={"a": OURS, "b": OURS})
    for name in ("a", "b"):
        router.targets[name].look = Service(hangs=True).look  # type: ignore[attr-defined]

    seen = await neighbourhood(router, Service(hangs=True)).seen()

    assert router.after() == LOOK_SECONDS
    assert [(each.name, each.kind) for each in seen] == [
        ("cache", ServiceKind.CACHE),
        ("a", ServiceKind.INFERENCE),
        ("b", ServiceKind.INFERENCE),
    ]


@virtual_time.test
async def test_an_asker_who_goes_away_leaves_the_look_to_the_next_one(stage: type[Stage]) -> None:
    cache = Service(hangs=True)
    services = neighbourhood(stage(a=()), cache)

    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(services.seen())
        waiting = tasks.create_task(services.seen())
        await asyncio.sleep(0.5)
        gone.cancel()

    assert waiting.result()[0].sight.why == "silent"


@virtual_time.test
async def test_only_our_own_services_are_looked_at(stage: type[Stage]) -> None:
    """A target outside is a provider like others, and a look would be a call that costs."""
    router = stage(a=(), b=(), targets={"a": OURS, "b": OURS | {"external": True}})
    outside = Service()
    router.targets["b"].look = outside.look  # type: ignore[attr-defined]

    assert await neighbourhood(router, None).seen() == ()
    assert outside.looks == 0


@virtual_time.test
async def test_how_long_it_has_been_so_begins_anew_with_each_change(stage: type[Stage]) -> None:
    cache = Service()
    router = stage(a=())
    services = neighbourhood(router, cache)

    async def age() -> float:
        await asyncio.sleep(10.0)
        (seen,) = await services.seen()
        return router.clock.now() - seen.since

    assert [await age(), await age()] == [0.0, 10.0]
    cache.sight = AWAY
    assert [await age(), await age()] == [0.0, 10.0]
    cache.sight = Sight(ready=True, degraded=True, why="Valkey is away")
    assert await age() == 0.0
