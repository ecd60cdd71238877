"""Whatever happens to the router, its health is told in the form that was promised."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from health_schema import mistakes
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import Degradation
from failsoft_model.walk import ErrorClass, SkipReason
from failsoft_router.api.health.document import health_document
from failsoft_router.app.health.neighbourhood import ServiceKind, ServiceState
from failsoft_router.app.health.report import FirstContent, HealthReport, TargetHealth
from failsoft_router.app.targets.reload import Standing
from failsoft_router.app.targets.state import CredentialState, GateState, HealthState, TargetState
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.core.policy import (
    CredentialSource,
    Provider,
    RoutePolicy,
    TargetKind,
    TargetPolicy,
)
from failsoft_router.core.recent_walks import WalkCounts
from failsoft_router.core.sight import EngineSight, Sight
from failsoft_router.core.window import Counts

NOW = 1000.0
UNIX = 1_800_000_000.25
GATES = (
    SkipReason.ISOLATED,
    SkipReason.CREDENTIAL_QUARANTINE,
    SkipReason.TARGET_GONE,
    SkipReason.QUOTA,
    SkipReason.SAME_FATE,
    SkipReason.BULKHEAD,
)

POLICY = TargetPolicy(
    name="cloud",
    provider=Provider.OPENAI,
    model="gpt-5-mini",
    endpoint="https://secret-host.example.com/v1",
    credential=CredentialSource(file="/etc/keys/openai"),
)
CLOSED = HealthState(
    state=State.CLOSED,
    due_at=None,
    consecutive_failures=0,
    counts=Counts(calls=12, failures=1, slow=2),
    last_error=None,
    changed_at=None,
    fallen_silent=False,
)
TARGET = TargetHealth(
    state=TargetState(
        policy=POLICY,
        credential=CredentialState.PRESENT,
        health=CLOSED,
        gates=tuple(GateState(skip_reason=each, shut=False) for each in GATES),
        calls_in_flight=3,
        tokens_in_flight=0,
        usual=0.25,
    ),
    first_content=FirstContent(usual=0.25, slow=1.5, answers=32),
)
ROUTER = ServiceState(
    name="router",
    kind=ServiceKind.ROUTER,
    sight=Sight(ready=True, why="policy abc is in force"),
    since=NOW - 60.0,
    looked_at=NOW,
)
LOCAL = ServiceState(
    name="local",
    kind=ServiceKind.INFERENCE,
    sight=Sight(
        ready=True,
        degraded=True,
        why="minimal serves instead of primary",
        engine=EngineSight(
            name="openvino", profile="minimal", answered_by="smollm2", loading=False
        ),
    ),
    since=NOW - 30.0,
    looked_at=NOW - 2.0,
)
REPORT = HealthReport(
    now=NOW,
    began=NOW - 60.0,
    policy=Standing(in_force="abc"),
    services=(ROUTER, LOCAL),
    targets=(TARGET,),
    routes={"chat": RoutePolicy(name="chat", hops=("cloud",))},
    walks=WalkCounts(answered={**dict.fromkeys(Degradation, 0), Degradation.NONE: 3}, unanswered=1),
)

MOMENTS = st.none() | st.floats(0.0, 5000.0)
ERRORS = st.none() | st.sampled_from(ErrorClass)
COUNTS = st.integers(0, 2**40)
WORDS = st.text(max_size=20)

policies = st.builds(
    replace,
    st.just(POLICY),
    provider=st.sampled_from(Provider),
    kind=st.sampled_from(TargetKind),
    tokens_in_flight=COUNTS,
)
breakers = st.builds(
    HealthState,
    state=st.sampled_from(State),
    due_at=MOMENTS,
    consecutive_failures=COUNTS,
    counts=st.builds(Counts, calls=COUNTS, failures=COUNTS, slow=COUNTS),
    last_error=ERRORS,
    changed_at=st.none() | st.floats(0.0, NOW),
    fallen_silent=st.booleans(),
)
gates = st.builds(
    GateState,
    skip_reason=st.sampled_from(GATES),
    shut=st.booleans(),
    due_at=MOMENTS,
    detail=WORDS,
    last_error=ERRORS,
    changed_at=st.none() | st.floats(0.0, NOW),
)
targets = st.builds(
    TargetHealth,
    state=st.builds(
        TargetState,
        policy=policies,
        credential=st.sampled_from(CredentialState),
        health=breakers,
        gates=st.lists(gates, max_size=6).map(tuple),
        calls_in_flight=COUNTS,
        tokens_in_flight=COUNTS,
        usual=MOMENTS,
    ),
    first_content=st.builds(FirstContent, usual=MOMENTS, slow=MOMENTS, answers=st.integers(0, 32)),
)
sights = st.builds(
    Sight,
    ready=st.booleans(),
    degraded=st.booleans(),
    why=WORDS,
    engine=st.none()
    | st.builds(EngineSight, name=WORDS, profile=WORDS, answered_by=WORDS, loading=st.booleans()),
)
services = st.builds(
    ServiceState,
    name=st.text(min_size=1, max_size=10),
    kind=st.sampled_from(ServiceKind),
    sight=sights,
    since=st.floats(0.0, NOW),
    looked_at=st.floats(0.0, NOW),
)
refusals = st.none() | st.builds(PolicyRefused, digest=st.just("def"), violations=st.just(()))
reports = st.builds(
    HealthReport,
    now=st.just(NOW),
    began=st.floats(0.0, NOW),
    policy=st.builds(Standing, in_force=st.just("abc"), refused=refusals),
    services=st.lists(services, min_size=1, max_size=3).map(tuple),
    targets=st.lists(targets, max_size=3).map(tuple),
    routes=st.just(REPORT.routes),
    walks=st.builds(
        WalkCounts,
        answered=st.fixed_dictionaries(dict.fromkeys(Degradation, COUNTS)),
        unanswered=COUNTS,
    ),
)


def told(report: HealthReport) -> dict[str, Any]:
    """As whoever asks reads it."""
    document: dict[str, Any] = json.loads(orjson.dumps(health_document(report, unix=UNIX)))
    return document


@given(reports)
def test_every_report_is_told_as_the_schema_says(report: HealthReport) -> None:
    assert mistakes(told(report)) == []


def test_the_schema_refuses_what_nobody_promised() -> None:
    """Else the test above would prove nothing."""
    more = told(REPORT) | {"more": 1}
    less = told(REPORT)
    del less["walks"]

    assert mistakes(more)
    assert mistakes(less)
    assert mistakes(told(REPORT) | {"status": "fine"})


def test_a_router_that_is_well_but_for_its_small_model() -> None:
    document = told(REPORT)

    assert document["status"] == "degraded"
    assert document["why"] == ["service local: minimal serves instead of primary"]
    assert document["at"] == "2027-01-15T08:00:00.250+00:00"
    assert document["running_for"] == 60.0
    assert document["services"][1] == {
        "name": "local",
        "kind": "inference",
        "ready": True,
        "degraded": True,
        "why": "minimal serves instead of primary",
        "age": 30.0,
        "looked_ago": 2.0,
        "engine": {
            "name": "openvino",
            "profile": "minimal",
            "answered_by": "smollm2",
            "loading": False,
        },
    }
    assert document["walks"] == {
        "window": 300.0,
        "ended": 4,
        "fallback_share": 0.0,
        "by_degradation": {
            "none": 3,
            "fallback_target": 0,
            "stale_cache": 0,
            "similar_cache": 0,
            "mock": 0,
        },
        "unanswered": 1,
    }


@pytest.mark.parametrize(
    ("state", "due_at", "due_in"),
    [
        (State.CLOSED, None, None),
        (State.OPEN, NOW + 4.5, 4.5),
        (State.OPEN, NOW - 1.0, 0.0),
        (State.HALF_OPEN, None, 0.0),
    ],
)
def test_a_breaker_says_when_a_probe_may_go(
    state: State, due_at: float | None, due_in: float | None
) -> None:
    health = replace(CLOSED, state=state, due_at=due_at, changed_at=NOW - 2.0)
    ill = replace(TARGET, state=replace(TARGET.state, health=health))

    (target,) = told(replace(REPORT, targets=(ill,)))["targets"]

    assert target["breaker"]["due_in"] == due_in
    assert target["breaker"]["last_transition_ago"] == 2.0


def test_where_a_target_is_and_where_its_key_lies_are_nobodys_business() -> None:
    whole = json.dumps(told(REPORT))

    assert "secret-host" not in whole
    assert "/etc/keys" not in whole
