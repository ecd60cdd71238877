"""Whose turn it is to have tokens counted.

Counting is as much work as reading a request is for one that will be answered, and is asked for
without a place at the door. So it is done for few at once, and for a tenant one after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

_AT_ONCE = 2


class Counting:
    """Tenants take turns; within one it goes in the order of coming."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(_AT_ONCE)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of tenants that count, or wait to."""

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block."""
        own = self._own.setdefault(tenant, asyncio.Lock())
        async with own, self._all:
            yield
