"""Which answers may be kept. A wrong one kept is served again and again."""

import math
from dataclasses import dataclass

from failsoft_cache.core.entry import Entry
from failsoft_cache.core.freshness import left_of
from failsoft_cache.core.key import KEY_BYTES
from failsoft_model.walk import FinishReason

MAX_WINDOW_SECONDS = 30 * 24 * 3600.0

_NOT_TARGETS = frozenset({"cache", "mock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An answer that somebody wants kept, and what must be known to decide."""

    key: bytes
    entry: Entry
    finish_reason: FinishReason | None
    """None: it did not end, or nobody knows why."""
    served_by: str
    """The target that answered; empty: not said."""
    has_content: bool
    """Whether it says something or calls a tool."""


def refusal(offer: Offer, *, now: float, max_entry_bytes: int) -> str | None:
    """Why the offer may not be kept, for people; None: it may.

    Args:
        now: Seconds since 1970.
        max_entry_bytes: The longest serialised answer.
    """
    return _wrong_key(offer) or _unfit(offer, max_entry_bytes) or _useless(offer.entry, now)


def _wrong_key(offer: Offer) -> str | None:
    if len(offer.key) != KEY_BYTES:
        return f"the key has {len(offer.key)} bytes instead of {KEY_BYTES}"
    return None


def _unfit(offer: Offer, max_entry_bytes: int) -> str | None:
    """What is wrong with the answer itself."""
    if offer.finish_reason is None:
        return "the answer is unfinished: it has no finish reason"
    if offer.finish_reason is FinishReason.CONTENT_FILTER:
        return "the answer was cut by a content filter"
    if not offer.served_by:
        return "served_by does not say which target answered"
    if offer.served_by in _NOT_TARGETS:
        return f"served_by is {offer.served_by!r}, which is no target"
    if not offer.has_content:
        return "the answer is empty"
    if len(offer.entry.answer) > max_entry_bytes:
        return f"the answer has {len(offer.entry.answer)} bytes, more than {max_entry_bytes}"
    return None


def _useless(entry: Entry, now: float) -> str | None:
    """What is wrong with its times."""
    if not math.isfinite(entry.created) or entry.created <= 0.0:
        return "created is not set or is no time"
    windows = {
        "fresh_for": entry.windows.fresh_for,
        "stale_while_revalidate": entry.windows.stale_while_revalidate,
        "stale_if_error": entry.windows.stale_if_error,
    }
    for name, seconds in windows.items():
        if not 0.0 <= seconds <= MAX_WINDOW_SECONDS:
            return f"{name} is not between 0 seconds and 30 days"
    if left_of(entry, now=now) <= 0.0:
        return "it could never be served: its time is over, or every window is 0"
    return None
