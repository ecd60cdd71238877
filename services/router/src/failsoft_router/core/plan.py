"""The plan of a walk: the route's hops in order, each with the reason for its skip.

Pure: a draft of the policy (`core/draft.py`) and a request in, plan out. What changes from
moment to moment (breakers, the deadline) is asked when the walk reaches the hop, not here.
One thing that is learned on the way changes the plan: that the request was too long for
somebody's context.

Before the first call the length is a guess, so a target is passed over only where the
least that the request can be does not fit. Where that would leave no target at all, those
with the largest context are asked all the same: the guess may be wrong, and a target that
refuses has cost little.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from failsoft_model.chat import ChatRequest, Degradation
from failsoft_model.needs import needs
from failsoft_model.walk import Capability, PlaceReason, SkipReason
from failsoft_router.core.mock import why_no_mock
from failsoft_router.core.policy import Policy, Provider, RoutePolicy, TargetPolicy
from failsoft_router.core.tokens import fewest_tokens


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
        place: Why it stands where it stands.
        last_resort: Nobody else can answer, so the target's breaker may be overridden.
    """

    position: int
    name: str
    kind: HopKind
    skip: SkipReason | None = None
    detail: str = ""
    place: PlaceReason = PlaceReason.ROUTE_ORDER
    last_resort: bool = False


Skip = tuple[SkipReason, str]
"""Why a hop is not tried, also in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What plans are made from: the hops of a route with the skips that hold for every request.

    Attributes:
        targets: Every target of the policy by its name.
    """

    route: RoutePolicy
    hops: tuple[PlannedHop, ...]
    targets: Mapping[str, TargetPolicy]


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


def plan(draft: Draft, request: ChatRequest) -> Plan:
    """The draft's hops, with those marked that this request cannot be tried at."""
    needed, prompt = needs(request), fewest_tokens(request)
    hops = []
    for hop in draft.hops:
        skip = None if hop.skip is not None else _skip(hop, draft, request, needed, prompt)
        hops.append(hop if skip is None else replace(hop, skip=skip[0], detail=skip[1]))
    return Plan(
        route=draft.route, hops=_only_best(_roomiest_at_least(hops, draft.targets), request)
    )


def after_too_long(made: Plan, name: str, policy: Policy) -> Plan:
    """The plan, once this target has found the request too long for its context.

    Later targets whose context is known to be no larger are not asked. From a target
    whose own context is not known nothing is learned: another may be larger, and is asked.
    """
    context = policy.targets[name].context_tokens
    if context == 0:
        return made
    position = next(hop.position for hop in made.hops if hop.name == name)
    detail = f"{name}, with a context of {context} tokens, found the request too long"
    hops = tuple(
        replace(hop, skip=SkipReason.CONTEXT_LENGTH, detail=detail)
        if hop.position > position
        and hop.kind is HopKind.TARGET
        and hop.skip is None
        and 0 < policy.targets[hop.name].context_tokens <= context
        else hop
        for hop in made.hops
    )
    return replace(made, hops=hops)


def _skip(
    hop: PlannedHop,
    draft: Draft,
    request: ChatRequest,
    needed: frozenset[Capability],
    prompt: int,
) -> Skip | None:
    """
    Args:
        needed: Capabilities without which the request cannot be answered.
        prompt: Tokens of the request at the least, without its answer.
    """
    match hop.kind:
        case HopKind.TARGET:
            target = draft.targets[hop.name]
            return _capability_skip(target, needed) or _length_skip(target, prompt, request)
        case HopKind.CACHE:
            return _cache_skip(request)
        case HopKind.MOCK:
            return _mock_skip(request)


def _capability_skip(target: TargetPolicy, needed: frozenset[Capability]) -> Skip | None:
    missing = needed - target.capabilities
    if not missing:
        return None
    names = ", ".join(sorted(capability.value for capability in missing))
    return SkipReason.CAPABILITY, f"it cannot do: {names}"


def _length_skip(target: TargetPolicy, prompt: int, request: ChatRequest) -> Skip | None:
    context = target.context_tokens
    if context == 0:
        return None
    # One of our own gives the answer the room that is left; others refuse to promise more.
    answer = 0 if target.provider is Provider.FAILSOFT else request.sampling.max_tokens or 0
    if prompt + answer <= context:
        return None
    return (
        SkipReason.CONTEXT_LENGTH,
        f"the request needs {prompt + answer} tokens at the least, its context has {context}",
    )


def _cache_skip(request: ChatRequest) -> Skip | None:
    if Degradation.STALE_CACHE in request.refused_degradations:
        return SkipReason.REFUSED_BY_CALLER, "the caller wants no stale answer"
    if request.cache_control.no_cache and request.cache_control.no_store:
        return SkipReason.REFUSED_BY_CALLER, "the caller keeps its question from the cache"
    return None


def _mock_skip(request: ChatRequest) -> Skip | None:
    if Degradation.MOCK in request.refused_degradations:
        return SkipReason.REFUSED_BY_CALLER, "the caller wants no mock answer"
    if problem := why_no_mock(request):
        return SkipReason.CAPABILITY, problem
    return None


def _roomiest_at_least(
    hops: list[PlannedHop], targets: Mapping[str, TargetPolicy]
) -> list[PlannedHop]:
    """Let the targets with the largest context be tried, if length would rule out all."""
    if _best(hops) is not None:
        return hops
    contexts = {
        hop.name: targets[hop.name].context_tokens
        for hop in hops
        if hop.skip is SkipReason.CONTEXT_LENGTH
    }
    most = max(contexts.values(), default=0)
    return [
        replace(hop, skip=None, detail="") if contexts.get(hop.name) == most else hop
        for hop in hops
    ]


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
