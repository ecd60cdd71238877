"""The log has one line for each walk that fell back or failed and for each gate that changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.core.egress import HOLD
from failsoft_router.core.policy import BreakerPolicy, Provider, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

Lines = list[MutableMapping[str, Any]]

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
LIMITED = AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=30.0)
REFUSED = AttemptFailed(ErrorClass.CREDENTIAL, "the provider refused the credential")
WRONG = AttemptFailed(ErrorClass.CALLER_FAULT, "the request is wrong")
NO_CONNECTION = AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1, good_probes=1)}
LOCAL = {"provider": Provider.FAILSOFT, "endpoint": "127.0.0.1:50051"}


@pytest.fixture
def log() -> Iterator[Lines]:
    """Every event that is logged during the test."""
    with capture_logs() as lines:
        yield lines


def told(log: Lines, event: str, *facts: str) -> list[tuple[object, ...]]:
    """These facts of each line of that event; its severity first."""
    return [(each["log_level"], *map(each.get, facts)) for each in log if each["event"] == event]


@virtual_time.test
async def test_a_walk_that_goes_as_planned_says_nothing(stage: type[Stage], log: Lines) -> None:
    router = stage(a=("hi", DONE), b=("ho", DONE))

    await router.ask()
    await router.stream()

    assert log == []


@virtual_time.test
async def test_a_fallback_is_one_line_with_every_hop(stage: type[Stage], log: Lines) -> None:
    router = stage(a=(BUSY,), b=(0.25, "hi", DONE), targets={"a": {"attempts": 1}})

    await router.ask()

    facts = ("walk_id", "route", "served_by", "degradation", "hops", "ms")
    assert told(log, "walk.fell_back", *facts) == [
        ("info", "walk-1", "chat", "b", "fallback_target", "a failed (transient), b served", 250.0)
    ]
    walk = router.spans.one("failsoft.walk")
    assert told(log, "walk.fell_back", "trace_id", "span_id") == [
        ("info", walk.context.trace_hex, f"{walk.context.span_id:016x}")
    ]
    assert told(log, "walk.failed") == []


@virtual_time.test
async def test_a_mock_is_a_fallback(stage: type[Stage], log: Lines) -> None:
    router = stage(a=(BUSY,), hops=("a", "mock"), tenant=TenantPolicy(allow_mock=True))

    await router.stream()

    assert told(log, "walk.fell_back", "served_by", "degradation") == [("info", "mock", "mock")]


@virtual_time.test
async def test_a_walk_that_nobody_served_is_one_line(stage: type[Stage], log: Lines) -> None:
    router = stage(a=(LIMITED,), b=(BUSY,))

    await router.refused()

    assert told(log, "walk.failed", "walk_id", "reason", "cause", "hops") == [
        (
            "warning",
            "walk-1",
            "ROUTE_EXHAUSTED",
            "rate_limited",
            "a failed (rate_limited), b failed (transient)",
        )
    ]
    assert told(log, "walk.fell_back") == []


@virtual_time.test
async def test_what_is_the_callers_own_doing_is_no_failed_walk(
    stage: type[Stage], log: Lines
) -> None:
    await stage(a=(WRONG,)).refused()

    hanging = stage(a=(1000.0,), limits=stage.patient())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hanging.ask(), timeout=1.0)

    assert told(log, "walk.failed") == []


@virtual_time.test
async def test_each_change_of_a_breaker_is_one_line(stage: type[Stage], log: Lines) -> None:
    router = stage(a=[(BUSY,), ("hi", DONE)], b=("ho", DONE), targets={"a": TOUCHY})

    await router.ask()
    await router.ask()
    await asyncio.sleep(6.0)
    await router.ask()

    assert told(log, "breaker.changed", "target", "before", "state", "why", "retry_in") == [
        ("warning", "a", "closed", "open", "transient", 5.0),
        ("info", "a", "open", "half_open", None, None),
        ("info", "a", "half_open", "closed", None, None),
    ]
    hops = [f"{hop.context.span_id:016x}" for hop in router.spans.named("failsoft.hop")]
    assert all(span_id in hops for _, span_id in told(log, "breaker.changed", "span_id"))


@virtual_time.test
async def test_a_burst_of_refusals_shuts_a_gate_with_one_line(
    stage: type[Stage], log: Lines
) -> None:
    router = stage(a=(0.1, LIMITED), b=("ho", DONE))

    async with router.supervised():
        await asyncio.gather(*(router.ask() for _ in range(5)))

    assert len(router.targets["a"].calls) == 5
    assert told(log, "gate.shut", "target", "gate", "why", "retry_in") == [
        ("warning", "a", "quota", "rate_limited", 30.0)
    ]


@virtual_time.test
async def test_a_refused_key_is_one_line_without_the_key(stage: type[Stage], log: Lines) -> None:
    router = stage(a=(REFUSED,), b=("ho", DONE))

    await router.ask()
    await router.ask()

    assert told(log, "gate.shut", "gate", "why") == [
        ("warning", "credential_quarantine", "credential")
    ]


@virtual_time.test
async def test_our_own_way_out_is_told_of_when_it_goes_and_when_it_comes(
    stage: type[Stage], log: Lines
) -> None:
    router = stage(
        a=[(NO_CONNECTION,), ("hi", DONE)],
        b=(NO_CONNECTION,),
        local=("ho", DONE),
        targets={"local": LOCAL},
    )

    await router.ask()
    await router.ask()
    assert [line["event"] for line in log if line["event"].startswith("egress.")] == ["egress.down"]
    await asyncio.sleep(HOLD)
    await router.ask()

    assert told(log, "egress.down") == [("warning",)]
    assert told(log, "egress.back") == [("info",)]
