"""The ways to targets: shared by the policies that follow each other, closed after the last user.

A reload must not end a stream, and not leak a connection pool either. So everybody who
can still call a target counts as its user, and whoever leaves last has it closed:

    being in force, a walk, a check --> board --> connection <-- a call, a probe left behind

A walk holds the board that it began with and with it all its targets, because it may come
to any of them yet. A probe may outlive its walk, so it holds its own target's connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.rpc import crash
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.ports import Credential, Target

_log: FilteringBoundLogger = structlog.get_logger()


class Uses:
    """Counts the users of something; whoever begins ends, once."""

    def __init__(self, over: Callable[[], None]) -> None:
        """
        Args:
            over: Called when the last user has ended; there is no other after that.
        """
        self._over = over
        self._count = 0

    def begin(self) -> None:
        """One more."""
        self._count += 1

    def end(self) -> None:
        """One less."""
        self._count -= 1
        if self._count == 0:
            self._over()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The way to one target, with the key for it; open as long as it has users.

    Attributes:
        credential: None: none is needed.
    """

    target: Target
    credential: Credential | None
    uses: Uses


Open = Callable[[TargetPolicy], tuple[Target, Credential | None]]
"""Makes the way to a target, and the source of the key that it needs, if it needs one."""


class Connections:
    """Every connection of this replica; `run` is its background work."""

    def __init__(self, open_: Open) -> None:
        self._make = open_
        self._by_policy: dict[TargetPolicy, Connection] = {}
        self._unused: deque[Target] = deque()
        self._came_free = asyncio.Event()

    def to(self, policy: TargetPolicy) -> Connection:
        """The connection that a target of this policy has, or a new one."""
        found = self._by_policy.get(policy)
        if found is None:
            target, credential = self._make(policy)
            uses = Uses(lambda: self._retire(policy))
            found = Connection(target=target, credential=credential, uses=uses)
            self._by_policy[policy] = found
        return found

    async def run(self) -> None:
        """Close what has no users any more, until cancelled."""
        while True:
            await self._came_free.wait()
            self._came_free.clear()
            await self._close_unused()

    async def close(self) -> None:
        """Close all, also what is in use; `run` is over."""
        self._unused += [connection.target for connection in self._by_policy.values()]
        self._by_policy.clear()
        await self._close_unused()

    def _retire(self, policy: TargetPolicy) -> None:
        self._unused.append(self._by_policy.pop(policy).target)
        self._came_free.set()

    async def _close_unused(self) -> None:
        while self._unused:
            # It stays in the queue until it is closed, so that nobody forgets it half-way.
            try:
                await self._unused[0].close()
            except Exception as error:
                _log.error("target.not_closed", stack=crash.describe(error))
            self._unused.popleft()
