"""The plan of a walk: the route's hops in order, each with the reason for its skip.

Pure: policy and request in, plan out. What changes from moment to moment (breakers,
the deadline) is asked when the walk reaches the hop, not here.
"""

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from failsoft_model.chat import ChatRequest, Degradation
from failsoft_model.needs import needs
from failsoft_model.walk import Capability, SkipReason
from failsoft_router.core.mock import why_no_mock
from failsoft_router.core.policy import (
    CACHE_HOP,
    MOCK_HOP,
    Policy,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)


class HopKind(enum.Enum):
    """What a hop is."""

    TARGET = "target"
    CACHE = "cache"
    MOCK = "mock"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHop:
    """One hop of a plan.

    Attributes:
        position: From 1.
        name: The target's name, `cache` or `mock`.
        skip: Why it will not be tried whatever happens; None: it may be.
        detail: The skip in words; empty for a hop that may be tried.
    """

    position: int
    name: str
    kind: HopKind
    skip: SkipReason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The hops of one walk, in the order of trying."""

    route: RoutePolicy
    hops: tuple[PlannedHop, ...]

    @property
    def best(self) -> str | None:
        """The target that answers when all is well; None: no target may be tried."""
        return _best(self.hops)

    def behind(self, hop: PlannedHop) -> tuple[PlannedHop, ...]:
        """The hops after this one that may be tried."""
        return tuple(later for later in self.hops[hop.position :] if later.skip is None)


def plan(
    policy: Policy,
    route: RoutePolicy,
    request: ChatRequest,
    tenant: TenantPolicy,
    *,
    without_credential: Collection[str],
) -> Plan:
    """Order the route's hops for one request and mark those that cannot be tried.

    Args:
        without_credential: Targets that need a credential and have none.
    """
    needed = needs(request)
    hops = []
    for position, name in enumerate(_ordered(policy, route, request, tenant), start=1):
        if name == CACHE_HOP:
            kind, skip = HopKind.CACHE, _cache_skip(route, request, tenant)
        elif name == MOCK_HOP:
            kind, skip = HopKind.MOCK, _mock_skip(request, tenant)
        else:
            target = policy.targets[name]
            kind = HopKind.TARGET
            skip = _target_skip(target, needed, tenant, no_credential=name in without_credential)
        reason, detail = skip or (None, "")
        hops.append(PlannedHop(position=position, name=name, kind=kind, skip=reason, detail=detail))
    return Plan(route=route, hops=_only_best(hops, request))


_Skip = tuple[SkipReason, str] | None


def _ordered(
    policy: Policy, route: RoutePolicy, request: ChatRequest, tenant: TenantPolicy
) -> Iterable[str]:
    """The hop whose own model was asked for, then what the tenant prefers, then the rest."""
    asked = [
        hop
        for hop in route.hops
        if hop in policy.targets and policy.targets[hop].model == request.model
    ]
    preferred = [hop for hop in tenant.prefer.get(route.name, ()) if hop in route.hops]
    return dict.fromkeys([*asked, *preferred, *route.hops])


def _target_skip(
    target: TargetPolicy,
    needed: frozenset[Capability],
    tenant: TenantPolicy,
    *,
    no_credential: bool,
) -> _Skip:
    if tenant.no_external and target.external:
        return SkipReason.TENANT_POLICY, "the tenant forbids external targets"
    if no_credential:
        return SkipReason.NO_CREDENTIAL, "its credential is not there"
    if missing := needed - target.capabilities:
        names = ", ".join(sorted(capability.value for capability in missing))
        return SkipReason.CAPABILITY, f"it cannot do: {names}"
    return None


def _cache_skip(route: RoutePolicy, request: ChatRequest, tenant: TenantPolicy) -> _Skip:
    if route.cache is None:
        return SkipReason.NO_STORED_ANSWER, "the route stores nothing"
    if not tenant.allow_stale:
        return SkipReason.TENANT_POLICY, "the tenant wants no stale answers"
    if Degradation.STALE_CACHE in request.refused_degradations:
        return SkipReason.REFUSED_BY_CALLER, "the caller wants no stale answer"
    return None


def _mock_skip(request: ChatRequest, tenant: TenantPolicy) -> _Skip:
    if not tenant.allow_mock:
        return SkipReason.TENANT_POLICY, "the tenant allows no mock answers"
    if Degradation.MOCK in request.refused_degradations:
        return SkipReason.REFUSED_BY_CALLER, "the caller wants no mock answer"
    if problem := why_no_mock(request):
        return SkipReason.CAPABILITY, problem
    return None


def _only_best(hops: list[PlannedHop], request: ChatRequest) -> tuple[PlannedHop, ...]:
    """Skip all targets behind the best one where the caller refuses fallbacks."""
    if Degradation.FALLBACK_TARGET not in request.refused_degradations:
        return tuple(hops)
    best = _best(hops)
    return tuple(
        hop
        if hop.kind is not HopKind.TARGET or hop.skip is not None or hop.name == best
        else replace(
            hop,
            skip=SkipReason.REFUSED_BY_CALLER,
            detail="the caller wants no fallback target",
        )
        for hop in hops
    )


def _best(hops: Iterable[PlannedHop]) -> str | None:
    for hop in hops:
        if hop.kind is HopKind.TARGET and hop.skip is None:
            return hop.name
    return None
