"""The last walks of this replica, found by any id that their callers know them by.

Bounded in number and in bytes: the oldest make room. Two walks may share a trace, because a
caller traces more than one request, or because a router walks for another; they may share a
request id, because callers choose it. The latest is what is asked for as a rule, so ids lead
to lists with the newest first.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Known(Protocol):
    """What a walk is known by."""

    @property
    def walk_id(self) -> str:
        """No other walk has it."""

    @property
    def trace_id(self) -> str:
        """Empty: it was not traced."""

    @property
    def request_id(self) -> str:
        """The caller's own, or one that was made."""

    @property
    def tenant(self) -> str:
        """Whose request it was."""


KnownT = TypeVar("KnownT", bound=Known)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[KnownT]):
    walk: KnownT
    cost: int


class WalkRing(Generic[KnownT]):
    """Keeps the walks that were added last."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        """
        Args:
            most: Walks; 0: none is kept.
            most_bytes: By their costs.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept[KnownT]] = OrderedDict()
        self._traces: dict[str, list[str]] = {}
        self._requests: dict[str, list[str]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def has_room(self) -> bool:
        """Whether any walk can be kept."""
        return self._most > 0 and self._most_bytes > 0

    @property
    def cost(self) -> int:
        """Bytes of all that is kept."""
        return self._bytes

    @property
    def oldest(self) -> KnownT | None:
        """The one that gives way next; None: nothing is kept."""
        return next(iter(self._kept.values())).walk if self._kept else None

    def add(self, walk: KnownT, *, cost: int) -> None:
        """Keep one as the newest.

        Args:
            cost: Bytes that it takes; one that takes more than there are is not kept.
        """
        self._forget(walk.walk_id)
        if cost > self._most_bytes or not self._most:
            return
        while len(self._kept) >= self._most or self._bytes + cost > self._most_bytes:
            self._forget(next(iter(self._kept)))
        self._kept[walk.walk_id] = _Kept(walk=walk, cost=cost)
        self._bytes += cost
        if walk.trace_id:
            self._traces.setdefault(walk.trace_id, []).append(walk.walk_id)
        self._requests.setdefault(walk.request_id, []).append(walk.walk_id)

    def replace(self, walk: KnownT) -> None:
        """Put another in the place of the one with the same ids, if that is kept still."""
        kept = self._kept.get(walk.walk_id)
        if kept is not None:
            self._kept[walk.walk_id] = _Kept(walk=walk, cost=kept.cost)

    def by_walk(self, walk_id: str) -> KnownT | None:
        """The walk with this id; None: it is not kept."""
        kept = self._kept.get(walk_id)
        return None if kept is None else kept.walk

    def by_trace(self, trace_id: str) -> Sequence[KnownT]:
        """The walks of a trace, newest first."""
        return self._newest_first(self._traces.get(trace_id, ()))

    def by_request(self, request_id: str, *, tenant: str) -> Sequence[KnownT]:
        """The walks with this request id, newest first.

        Args:
            tenant: Whose; empty: anybody's.
        """
        found = self._newest_first(self._requests.get(request_id, ()))
        return [walk for walk in found if tenant in ("", walk.tenant)]

    def _newest_first(self, walk_ids: Sequence[str]) -> Sequence[KnownT]:
        return [self._kept[walk_id].walk for walk_id in reversed(walk_ids)]

    def _forget(self, walk_id: str) -> None:
        kept = self._kept.pop(walk_id, None)
        if kept is None:
            return
        self._bytes -= kept.cost
        _drop(self._traces, kept.walk.trace_id, walk_id)
        _drop(self._requests, kept.walk.request_id, walk_id)


def _drop(index: dict[str, list[str]], key: str, walk_id: str) -> None:
    """It is the oldest of its list as a rule, because the oldest walk gives way."""
    walk_ids = index.get(key)
    if walk_ids is None:
        return
    walk_ids.remove(walk_id)
    if not walk_ids:
        del index[key]
