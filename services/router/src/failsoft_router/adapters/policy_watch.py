"""Notices that the policy's file says something else, within two looks a second apart.

It looks instead of being told, because what counts is what the file says and not what
happened to it. A Kubernetes ConfigMap changes by a symlink two levels above the file,
editors replace it or write into it, on a network disk somebody else's machine does: each
looks different to inotify, some say nothing at all, and a watch that is lost is lost
silently. For one small file a second a read costs nothing, and all of them look alike.

A file that somebody is writing may be half there, or empty, and half a policy can be one
without mistakes. So it has to say the same at two looks before it is taken seriously.
"""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_AGAIN = 1.0
"""Seconds between two looks."""


class PolicyWatch:
    """Has the policy read again when its file has changed; `run` is its background work."""

    def __init__(
        self,
        *,
        look: Callable[[], Awaitable[str]],
        follow: Callable[[], Awaitable[None]],
        last_read: Callable[[], str],
    ) -> None:
        """
        Args:
            look: Gives the digest of what the file says now.
            follow: Reads the policy again.
            last_read: Gives the digest of what was read last, whoever had it read: what is
                in force, or was refused.
        """
        self._look = look
        self._follow = follow
        self._last_read = last_read
        self._last_look = last_read()
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have it read at once, whatever the file looks like: for a signal's handler."""
        self._asked.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            if await self._is_asked(within=LOOK_AGAIN) or await self._has_changed():
                await self._follow()

    async def _is_asked(self, *, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _has_changed(self) -> bool:
        """Whether it says something else than was read last, and said so a look ago as well."""
        before, self._last_look = self._last_look, await self._look()
        return self._last_look == before and self._last_look != self._last_read()
