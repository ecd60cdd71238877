"""Tells whoever watches of the hops of this process as they end.

Walks wait for no watcher: each has a short queue of its own, a full one loses its oldest
hops, and the watcher is told how many those were. While nobody watches, a hop costs the
question whether anybody does.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from failsoft_model.walk import Hop
from failsoft_router.app.telling.audience import Audience, Follower

QUEUE_HOPS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedHop:
    """A hop that ended, and whose; of one that ends anew what comes later is true.

    Attributes:
        trace_id: 32 hex digits; empty when the request was not traced.
    """

    hop: Hop
    walk_id: str
    route: str
    tenant: str
    request_id: str
    trace_id: str


class HopFollower(Follower):
    """What one watcher wants and has not been told yet."""

    __slots__ = ("_missed", "_queue", "_route", "_tenant")

    def __init__(self, *, tenant: str, route: str) -> None:
        """
        Args:
            tenant: Whose hops; empty: everybody's.
            route: Hops of which route; empty: of any.
        """
        super().__init__()
        self._tenant = tenant
        self._route = route
        self._queue: deque[EndedHop] = deque()
        self._missed = 0

    def take(self, ended: EndedHop) -> None:
        """Keep it, if it is wanted; for a watcher who is too slow the oldest gives way."""
        if self._tenant not in ("", ended.tenant) or self._route not in ("", ended.route):
            return
        if len(self._queue) == QUEUE_HOPS:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(ended)
        self.news.set()

    def give(self) -> tuple[EndedHop, int] | None:
        """The oldest hop, and how many were lost before it; None: there is none."""
        if not self._queue:
            return None
        missed, self._missed = self._missed, 0
        return self._queue.popleft(), missed


class HopFeed:
    """Where walks leave word, and watchers wait for it."""

    def __init__(self) -> None:
        self._audience: Audience[HopFollower] = Audience()
        self.followers = self._audience.present
        """Ask whether there are any before anything is made to `tell` them."""

    def tell(self, ended: EndedHop) -> None:
        """A hop has ended; waits for nobody."""
        for follower in self.followers:
            follower.take(ended)

    @contextmanager
    def following(self, *, tenant: str, route: str) -> Iterator[HopFollower]:
        """A watcher, who is told what ends while the block runs; see `HopFollower`.

        Raises:
            Overloaded: Too many watch already.
            ShuttingDown: The process drains.
        """
        follower = HopFollower(tenant=tenant, route=route)
        with self._audience.seat(follower):
            yield follower

    async def next_for(self, follower: HopFollower) -> tuple[EndedHop, int]:
        """The next hop, and how many were lost before it.

        Raises:
            ShuttingDown: The process drains.
        """
        while (given := follower.give()) is None:
            await self._audience.news_for(follower)
        return given

    def close(self) -> None:
        """Those who watch have to go."""
        self._audience.close()
