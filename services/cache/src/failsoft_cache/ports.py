"""What the cache needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from failsoft_kit.valkey.errors import ValkeyAway

TierAway = ValkeyAway
"""The shared tier cannot be used now; nobody waited longer than its limit to learn it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Sealed bytes to keep under a key."""

    key: bytes
    sealed: bytes
    time_to_live: float
    """Seconds, positive."""


class SharedTier(Protocol):
    """The tier that all replicas share: Valkey. It is asked by tenant and key, and knows no entry.

    Every method may raise `TierAway`.
    """

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, for people; None: nothing."""

    async def read(self, tenant: str, key: bytes) -> bytes | None:
        """What is kept there; None: nothing."""

    async def write(self, tenant: str, writes: Sequence[Write]) -> None:
        """Keep all of them, or as many as came through before `TierAway`."""

    async def remove(self, tenant: str, key: bytes) -> bool:
        """Forget one; says whether there was one."""

    async def remove_all(self, tenant: str) -> int:
        """Forget what was kept for the tenant when this began; says how many there were."""
