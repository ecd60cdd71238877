"""Resolving providers' names, and refusing what they must not lead to.

A provider's address comes from the policy, but a name can be made to resolve to a
machine of our own network. The addresses that a connection is opened to are the ones
that are checked here; there is no second look-up between check and use.
"""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from failsoft_router.adapters.addresses import is_private
from failsoft_router.core.egress import Addresses

LOOK_UP_SECONDS = 1.0
"""For all names of a policy together; a resolver that is away must not keep us from starting."""


async def addresses_of(hosts: Iterable[str], *, resolver: AbstractResolver) -> Addresses:
    """What these names lead to now; those that cannot be resolved in time are left out."""
    found: dict[str, tuple[str, ...]] = {}

    async def look_up(host: str) -> None:
        with suppress(OSError, UnicodeError):
            results = await resolver.resolve(host, 0, socket.AF_UNSPEC)
            found[host] = tuple(each["host"] for each in results)

    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_UP_SECONDS), asyncio.TaskGroup() as tasks:
            for host in hosts:
                tasks.create_task(look_up(host))
    return found


class AddressRefused(OSError):
    """A name leads into our own network, and its target's policy does not allow that."""


class PublicOnly(AbstractResolver):
    """Gives the public addresses of a name and refuses one that has none."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """
        Raises:
            AddressRefused: The name has no public address.
            OSError: The name has no address at all.
        """
        found = await self._inner.resolve(host, port, family)
        public = [each for each in found if not is_private(each["host"])]
        if not public:
            raise AddressRefused("the name has private addresses only")
        return public

    async def close(self) -> None:
        """Let go of what the look-ups need."""
        await self._inner.close()
