"""A draft is made once for whom it is the same, and anew when it is another."""

import pytest

from failsoft_model.walk import PlaceReason, SkipReason
from failsoft_router.core.draft import Drafts, draft
from failsoft_router.core.plan import Draft
from failsoft_router.core.policy import (
    Policy,
    Provider,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)

ROUTE = RoutePolicy(name="chat", hops=("a", "b", "cache", "mock"))
OTHER = RoutePolicy(name="other", hops=("b", "a"))
POLICY = Policy(
    targets={
        name: TargetPolicy(
            name=name, provider=Provider.OPENAI, model=f"{name}-model", endpoint="https://a/v1"
        )
        for name in ("a", "b")
    },
    routes={"chat": ROUTE, "other": OTHER},
    tenants={"acme": TenantPolicy(allow_mock=True), "beta": TenantPolicy(allow_stale=False)},
)


def drafted(
    drafts: Drafts,
    *,
    route: RoutePolicy = ROUTE,
    tenant: str = "acme",
    model: str = "chat",
    without_credential: frozenset[str] = frozenset(),
    has_cache: bool = True,
) -> Draft:
    return drafts.draft(
        route,
        tenant,
        model=model,
        without_credential=without_credential,
        has_cache=has_cache,
    )


def open_hops(draft: Draft) -> list[str]:
    return [hop.name for hop in draft.hops if hop.skip is None]


def test_requests_of_one_kind_share_one_draft() -> None:
    drafts = Drafts(POLICY)

    assert drafted(drafts) is drafted(drafts)


def test_nobody_makes_us_keep_drafts_without_end() -> None:
    """Models and tenants are what callers say; only those of the policy make a difference."""
    drafts = Drafts(POLICY)

    assert drafted(drafts, model="x") is drafted(drafts, model="y")
    assert drafted(drafts, tenant="x") is drafted(drafts, tenant="y")


def test_what_makes_a_difference_makes_another_draft() -> None:
    drafts = Drafts(POLICY)

    assert open_hops(drafted(drafts)) == ["a", "b", "cache", "mock"]
    assert open_hops(drafted(drafts, route=OTHER)) == ["b", "a"]
    assert open_hops(drafted(drafts, tenant="beta")) == ["a", "b"]
    assert open_hops(drafted(drafts, tenant="unlisted")) == ["a", "b", "cache"]
    assert open_hops(drafted(drafts, model="b-model")) == ["b", "a", "cache", "mock"]
    assert open_hops(drafted(drafts, has_cache=False)) == ["a", "b", "mock"]
    assert open_hops(drafted(drafts)) == ["a", "b", "cache", "mock"]


@pytest.mark.parametrize("missing", [frozenset({"a"}), frozenset({"a", "b"})])
def test_a_credential_that_goes_or_comes_is_seen_at_once(missing: frozenset[str]) -> None:
    drafts = Drafts(POLICY)
    before = drafted(drafts)

    assert open_hops(drafted(drafts, without_credential=missing)) == [
        hop for hop in open_hops(before) if hop not in missing
    ]
    assert drafted(drafts) == before


@pytest.mark.parametrize(
    ("deny", "left", "words"),
    [
        ({"a"}, ["b"], "the tenant denies this target"),
        ({"openai"}, [], "the tenant denies targets of provider openai"),
        ({"failsoft"}, ["a", "b"], ""),
        ({"a", "b"}, [], "the tenant denies this target"),
    ],
)
def test_what_a_tenant_denies_does_not_answer_it(
    deny: set[str], left: list[str], words: str
) -> None:
    tenant = TenantPolicy(deny=frozenset(deny), allow_stale=False)

    made = draft(POLICY, ROUTE, tenant, model="chat")

    assert open_hops(made) == left
    assert made.hops[0].detail == words
    assert made.hops[0].skip is (SkipReason.TENANT_POLICY if words else None)


def test_each_hop_says_why_it_stands_where_it_stands() -> None:
    tenant = TenantPolicy(prefer={"chat": ("b",), "other": ("a",)})

    usual = draft(POLICY, ROUTE, TenantPolicy(), model="chat")
    preferred = draft(POLICY, ROUTE, tenant, model="chat")
    asked = draft(POLICY, ROUTE, tenant, model="a-model")

    def places(made: Draft) -> list[tuple[str, PlaceReason]]:
        return [(hop.name, hop.place) for hop in made.hops[:3]]

    by_route, by_model = PlaceReason.ROUTE_ORDER, PlaceReason.ASKED_MODEL
    by_tenant = PlaceReason.TENANT_PREFERS
    assert places(usual) == [("a", by_route), ("b", by_route), ("cache", by_route)]
    assert places(preferred) == [("b", by_tenant), ("a", by_route), ("cache", by_route)]
    assert places(asked) == [("a", by_model), ("b", by_tenant), ("cache", by_route)]
