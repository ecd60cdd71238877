"""Whether an entry may be handed out: RFC 5861's windows, with the time as an argument.

    created ── fresh_for ──┬── stale_while_revalidate ──┐
             HIT_FRESH     └── stale_if_error ──────────┴── useless
                                 HIT_STALE                   MISS

A stale answer is handed out only to who asks for one. HIT_SWR is never given: nothing is
refreshed in the background yet, so that window counts as the stale one.
"""

import dataclasses
import enum
from dataclasses import dataclass

from failsoft_cache.core.entry import Entry
from failsoft_model.walk import CacheStatus


class Accept(enum.Enum):
    """What the caller can use."""

    KEY_ONLY = "key_only"
    FRESH = "fresh"
    STALE = "stale"
    """A fresh or a stale answer, because nothing better can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an entry is worth to a caller."""

    status: CacheStatus
    age: float | None = None
    """Seconds; None unless it may be handed out."""


BYPASS = Verdict(status=CacheStatus.BYPASS)
MISS = Verdict(status=CacheStatus.MISS)


def judge(entry: Entry, *, now: float, accept: Accept, max_age: float | None = None) -> Verdict:
    """Say what the entry is worth.

    Args:
        now: Seconds since 1970.
        max_age: An older entry is not fresh, whatever its own lifetime; None: as it says itself.
    """
    if accept is Accept.KEY_ONLY:
        return BYPASS
    age = age_of(entry, now=now)
    if age < entry.windows.fresh_for and (max_age is None or age <= max_age):
        return Verdict(status=CacheStatus.HIT_FRESH, age=age)
    if accept is Accept.STALE and age < entry.windows.lifetime:
        return Verdict(status=CacheStatus.HIT_STALE, age=age)
    return MISS


def age_of(entry: Entry, *, now: float) -> float:
    """Seconds since it was created; 0.0 if that is in the future, as clocks differ."""
    return max(0.0, now - entry.created)


def left_of(entry: Entry, *, now: float) -> float:
    """Seconds until the entry is of no use at all; not positive when it is already."""
    return entry.windows.lifetime - age_of(entry, now=now)


def not_of_the_future(entry: Entry, *, now: float) -> Entry:
    """The entry, counted from now if it claims to be created later: it must not live longer."""
    return dataclasses.replace(entry, created=min(entry.created, now))
