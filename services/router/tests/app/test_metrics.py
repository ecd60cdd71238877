"""What is measured of walks, their hops, their calls and their targets, by strict names."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.telemetry.readings import Distribution
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import distribution, number, said
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router import metric_names
from failsoft_router.core.policy import BreakerPolicy, Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_kit.telemetry import MetricName
    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Script, Stage

USAGE = Usage(input_tokens=7, output_tokens=3)
DONE = Ending(finish_reason=FinishReason.STOP, model="m", usage=USAGE)
ILL: Script = (AttemptFailed(ErrorClass.TRANSIENT, "…"),)
WELL: Script = (0.5, "hello", 1.0, DONE)
QUICK: Script = (0.5, "hello", DONE)
ONE_STRIKE = {"breaker": BreakerPolicy(consecutive_failures=1, good_probes=1)}
OF_A, OF_B = ("chat", "openai", "a-model"), ("chat", "openai", "b-model")


def told(router: Stage, name: MetricName) -> dict[tuple[str, ...], float]:
    """The series of a metric that are not 0; of a histogram, how often there was a value."""
    values = {
        labels: sum(value.counts) if isinstance(value, Distribution) else value
        for labels, value in said(router.meter, name).items()
    }
    return {labels: value for labels, value in values.items() if value}


@virtual_time.test
async def test_walks_are_told_by_what_their_callers_got(stage: type[Stage]) -> None:
    router = stage(hops=("a", "b", "mock"), a=[WELL, ILL, ILL], b=[WELL, ILL])

    await router.ask()
    await router.stream()
    await router.ask()

    assert told(router, metric_names.WALKS) == {
        ("chat", "none", ""): 1,
        ("chat", "fallback_target", ""): 1,
        ("chat", "mock", ""): 1,
    }
    took = distribution(router.meter, metric_names.WALK_DURATION, "chat", "none")
    assert (sum(took.counts), took.sum) == (1, 1.5)
    calls = distribution(router.meter, metric_names.WALK_CALLS, "chat")
    assert calls.counts[:3] == (0, 1, 2)


@virtual_time.test
async def test_walks_without_an_answer_are_told_by_the_reason(stage: type[Stage]) -> None:
    fault: Script = (AttemptFailed(ErrorClass.CALLER_FAULT, "…"),)
    router = stage(a=[ILL, fault, (60.0, DONE)])

    await router.refused()
    await router.refused()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await router.ask()

    assert told(router, metric_names.WALKS) == {
        ("chat", "failed", "ROUTE_EXHAUSTED"): 1,
        ("chat", "failed", "INVALID_REQUEST"): 1,
        ("chat", "failed", "cancelled"): 1,
    }


@virtual_time.test
async def test_walks_are_told_by_what_the_cache_said_of_them(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=WELL)

    await router.ask(question(temperature=0.0))
    await router.ask(question(temperature=0.0))

    assert told(router, metric_names.WALK_CACHE) == {("chat", "miss"): 1, ("chat", "hit_fresh"): 1}


@virtual_time.test
async def test_nothing_is_told_by_tenant_unless_the_operator_names_some(
    stage: type[Stage],
) -> None:
    router = stage(a=WELL)

    await router.ask()

    assert not {metric_names.TENANT_WALKS, metric_names.TENANT_TOKENS} & router.meter.made()


@virtual_time.test
async def test_a_tenant_that_is_named_is_told_with_its_tokens(stage: type[Stage]) -> None:
    router = stage(metrics_tenants=["acme"], a=[WELL, ILL])

    await router.ask()
    await router.refused()

    assert told(router, metric_names.TENANT_WALKS) == {("acme", "none"): 1, ("acme", "failed"): 1}
    assert told(router, metric_names.TENANT_TOKENS) == {("acme", "input"): 7, ("acme", "output"): 3}


@virtual_time.test
async def test_tenants_that_are_not_named_are_told_together(stage: type[Stage]) -> None:
    router = stage(metrics_tenants=["globex"], a=WELL)

    await router.ask()

    assert told(router, metric_names.TENANT_WALKS) == {("other", "none"): 1}
    assert told(router, metric_names.TENANT_TOKENS) == {
        ("other", "input"): 7,
        ("other", "output"): 3,
    }


@virtual_time.test
async def test_a_target_is_ready_while_walks_call_it(stage: type[Stage]) -> None:
    """A breaker that is half-open lets probes in, and is not well yet."""
    limited: Script = (AttemptFailed(ErrorClass.RATE_LIMITED, "…", retry_after=30.0),)
    router = stage(
        limits=stage.patient(),
        targets={"a": ONE_STRIKE, "busy": {"concurrency": 1}},
        a=ILL,
        b=limited,
        busy=(0.5, "hello", 2.0, DONE),
    )
    assert told(router, metric_names.READY) == {("a",): 1, ("b",): 1, ("busy",): 1}

    async with router.supervised(), asyncio.TaskGroup() as callers:
        callers.create_task(router.ask())
        await asyncio.sleep(1.0)
        assert told(router, metric_names.READY) == {("busy",): 1}

    await asyncio.sleep(31.0)
    assert told(router, metric_names.READY) == {("b",): 1, ("busy",): 1}


@virtual_time.test
async def test_hops_are_told_by_how_they_ended_and_why(stage: type[Stage]) -> None:
    router = stage(hops=("a", "b", "mock"), targets={"a": ONE_STRIKE}, a=ILL, b=[WELL, ILL])

    await router.ask()
    await router.ask()

    assert told(router, metric_names.HOPS) == {
        ("a", "failed", "", "transient"): 1,
        ("a", "skipped", "circuit_open", ""): 1,
        ("b", "served", "", ""): 1,
        ("b", "failed", "", "transient"): 1,
        ("mock", "served", "", ""): 1,
    }


@virtual_time.test
async def test_a_call_that_its_walk_left_is_one_hop_and_one_call(stage: type[Stage]) -> None:
    router = stage(a=(3.5, "late", DONE), b=WELL)

    async with router.supervised():
        await router.ask(within=4.0)
        await asyncio.sleep(60.0)

    assert told(router, metric_names.HOPS) == {
        ("a", "probing", "", ""): 1,
        ("b", "served", "", ""): 1,
    }
    assert told(router, metric_names.CALL_DURATION) == {(*OF_A, "cancelled"): 1, (*OF_B, ""): 1}


@virtual_time.test
async def test_a_probe_that_outlives_its_hop_adds_none(stage: type[Stage]) -> None:
    endless: Script = ("hel", 1000.0, DONE)
    router = stage(limits=stage.patient(), targets={"a": ONE_STRIKE}, a=[ILL, endless])

    await router.refused()
    await asyncio.sleep(120.0)
    async with router.supervised():
        await router.refused(within=5.0)
        await asyncio.sleep(60.0)

    assert told(router, metric_names.HOPS) == {
        ("a", "failed", "", "transient"): 1,
        ("a", "failed", "", "timeout_total"): 1,
    }
    assert told(router, metric_names.CALL_DURATION) == {
        (*OF_A, "transient"): 1,
        (*OF_A, "timeout_total"): 1,
    }


@virtual_time.test
async def test_calls_are_told_by_provider_model_and_error(stage: type[Stage]) -> None:
    router = stage(a=ILL, b=WELL)

    await router.ask()

    assert told(router, metric_names.CALL_DURATION) == {(*OF_A, "transient"): 1, (*OF_B, ""): 1}
    assert distribution(router.meter, metric_names.CALL_DURATION, *OF_B, "").sum == 1.5
    assert told(router, metric_names.CALL_FIRST_CONTENT) == {OF_B: 1}
    assert distribution(router.meter, metric_names.CALL_FIRST_CONTENT, *OF_B).sum == 0.5


@virtual_time.test
async def test_tokens_are_told_once_for_each_call_that_told_them(stage: type[Stage]) -> None:
    router = stage(a=[ILL, WELL, WELL, WELL], b=WELL)

    for _ in range(3):
        await router.ask()

    for of in (OF_A, OF_B):
        answered = 2 if of == OF_A else 1
        for kind, each in ((metric_names.INPUT, 7), (metric_names.OUTPUT, 3)):
            tokens = distribution(router.meter, metric_names.CALL_TOKENS, *of, kind)
            assert (sum(tokens.counts), tokens.sum) == (answered, answered * each)


@virtual_time.test
async def test_a_breakers_state_its_transitions_and_its_probes_are_told(
    stage: type[Stage],
) -> None:
    router = stage(targets={"a": ONE_STRIKE}, a=[ILL, WELL], b=WELL)

    assert told(router, metric_names.BREAKER) == {("a", "closed"): 1, ("b", "closed"): 1}
    await router.ask()
    assert told(router, metric_names.BREAKER) == {("a", "open"): 1, ("b", "closed"): 1}
    assert told(router, metric_names.BREAKER_TRANSITIONS) == {("a", "open"): 1}

    await asyncio.sleep(120.0)
    async with router.supervised():
        await router.ask()
        await asyncio.sleep(60.0)

    assert told(router, metric_names.BREAKER) == {("a", "closed"): 1, ("b", "closed"): 1}
    assert told(router, metric_names.BREAKER_TRANSITIONS) == {
        ("a", "open"): 1,
        ("a", "half_open"): 1,
        ("a", "closed"): 1,
    }
    assert told(router, metric_names.PROBES) == {("a", "ok"): 1}


@virtual_time.test
async def test_a_gate_that_is_shut_is_told_until_it_opens(stage: type[Stage]) -> None:
    limited: Script = (AttemptFailed(ErrorClass.RATE_LIMITED, "…", retry_after=30.0),)
    router = stage(a=[limited], b=WELL)

    await router.ask()
    assert told(router, metric_names.GATE_SHUT) == {("a", "quota"): 1}
    await asyncio.sleep(31.0)
    assert told(router, metric_names.GATE_SHUT) == {}


@virtual_time.test
async def test_second_attempts_and_what_is_left_of_them_are_told(stage: type[Stage]) -> None:
    router = stage(targets={"a": {"attempts": 2}}, a=[ILL, WELL])

    await asyncio.sleep(100.0)
    assert number(router.meter, metric_names.RETRY_BUDGET, "a") == 10
    await router.ask()

    assert number(router.meter, metric_names.RETRIES, "a") == 1
    assert 9 <= number(router.meter, metric_names.RETRY_BUDGET, "a") < 10.5


@virtual_time.test
async def test_calls_in_flight_and_waiting_are_told_while_they_are(stage: type[Stage]) -> None:
    router = stage(limits=stage.patient(), targets={"a": {"concurrency": 1}}, a=QUICK)

    async with router.supervised(), asyncio.TaskGroup() as callers:
        for _ in range(3):
            callers.create_task(router.ask())
        await asyncio.sleep(0.1)
        assert number(router.meter, metric_names.IN_FLIGHT, "a") == 1
        assert number(router.meter, metric_names.WAITING, "a") == 2

    assert number(router.meter, metric_names.IN_FLIGHT, "a") == 0
    assert number(router.meter, metric_names.WAITING, "a") == 0


@virtual_time.test
async def test_names_of_a_policy_that_comes_into_force_are_told(stage: type[Stage]) -> None:
    router = stage(a=WELL)
    await router.ask()

    policy = router.board.policy
    router.targets["new"] = router.targets["a"]
    target = replace(policy.targets["a"], name="new", model="new-model")
    route = replace(policy.routes["chat"], name="talk", hops=("new",))
    router.boards.adopt(replace(policy, targets={"new": target}, routes={"talk": route}))
    await router.ask()

    assert told(router, metric_names.WALKS) == {("chat", "none", ""): 1, ("talk", "none", ""): 1}
    assert told(router, metric_names.HOPS) == {
        ("a", "served", "", ""): 1,
        ("new", "served", "", ""): 1,
    }
    assert told(router, metric_names.BREAKER) == {("new", "closed"): 1}


@virtual_time.test
async def test_every_declared_metric_has_a_series_once_a_target_was_probed(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    local = {"provider": Provider.FAILSOFT, "endpoint": "kubernetes:///models/llama:grpc"}
    router = stage(
        targets={"a": ONE_STRIKE, "c": local}, metrics_tenants=["acme"], a=[ILL, WELL], b=WELL, c=()
    )

    await router.ask()
    await asyncio.sleep(120.0)
    async with router.supervised():
        await router.ask(question(temperature=0.0))
        await asyncio.sleep(60.0)

    assert {reading.name for reading in router.meter.read()} == set(metric_names.METRICS)


@virtual_time.test
async def test_a_hop_that_an_earlier_probe_overtook_was_given_up(stage: type[Stage]) -> None:
    back: Script = (2.0, "back", DONE)
    router = stage(targets={"a": ONE_STRIKE}, a=[ILL, back], b=[QUICK, (3.0, "hi", DONE)])

    await router.ask()
    await asyncio.sleep(120.0)
    await router.ask()

    assert told(router, metric_names.HOPS) == {
        ("a", "failed", "", "transient"): 1,
        ("b", "served", "", ""): 1,
        ("a", "served", "", ""): 1,
        ("b", "failed", "", "cancelled"): 1,
    }


@virtual_time.test
async def test_a_probe_that_was_judged_while_it_spoke_was_good(stage: type[Stage]) -> None:
    """Its caller left it, and it was ended some time later."""
    endless: Script = tuple(step for _ in range(100) for step in ("word", 1.5))
    router = stage(targets={"a": ONE_STRIKE}, a=[ILL, endless])

    await router.refused()
    await asyncio.sleep(120.0)
    async with router.supervised():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7.0):
                await router.ask()
        await asyncio.sleep(60.0)

    assert told(router, metric_names.PROBES) == {("a", "ok"): 1}
