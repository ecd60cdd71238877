"""The report says what keeps answers from being the best ones, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.app.health.neighbourhood import Neighbourhood
from failsoft_router.app.health.report import Status
from failsoft_router.app.health.survey import Survey
from failsoft_router.app.targets.reload import Standing
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy, CredentialSource
from failsoft_router.core.sight import Sight
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_router.app.health.report import HealthReport
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
WELL = ("hello", DONE)
NEEDS_KEY = {"credential": CredentialSource(env="KEY")}
NO_VALKEY = Sight(ready=True, degraded=True, why="Valkey is away")
IN_FORCE = Standing(in_force="abc")


class NoKey:
    """A credential that is not there."""

    def value(self) -> str | None:
        return None


class Cache:
    """A cache that is as it is told to be."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight

    async def look(self, *, within: float) -> Sight:
        return self.sight


@dataclass
class Process:
    """What the router's own process says."""

    standing: Standing = IN_FORCE
    serving: bool = True


def survey(router: Stage, process: Process, cache: Sight | None = None) -> Survey:
    neighbour = None if cache is None else Cache(cache)
    return Survey(
        router.boards,
        Neighbourhood(router.boards, cache=neighbour, clock=router.clock),
        standing=lambda: process.standing,
        serving=lambda: process.serving,
        recent=router.recent,
        clock=router.clock,
    )


async def report(router: Stage, cache: Sight | None = None) -> HealthReport:
    return await survey(router, Process(), cache).report()


def isolate(router: Stage, name: str) -> None:
    now = router.clock.now()
    order = IsolationOrder(since=now, until=now + 60.0, actor="ada", reason="a new driver")
    router.board.place(name).gates.isolation.isolate(order)


@virtual_time.test
async def test_a_router_without_troubles_is_ready(stage: type[Stage]) -> None:
    router = stage(a=WELL, b=WELL)
    await router.ask()

    told = await report(router, Sight(ready=True))

    assert (told.status, told.why) == (Status.READY, ())
    assert [each.name for each in told.services] == ["router", "cache"]
    assert [each.ready for each in told.targets] == [True, True]
    assert told.walks.fallback_share == 0.0


@virtual_time.test
async def test_keys_that_are_not_there_are_no_trouble_while_another_target_is_ready(
    stage: type[Stage],
) -> None:
    """One policy serves who has every key, one or none."""
    router = stage(
        hops=("a", "b"), a=(), b=(), targets={"a": NEEDS_KEY}, credentials={"a": NoKey()}
    )

    told = await report(router)

    assert (told.status, told.why) == (Status.READY, ())
    assert [(each.ready, each.why) for each in told.targets] == [
        (False, "it has no credential"),
        (True, ""),
    ]


@virtual_time.test
async def test_a_route_without_any_target_is_degraded(stage: type[Stage]) -> None:
    router = stage(hops=("a", "mock"), a=(), targets={"a": NEEDS_KEY}, credentials={"a": NoKey()})

    told = await report(router)

    assert told.status is Status.DEGRADED
    assert told.why == ("route chat: none of its targets is ready",)


@virtual_time.test
async def test_a_route_of_mocks_has_nothing_to_miss(stage: type[Stage]) -> None:
    assert (await report(stage(hops=("mock",)))).status is Status.READY


def no_trouble(router: Stage) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    ("script", "trouble", "why"),
    [
        (
            (AttemptFailed(ErrorClass.TRANSIENT, "…"),),
            no_trouble,
            "its breaker is open after transient",
        ),
        (
            (AttemptFailed(ErrorClass.CREDENTIAL, "…"),),
            no_trouble,
            "the provider refused the credential",
        ),
        (
            (AttemptFailed(ErrorClass.RATE_LIMITED, "…", retry_after=60.0),),
            no_trouble,
            "the provider said that there were too many requests",
        ),
        (
            (AttemptFailed(ErrorClass.MODEL_GONE, "…"),),
            no_trouble,
            "the provider does not have the model",
        ),
        (WELL, lambda router: isolate(router, "a"), "isolated by ada: a new driver"),
    ],
    ids=["breaker", "credential", "quota", "gone", "isolated"],
)
def test_a_target_that_is_out_degrades_the_router_and_says_why(
    stage: type[Stage],
    script: tuple[str | AttemptFailed | Ending, ...],
    trouble: Callable[[Stage], None],
    why: str,
) -> None:
    async def tell() -> None:
        fragile = {"breaker": BreakerPolicy(consecutive_failures=1)}
        router = stage(a=script, b=WELL, targets={"a": fragile})
        await router.ask()
        trouble(router)

        told = await report(router)

        assert told.status is Status.DEGRADED
        assert told.why == (f"target a: {why}",)
        assert not told.targets[0].ready
        assert not router.board.place("a").is_well(router.clock.now())

    virtual_time.run(tell())


@virtual_time.test
async def test_a_target_that_lets_probes_in_is_not_ready_yet(stage: type[Stage]) -> None:
    fragile = {"breaker": BreakerPolicy(consecutive_failures=1)}
    router = stage(a=[(AttemptFailed(ErrorClass.TRANSIENT, "…"),), WELL], targets={"a": fragile})
    await router.refused()
    await asyncio.sleep(20.0)
    await router.ask()

    assert (await report(router)).why[0] == "target a: its breaker lets probes through only"


@virtual_time.test
async def test_a_target_with_no_place_free_is_busy_and_not_ill(stage: type[Stage]) -> None:
    router = stage(a=(3.0, *WELL), targets={"a": {"concurrency": 1}})

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(router.ask())
        await asyncio.sleep(1.0)
        told = await report(router)

    assert told.status is Status.READY
    assert told.targets[0].state.calls_in_flight == 1


@virtual_time.test
async def test_services_that_are_away_or_less_than_configured_degrade(stage: type[Stage]) -> None:
    router = stage(a=WELL)

    less = await report(router, NO_VALKEY)
    away = await report(router, replace(NO_VALKEY, ready=False, degraded=False, why="silent"))

    assert (less.status, less.why) == (Status.DEGRADED, ("service cache: Valkey is away",))
    assert (away.status, away.why) == (Status.DEGRADED, ("service cache: silent",))


@virtual_time.test
async def test_a_policy_that_was_refused_degrades_the_router(stage: type[Stage]) -> None:
    refused = PolicyRefused(digest="def", violations=())
    process = Process(standing=Standing(in_force="abc", refused=refused))

    told = await survey(stage(a=WELL), process).report()

    assert told.status is Status.DEGRADED
    assert told.why == (f"service router: {process.standing}",)


@virtual_time.test
async def test_a_router_that_drains_is_not_ready_and_has_been_so_since_then(
    stage: type[Stage],
) -> None:
    process, router = Process(), stage(a=WELL)
    surveyor = survey(router, process)
    await asyncio.sleep(100.0)
    before = await surveyor.report()
    process.serving = False
    after = await surveyor.report()

    assert (before.status, before.now - before.services[0].since) == (Status.READY, 100.0)
    assert (after.status, after.now - after.services[0].since) == (Status.NOT_READY, 0.0)
    assert after.now - after.began == 100.0


class Ticking(LoopClock):
    """Never shows the same time twice."""

    def __init__(self) -> None:
        super().__init__()
        self._ticks = itertools.count()

    def now(self) -> float:
        return super().now() + 0.001 * next(self._ticks)


@virtual_time.test
async def test_nothing_in_a_report_is_later_than_the_report(stage: type[Stage]) -> None:
    """A service had been looked at in the future, by a millisecond."""
    router = stage(a=WELL)
    router.clock = Ticking()

    told = await report(router, Sight(ready=True))

    assert all(each.since <= told.now for each in told.services)
    assert all(each.looked_at <= told.now for each in told.services)


@virtual_time.test
async def test_a_target_tells_its_usual_time_and_its_slow_one(stage: type[Stage]) -> None:
    router = stage(a=[*[(0.1, *WELL)] * 18, (1.5, *WELL)], b=WELL)
    for _ in range(20):
        await router.ask()

    told, untold = [each.first_content for each in (await report(router)).targets]

    assert told.usual == pytest.approx(0.1)
    assert told.slow == pytest.approx(1.5)
    assert told.answers == 20
    assert (untold.usual, untold.slow, untold.answers) == (None, None, 0)
