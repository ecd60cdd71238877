"""The plan: hops in the right order, each that cannot be tried with its reason."""

from dataclasses import replace

import pytest

from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Degradation,
    Image,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
)
from failsoft_model.walk import Capability, SkipReason
from failsoft_router.core.draft import draft
from failsoft_router.core.plan import HopKind, Plan, plan
from failsoft_router.core.policy import (
    Policy,
    Provider,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)

EVERYTHING = frozenset(Capability)
ANYBODY = TenantPolicy(allow_mock=True)


def target(
    name: str,
    *,
    model: str = "",
    capabilities: frozenset[Capability] = EVERYTHING,
    external: bool = True,
) -> TargetPolicy:
    return TargetPolicy(
        name=name,
        provider=Provider.OPENAI,
        model=model or f"{name}-model",
        endpoint="https://api.example.com/v1",
        capabilities=capabilities,
        external=external,
    )


TARGETS = (target("a"), target("b"), target("home", external=False))
ROUTE = RoutePolicy(name="chat", hops=("a", "b", "home", "cache", "mock"))


def request(
    *parts: Part,
    model: str = "chat",
    tools: tuple[Tool, ...] = (),
    response_format: ResponseFormat | None = None,
    continue_from: str = "",
    refuses: frozenset[Degradation] = frozenset(),
) -> ChatRequest:
    return ChatRequest(
        model=model,
        messages=(Message(role=Role.USER, parts=parts or (Text(text="hi"),)),),
        tools=tools,
        response_format=response_format or ResponseFormat(),
        continue_from=continue_from,
        refused_degradations=refuses,
    )


def made(
    asked: ChatRequest | None = None,
    *,
    tenant: TenantPolicy = ANYBODY,
    route: RoutePolicy = ROUTE,
    targets: tuple[TargetPolicy, ...] = TARGETS,
    without_credential: frozenset[str] = frozenset(),
    has_cache: bool = True,
) -> Plan:
    policy = Policy(targets={each.name: each for each in targets}, routes={route.name: route})
    asked = asked or request()
    drafted = draft(
        policy,
        route,
        tenant,
        model=asked.model,
        without_credential=without_credential,
        has_cache=has_cache,
    )
    return plan(drafted, asked)


def order(made_plan: Plan) -> list[str]:
    return [hop.name for hop in made_plan.hops]


def skips(made_plan: Plan) -> dict[str, SkipReason]:
    return {hop.name: hop.skip for hop in made_plan.hops if hop.skip is not None}


# Order.


def test_the_routes_order_is_kept_and_numbered_from_one() -> None:
    whole = made()

    assert order(whole) == ["a", "b", "home", "cache", "mock"]
    assert [hop.position for hop in whole.hops] == [1, 2, 3, 4, 5]
    assert [hop.kind for hop in whole.hops] == [
        HopKind.TARGET,
        HopKind.TARGET,
        HopKind.TARGET,
        HopKind.CACHE,
        HopKind.MOCK,
    ]
    assert skips(whole) == {}
    assert {hop.detail for hop in whole.hops} == {""}


def test_what_the_tenant_prefers_comes_first_and_nothing_twice() -> None:
    tenant = TenantPolicy(prefer={"chat": ("home", "b"), "other": ("a",)}, allow_mock=True)

    assert order(made(tenant=tenant)) == ["home", "b", "a", "cache", "mock"]


def test_a_preference_that_is_no_hop_of_the_route_is_passed_over() -> None:
    route = RoutePolicy(name="chat", hops=("a", "b"))
    tenant = TenantPolicy(prefer={"chat": ("home", "b")})

    assert order(made(tenant=tenant, route=route)) == ["b", "a"]


def test_the_hop_whose_own_model_was_asked_for_comes_before_any_preference() -> None:
    tenant = TenantPolicy(prefer={"chat": ("b",)}, allow_mock=True)

    assert order(made(request(model="home-model"), tenant=tenant)) == [
        "home",
        "b",
        "a",
        "cache",
        "mock",
    ]


def test_two_targets_of_the_model_that_was_asked_for_keep_the_routes_order() -> None:
    targets = (target("a"), target("b", model="same"), target("home", model="same"))

    assert order(made(request(model="same"), targets=targets))[:3] == ["b", "home", "a"]


# Skips.


def test_a_target_without_its_credential_is_skipped() -> None:
    whole = made(without_credential=frozenset({"a"}))

    assert skips(whole) == {"a": SkipReason.NO_CREDENTIAL}
    assert whole.hops[0].detail == "its credential is not there"


def test_a_tenant_may_forbid_external_targets() -> None:
    """And then it does not matter whether there is a key for them."""
    tenant = TenantPolicy(no_external=True, allow_mock=True)
    whole = made(tenant=tenant, without_credential=frozenset({"a"}))

    assert skips(whole) == {"a": SkipReason.TENANT_POLICY, "b": SkipReason.TENANT_POLICY}


IMAGE = Image(url="https://example.com/cat.png")
SCHEMA = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="x", schema_json="{}")
JSON = ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)
REGEX = ResponseFormat(kind=ResponseFormatKind.REGEX, regex="[a-z]+")
CHOICE = ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("yes", "no"))


def sampled(sampling: Sampling) -> ChatRequest:
    return replace(request(), sampling=sampling)


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        (request(tools=(Tool(name="weather"),)), Capability.TOOLS),
        (request(response_format=SCHEMA), Capability.JSON_SCHEMA),
        (request(response_format=JSON), Capability.JSON_SCHEMA),
        (request(Text(text="what is this?"), IMAGE), Capability.VISION),
        (request(continue_from="Once upon"), Capability.CONTINUE),
        (sampled(Sampling(logprobs=True)), Capability.LOGPROBS),
        (sampled(Sampling(logprobs=True, top_logprobs=5)), Capability.TOP_LOGPROBS),
        (sampled(Sampling(logit_bias=((50256, -100.0),))), Capability.LOGIT_BIAS),
        (request(response_format=REGEX), Capability.REGEX),
        (request(response_format=CHOICE), Capability.CHOICE),
    ],
)
def test_a_target_that_cannot_do_what_is_asked_is_skipped(
    asked: ChatRequest, needed: Capability
) -> None:
    targets = (target("a", capabilities=EVERYTHING - {needed}), target("b"))
    whole = made(asked, targets=targets, route=RoutePolicy(name="chat", hops=("a", "b")))

    assert skips(whole) == {"a": SkipReason.CAPABILITY}
    assert whole.hops[0].detail == f"it cannot do: {needed.value}"
    assert whole.best == "b"


def test_everything_that_a_target_cannot_do_is_named() -> None:
    asked = request(IMAGE, tools=(Tool(name="weather"),))
    targets = (target("a", capabilities=frozenset()),)
    whole = made(asked, targets=targets, route=RoutePolicy(name="chat", hops=("a",)))

    assert whole.hops[0].detail == "it cannot do: tools, vision"


def test_plain_text_needs_no_capability() -> None:
    targets = (target("a", capabilities=frozenset()),)

    assert made(targets=targets, route=RoutePolicy(name="chat", hops=("a",))).best == "a"


def test_a_route_that_stores_nothing_has_no_stored_answer() -> None:
    route = RoutePolicy(name="chat", hops=("a", "cache"), cache=None)

    assert skips(made(route=route)) == {"cache": SkipReason.NO_STORED_ANSWER}


def test_a_router_without_a_cache_has_no_stored_answer() -> None:
    whole = made(has_cache=False)

    assert skips(whole) == {"cache": SkipReason.NO_STORED_ANSWER}
    assert whole.hops[3].detail == "the router has no cache"


def test_a_caller_that_neither_reads_nor_writes_the_cache_is_not_looked_up() -> None:
    control = CacheControl(no_cache=True, no_store=True)
    asked = replace(request(), cache_control=control)

    assert skips(made(asked)) == {"cache": SkipReason.REFUSED_BY_CALLER}
    assert skips(made(replace(asked, cache_control=CacheControl(no_cache=True)))) == {}


def test_a_tenant_may_want_no_stale_answers() -> None:
    tenant = TenantPolicy(allow_stale=False, allow_mock=True)

    assert skips(made(tenant=tenant)) == {"cache": SkipReason.TENANT_POLICY}


def test_a_tenant_gets_no_mock_answers_unless_it_allows_them() -> None:
    assert skips(made(tenant=TenantPolicy())) == {"mock": SkipReason.TENANT_POLICY}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            request(response_format=JSON, continue_from='{"a'),
            "a mock cannot go on from the middle of JSON",
        ),
        (sampled(Sampling(logprobs=True)), "a mock has no probabilities"),
        (request(response_format=REGEX), "a mock matches no regular expression"),
    ],
)
def test_what_rules_a_mock_out_at_first_sight_skips_it(asked: ChatRequest, why: str) -> None:
    whole = made(asked)

    assert skips(whole) == {"mock": SkipReason.CAPABILITY}
    assert whole.hops[-1].detail == why


@pytest.mark.parametrize(
    ("refused", "hop"), [(Degradation.STALE_CACHE, "cache"), (Degradation.MOCK, "mock")]
)
def test_a_caller_may_refuse_a_degraded_answer(refused: Degradation, hop: str) -> None:
    whole = made(request(refuses=frozenset({refused})))

    assert skips(whole) == {hop: SkipReason.REFUSED_BY_CALLER}


def test_a_caller_that_refuses_fallbacks_gets_the_best_target_or_no_target() -> None:
    """The best one that may be tried: one without a key is not what all is well means."""
    refuses = frozenset({Degradation.FALLBACK_TARGET})
    whole = made(request(refuses=refuses), without_credential=frozenset({"a"}))

    assert whole.best == "b"
    assert skips(whole) == {
        "a": SkipReason.NO_CREDENTIAL,
        "home": SkipReason.REFUSED_BY_CALLER,
    }


# What the walk asks of a plan.


def test_no_target_is_the_best_where_none_may_be_tried() -> None:
    assert made(without_credential=frozenset({"a", "b", "home"})).best is None


def test_behind_a_hop_are_the_later_ones_that_may_be_tried() -> None:
    whole = made(without_credential=frozenset({"b"}))
    first, *_, last = whole.hops

    assert [hop.name for hop in whole.behind(first)] == ["home", "cache", "mock"]
    assert whole.behind(last) == ()
