"""Takes targets out and lets them in again, and writes down who wanted it."""

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.identity import Principal
from failsoft_router.app.board import Place
from failsoft_router.core.gate import IsolationOrder

_log: FilteringBoundLogger = structlog.get_logger()


def isolate(place: Place, order: IsolationOrder, *, principal: Principal) -> None:
    """Keep callers from the target until the order ends; an earlier order is void.

    Args:
        principal: Who gave the order, as far as that was verified.
    """
    place.gates.isolation.isolate(order)
    _log.warning(
        "target.isolated",
        target=place.policy.name,
        seconds=round(order.until - order.since, 3),
        actor=order.actor,
        reason=order.reason,
        principal=_name(principal),
    )


def release(place: Place, *, actor: str, principal: Principal, now: float) -> bool:
    """End the target's isolation.

    Returns:
        Whether it was isolated.
    """
    order = place.gates.isolation.order(now)
    place.gates.isolation.release(now)
    _log.warning(
        "target.released",
        target=place.policy.name,
        was_isolated=order is not None,
        actor=actor,
        principal=_name(principal),
    )
    return order is not None


def _name(principal: Principal) -> str:
    return f"{principal.kind.value} of {principal.tenant}"
