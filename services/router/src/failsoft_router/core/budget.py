"""How much of the time that is left one hop may use. All times are seconds."""

from collections.abc import Iterable

from failsoft_router.core.plan import HopKind, PlannedHop

REPLY = 0.02
"""Kept for the reply: an error sent in the last milliseconds loses its details."""

FLOOR = 0.05
"""A target is not called for less: no answer has ever been seen within it."""

_TARGET_RESERVE = 2.0
_DEGRADED_RESERVE = 0.05
"""For a look-up in the cache, or for a mock."""


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
    targets, reserve = 0, REPLY
    for hop in behind:
        if hop.kind is HopKind.TARGET:
            targets += 1
        else:
            reserve += _DEGRADED_RESERVE
    available = left - reserve - targets * min(_TARGET_RESERVE, left / (targets + 1))
    return min(limit, available) if available >= FLOOR else None


def last_turn(left: float) -> float:
    """When the last target behind a hop has to have its turn, if it shall have one.

    Who is shut for longer than that needs no time to be kept.

    Args:
        left: Until the deadline of the walk.
    """
    return left - REPLY - min(_TARGET_RESERVE, left / 2)


def has_time_to_look_up(left: float, *, times: int = 1) -> bool:
    """Whether so many look-ups in the cache, however slow, leave time for the reply.

    Half of the reply's time is enough: the limit of the hop before may ring a little late.

    Args:
        left: Until the caller's deadline; infinite without one, negative when past.
    """
    return left >= times * _DEGRADED_RESERVE + REPLY / 2
