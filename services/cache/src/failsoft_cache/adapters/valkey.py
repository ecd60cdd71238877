"""The shared tier on Valkey: one string per entry, whose name begins with its tenant.

Commands have no spans of their own. One pipeline carries those of many calls, so a span of it
would belong to none of their traces, and one for each command would say what the call's own span
says already: its time is the pipeline's, its tier whether Valkey did it. It would cost as much as
the command.
"""

from collections.abc import Sequence

from failsoft_cache.ports import Write
from failsoft_kit.valkey.pipeline import Command, Pipeline

_NAMESPACE = "failsoft:cache:"
_SCAN_COUNT = 1000


class ValkeyTier:
    """Entries of all tenants; a tenant's can be found without touching the others'."""

    def __init__(self, pipeline: Pipeline) -> None:
        """
        Args:
            pipeline: Run by somebody else.
        """
        self._pipeline = pipeline

    @property
    def trouble(self) -> str | None:
        return self._pipeline.trouble

    async def read(self, tenant: str, key: bytes) -> bytes | None:
        sealed: bytes | None = await self._pipeline.ask("GET", _name(tenant, key))
        return sealed

    async def write(self, tenant: str, writes: Sequence[Write]) -> None:
        await self._pipeline.ask_all([_set(tenant, write) for write in writes])

    async def remove(self, tenant: str, key: bytes) -> bool:
        removed: int = await self._pipeline.ask("UNLINK", _name(tenant, key))
        return removed > 0

    async def remove_all(self, tenant: str) -> int:
        """Walks over all names in steps, each with its own limit; other commands go between."""
        removed, cursor = 0, b"0"
        while True:
            cursor, names = await self._pipeline.ask(
                "SCAN", cursor, "MATCH", f"{_NAMESPACE}{tenant}:*", "COUNT", _SCAN_COUNT
            )
            if names:
                removed += await self._pipeline.ask("UNLINK", *names)
            if cursor == b"0":
                return removed


def _name(tenant: str, key: bytes) -> str:
    return f"{_NAMESPACE}{tenant}:{key.hex()}"


def _set(tenant: str, write: Write) -> Command:
    milliseconds = max(1, int(write.time_to_live * 1000))
    return "SET", _name(tenant, write.key), write.sealed, "PX", milliseconds
