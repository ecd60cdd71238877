"""Who follows what happens in this process: a few at a time, each until it leaves.

A follower costs memory and a call, so there is a limit to them. When the process drains
they are told to go: a call that waits for whatever happens next would hold the drain up.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from failsoft_model.errors import Overloaded, ShuttingDown

MOST_FOLLOWERS = 16


class Follower:
    """One who follows; a subclass may hold what it has not been told yet."""

    __slots__ = ("news",)

    def __init__(self) -> None:
        self.news = asyncio.Event()
        """There may be something new."""


F = TypeVar("F", bound=Follower)


class Audience(Generic[F]):
    """The followers of one thing."""

    def __init__(self) -> None:
        self.present: list[F] = []
        self._anybody = asyncio.Event()
        self._closed = False

    @contextmanager
    def seat(self, follower: F) -> Iterator[None]:
        """It is present while the block runs.

        Raises:
            Overloaded: `MOST_FOLLOWERS` are there already.
            ShuttingDown: Nobody is let in any more.
        """
        self._refuse_when_closed()
        if len(self.present) >= MOST_FOLLOWERS:
            raise Overloaded(f"{MOST_FOLLOWERS} are watching, and there is no room for more")
        self.present.append(follower)
        self._anybody.set()
        try:
            yield
        finally:
            self.present.remove(follower)
            if not self.present:
                self._anybody.clear()

    async def anybody(self) -> None:
        """Wait until somebody is present."""
        await self._anybody.wait()

    async def news_for(self, follower: F) -> None:
        """Wait until it is woken.

        Raises:
            ShuttingDown: It has to go.
        """
        await follower.news.wait()
        follower.news.clear()
        self._refuse_when_closed()

    def wake(self) -> None:
        """There may be something new for everybody."""
        for follower in self.present:
            follower.news.set()

    def close(self) -> None:
        """Everybody has to go."""
        self._closed = True
        self.wake()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise ShuttingDown("the router is shutting down; another replica can be watched")
