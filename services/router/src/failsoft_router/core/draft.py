"""Drafts of plans: the order of a route's hops, and the skips that hold for every request.

A policy has few of them and answers many requests, so each is worked out when it is first
asked for and kept as long as the policy is. Only one thing in them changes from moment to
moment: whose credential is missing.
"""

from collections.abc import Mapping

from failsoft_model.walk import PlaceReason, SkipReason
from failsoft_router.core.plan import Draft, HopKind, PlannedHop, Skip
from failsoft_router.core.policy import (
    CACHE_HOP,
    MOCK_HOP,
    Policy,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)

_Key = tuple[str, str | None, str | None, bool]


class Drafts:
    """The drafts of one policy, as many as it has routes, tenants and models at most."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._models = {
            route.name: {policy.targets[hop].model for hop in route.hops if hop in policy.targets}
            for route in policy.routes.values()
        }
        self._made: dict[_Key, tuple[frozenset[str], Draft]] = {}

    def draft(
        self,
        route: RoutePolicy,
        tenant: str,
        *,
        model: str,
        without_credential: frozenset[str],
        has_cache: bool,
    ) -> Draft:
        """The draft for a tenant's requests; see the function `draft`."""
        policy = self._policy
        key = (
            route.name,
            tenant if tenant in policy.tenants else None,
            model if model in self._models[route.name] else None,
            has_cache,
        )
        known = self._made.get(key)
        if known is not None and known[0] == without_credential:
            return known[1]
        made = draft(
            policy,
            route,
            policy.tenant(tenant),
            model=model,
            without_credential=without_credential,
            has_cache=has_cache,
        )
        self._made[key] = (without_credential, made)
        return made


def draft(
    policy: Policy,
    route: RoutePolicy,
    tenant: TenantPolicy,
    *,
    model: str,
    without_credential: frozenset[str] = frozenset(),
    has_cache: bool = True,
) -> Draft:
    """Order the route's hops and mark those that no request can be tried at.

    Args:
        model: What is asked for; the hop whose own model it is comes first.
        without_credential: Targets that need a credential and have none.
        has_cache: The router has one.
    """
    hops = []
    places = _places(policy, route, tenant, model)
    for position, (name, place) in enumerate(places.items(), start=1):
        if name == CACHE_HOP:
            kind, skip = HopKind.CACHE, _cache_skip(route, tenant, has_cache=has_cache)
        elif name == MOCK_HOP:
            kind, skip = HopKind.MOCK, _mock_skip(tenant)
        else:
            kind = HopKind.TARGET
            lacking = name in without_credential
            skip = _target_skip(tenant, policy.targets[name], no_credential=lacking)
        reason, detail = skip or (None, "")
        hops.append(
            PlannedHop(
                position=position, name=name, kind=kind, skip=reason, detail=detail, place=place
            )
        )
    return Draft(route=route, hops=tuple(hops), targets=policy.targets)


def _places(
    policy: Policy, route: RoutePolicy, tenant: TenantPolicy, model: str
) -> Mapping[str, PlaceReason]:
    """The hop whose own model was asked for, then what the tenant prefers, then the rest."""
    asked = [
        hop for hop in route.hops if hop in policy.targets and policy.targets[hop].model == model
    ]
    preferred = [hop for hop in tenant.prefer.get(route.name, ()) if hop in route.hops]
    places: dict[str, PlaceReason] = {}
    for names, reason in (
        (asked, PlaceReason.ASKED_MODEL),
        (preferred, PlaceReason.TENANT_PREFERS),
        (route.hops, PlaceReason.ROUTE_ORDER),
    ):
        for name in names:
            places.setdefault(name, reason)
    return places


def _target_skip(tenant: TenantPolicy, target: TargetPolicy, *, no_credential: bool) -> Skip | None:
    if target.name in tenant.deny:
        return SkipReason.TENANT_POLICY, "the tenant denies this target"
    if target.provider.value in tenant.deny:
        provider = target.provider.value
        return SkipReason.TENANT_POLICY, f"the tenant denies targets of provider {provider}"
    if tenant.no_external and target.external:
        return SkipReason.TENANT_POLICY, "the tenant forbids external targets"
    if no_credential:
        return SkipReason.NO_CREDENTIAL, "its credential is not there"
    return None


def _cache_skip(route: RoutePolicy, tenant: TenantPolicy, *, has_cache: bool) -> Skip | None:
    if not has_cache:
        return SkipReason.NO_STORED_ANSWER, "the router has no cache"
    if route.cache is None:
        return SkipReason.NO_STORED_ANSWER, "the route stores nothing"
    if not tenant.allow_stale:
        return SkipReason.TENANT_POLICY, "the tenant wants no stale answers"
    return None


def _mock_skip(tenant: TenantPolicy) -> Skip | None:
    if not tenant.allow_mock:
        return SkipReason.TENANT_POLICY, "the tenant allows no mock answers"
    return None
