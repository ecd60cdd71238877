"""Ends the stream of a reader who takes nothing of it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from failsoft_local_llm.core.errors import ReaderStalled

LONGEST_READ_SECONDS = 60.0
"""For one event. Then the reader is taken for gone, for its answer has a place in the engine."""

_E = TypeVar("_E")


async def followed(events: AsyncGenerator[_E, None]) -> AsyncGenerator[_E, None]:
    """The same events, which are closed when the next one is not asked for in time.

    How long they take themselves is not looked at.

    Raises:
        ReaderStalled: when the reader closes this, whose own wait was cancelled before.
    """
    async with _patience() as limit, aclosing(events):
        async for event in events:
            limit.reschedule(asyncio.get_running_loop().time() + LONGEST_READ_SECONDS)
            yield event
            limit.reschedule(None)


@asynccontextmanager
async def _patience() -> AsyncIterator[asyncio.Timeout]:
    """A limit for what the reader of a generator does between two of its events."""
    async with asyncio.timeout(None) as limit:
        try:
            yield limit
        except GeneratorExit:
            if limit.expired():
                raise ReaderStalled("nothing of the stream was taken for too long") from None
            raise
