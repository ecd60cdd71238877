"""Which route answers to a model name."""

from failsoft_router.core.errors import RouteNotFound
from failsoft_router.core.policy import Policy, RoutePolicy


def route_for(policy: Policy, model: str) -> RoutePolicy:
    """The route of a request, the most particular way first.

    A route's own name, then the ids that it serves (an exact one before a pattern),
    then the route with a hop of this very model, then the default.

    Raises:
        RouteNotFound: None of these, and no default.
    """
    found = (
        policy.routes.get(model)
        or _serving(policy, model)
        or _having(policy, model)
        or next((route for route in policy.routes.values() if route.default), None)
    )
    if found is None:
        raise RouteNotFound(
            "no route serves this model and none is the default; "
            f"routes of the policy: {', '.join(policy.routes) or 'none'}"
        )
    return found


def matches(pattern: str, model: str) -> bool:
    """Whether an entry of `serves` covers a model id."""
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern


def overlap(left: str, right: str) -> bool:
    """Whether some model id is covered by both patterns equally well.

    An exact id beside a pattern that covers it is no overlap: the exact one wins.
    """
    if left.endswith("*") and right.endswith("*"):
        return left[:-1].startswith(right[:-1]) or right[:-1].startswith(left[:-1])
    return left == right


def _serving(policy: Policy, model: str) -> RoutePolicy | None:
    by_pattern = None
    for route in policy.routes.values():
        if model in route.serves:
            return route
        if any(matches(pattern, model) for pattern in route.serves):
            by_pattern = by_pattern or route
    return by_pattern


def _having(policy: Policy, model: str) -> RoutePolicy | None:
    for route in policy.routes.values():
        for hop in route.hops:
            target = policy.targets.get(hop)
            if target is not None and target.model == model:
                return route
    return None
