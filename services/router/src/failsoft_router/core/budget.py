"""How much of the time that is left one hop may use. All times are seconds."""

from collections.abc import Iterable

from failsoft_router.core.plan import HopKind, PlannedHop

REPLY = 0.02
"""Kept for the reply: an error sent in the last milliseconds loses its details."""

FLOOR = 0.05
"""A target is not called for less: no answer has ever been seen within it."""

_TARGET_RESERVE = 2.0
_STORED_RESERVE = 0.05
_MOCK_RESERVE = 0.05


def first_content_limit(left: float, *, limit: float, behind: Iterable[PlannedHop]) -> float | None:
    """How long a hop may take to its first content.

    The target's own limit, but so that the hops behind it still get their turn: a
    target 2 s or an equal share of what is left, the cache and the mock 50 ms each.

    Args:
        left: Until the deadline of the walk; infinite without one, negative when past.
        limit: The target's own limit.
        behind: Hops after this one that may be tried.

    Returns:
        Seconds, never more than `limit`; None: less than `FLOOR` is left, skip the hop.
    """
    later = tuple(behind)
    targets = sum(hop.kind is HopKind.TARGET for hop in later)
    share = min(_TARGET_RESERVE, left / (targets + 1))
    reserve = REPLY + targets * share + sum(map(_degraded_reserve, later))
    available = left - reserve
    return min(limit, available) if available >= FLOOR else None


def has_time_to_look_up(left: float, *, times: int = 1) -> bool:
    """Whether so many look-ups in the cache, however slow, leave time for the reply.

    Half of the reply's time is enough: the limit of the hop before may ring a little late.

    Args:
        left: Until the caller's deadline; infinite without one, negative when past.
    """
    return left >= times * _STORED_RESERVE + REPLY / 2


def _degraded_reserve(hop: PlannedHop) -> float:
    match hop.kind:
        case HopKind.TARGET:
            return 0.0
        case HopKind.CACHE:
            return _STORED_RESERVE
        case HopKind.MOCK:
            return _MOCK_RESERVE
