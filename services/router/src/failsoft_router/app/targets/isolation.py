"""Takes targets out and lets them in again, and writes down who wanted it."""

from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.identity import Principal
from failsoft_model.walk import SkipReason
from failsoft_router.app.targets.place import Place
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a release has changed.

    Attributes:
        opened: Gates that a provider's refusals had shut.
    """

    was_isolated: bool
    opened: tuple[SkipReason, ...]


def release(
    place: Place, *, all_gates: bool, actor: str, principal: Principal, now: float
) -> Released:
    """End the target's isolation.

    Args:
        all_gates: Also open what a provider's refusals have shut, for every target that
            shares it: the operator knows that the reason is gone.
    """
    order = place.gates.isolation.order(now)
    place.gates.isolation.release(now)
    released = Released(
        was_isolated=order is not None, opened=place.gates.open(now) if all_gates else ()
    )
    _log.warning(
        "target.released",
        target=place.policy.name,
        was_isolated=released.was_isolated,
        opened=[reason.value for reason in released.opened],
        actor=actor,
        principal=_name(principal),
    )
    return released


def _name(principal: Principal) -> str:
    return f"{principal.kind.value} of {principal.tenant}"
