"""Whoever reads a plan is told in words why a hop will not be tried."""

from dataclasses import replace
from typing import TypedDict, Unpack

import pytest

from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Degradation,
    Message,
    Role,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_router.core.draft import draft
from failsoft_router.core.plan import PlannedHop, after_too_long, plan
from failsoft_router.core.policy import (
    Policy,
    Provider,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)

ASKED = ChatRequest(model="chat", messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),))
ANYBODY = TenantPolicy(allow_mock=True)
FIRST = TargetPolicy(
    name="first",
    provider=Provider.OPENAI,
    model="m",
    endpoint="https://api.example.com/v1",
    context_tokens=100,
)
ROUTE = RoutePolicy(name="chat", hops=("first", "second", "cache", "mock"))
POLICY = Policy(
    targets={"first": FIRST, "second": replace(FIRST, name="second")}, routes={"chat": ROUTE}
)


class Facts(TypedDict, total=False):
    """What is not as usual: somebody's word, or what the router has."""

    asked: ChatRequest
    tenant: TenantPolicy
    route: RoutePolicy
    has_cache: bool
    without_credential: frozenset[str]


def planned(**facts: Unpack[Facts]) -> dict[str, PlannedHop]:
    drafted = draft(
        POLICY,
        facts.get("route", ROUTE),
        facts.get("tenant", ANYBODY),
        model="chat",
        without_credential=facts.get("without_credential", frozenset()),
        has_cache=facts.get("has_cache", True),
    )
    return {hop.name: hop for hop in plan(drafted, facts.get("asked", ASKED)).hops}


def refusing(degradation: Degradation) -> ChatRequest:
    return replace(ASKED, refused_degradations=frozenset({degradation}))


UNCACHED = replace(ASKED, cache_control=CacheControl(no_cache=True, no_store=True))
CALLING = replace(ASKED, tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED))


@pytest.mark.parametrize(
    ("facts", "name", "words"),
    [
        (
            Facts(tenant=TenantPolicy(no_external=True)),
            "first",
            "the tenant forbids external targets",
        ),
        (Facts(without_credential=frozenset({"first"})), "first", "its credential is not there"),
        (
            Facts(asked=refusing(Degradation.FALLBACK_TARGET)),
            "second",
            "the caller wants no fallback target",
        ),
        (Facts(has_cache=False), "cache", "the router has no cache"),
        (Facts(route=replace(ROUTE, cache=None)), "cache", "the route stores nothing"),
        (
            Facts(tenant=TenantPolicy(allow_stale=False)),
            "cache",
            "the tenant wants no stale answers",
        ),
        (
            Facts(asked=refusing(Degradation.STALE_CACHE)),
            "cache",
            "the caller wants no stale answer",
        ),
        (Facts(asked=UNCACHED), "cache", "the caller keeps its question from the cache"),
        (Facts(tenant=TenantPolicy()), "mock", "the tenant allows no mock answers"),
        (Facts(asked=refusing(Degradation.MOCK)), "mock", "the caller wants no mock answer"),
        (Facts(asked=CALLING), "mock", "a mock calls no tools, and a call is required"),
    ],
)
def test_a_skip_says_why(facts: Facts, name: str, words: str) -> None:
    hop = planned(**facts)[name]

    assert hop.skip is not None
    assert hop.detail == words


def test_a_router_has_a_cache_unless_it_is_said_to_have_none() -> None:
    made = plan(draft(POLICY, ROUTE, ANYBODY, model="chat"), ASKED)

    assert made.route is ROUTE
    assert [hop.name for hop in made.hops if hop.skip is None] == list(ROUTE.hops)


def test_what_was_too_long_for_one_says_for_whom() -> None:
    made = plan(draft(POLICY, ROUTE, ANYBODY, model="chat"), ASKED)

    _, second, *_ = after_too_long(made, "first", POLICY).hops

    assert second.detail == "first, with a context of 100 tokens, found the request too long"
