"""Puts another policy in force while walks go on: the one way, whoever asks for it.

A change of the file, a signal and an operator's call all end here, one after the other.
A policy is refused as a whole, and then the one before stays in force; which one that
is, and whether a newer one was refused, is told to whoever reports the router's health.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.rpc import crash
from failsoft_router.app.targets.boards import Boards
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.ports import PolicySource, WrittenPolicy

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which policy is in force.

    Attributes:
        in_force: Its digest.
        refused: Why a newer one was refused; None: there is none.
    """

    in_force: str
    refused: PolicyRefused | None = None

    @property
    def last_read(self) -> str:
        """Digest of what was read last: what is in force, or the newer one that was refused."""
        return self.in_force if self.refused is None else self.refused.digest

    def __str__(self) -> str:
        if self.refused is None:
            return f"policy {self.in_force} is in force"
        return f"policy {self.in_force} is in force; a newer one is refused: {self.refused.message}"


class Reloader:
    """Reads the policy again; the old one stays in force until the new one is whole."""

    def __init__(
        self,
        source: PolicySource,
        boards: Boards,
        *,
        in_force: str,
        told: Callable[[Standing], None],
    ) -> None:
        """
        Args:
            in_force: Digest of the policy that the current board is of.
            told: Hears which policy is in force, now and whenever that has changed.
        """
        self._source = source
        self._boards = boards
        self._told = told
        self._standing = Standing(in_force=in_force)
        self._turn = asyncio.Lock()
        self._broke_at: str | None = None
        told(self._standing)

    @property
    def standing(self) -> Standing:
        """Which policy is in force now."""
        return self._standing

    async def reload(self) -> bool:
        """Read the policy and put it in force; walks in flight keep the one that they began with.

        Returns:
            False: it says the same as the one before.

        Raises:
            PolicyRefused: It has mistakes; the one before stays in force.
        """
        async with self._turn:
            try:
                written = await self._source.read()
            except PolicyRefused as refusal:
                self._refuse(refusal)
                raise
            return self._put_in_force(written)

    async def follow(self) -> None:
        """Reload for nobody in particular: what is wrong is told in the log, and to nobody else.

        A mistake of ours must not end what the policy in force serves. Its cause may pass, so
        the same policy is read again at the next look; the log tells it once.
        """
        try:
            await self.reload()
        except PolicyRefused:
            self._broke_at = None
        except Exception as error:
            self._tell_breakage(crash.describe(error))
        else:
            self._broke_at = None

    def _tell_breakage(self, stack: str) -> None:
        if stack != self._broke_at:
            _log.critical("policy.reload_broke", in_force=self._standing.in_force, stack=stack)
        self._broke_at = stack

    def _refuse(self, refusal: PolicyRefused) -> None:
        """Say it once, however often the same content is read."""
        known = self._standing.refused
        if known is not None and known.digest == refusal.digest:
            return
        _log.error(
            "policy.refused",
            policy=refusal.digest,
            in_force=self._standing.in_force,
            mistakes=[f"{each.field} {each.description}".strip() for each in refusal.violations],
        )
        self._stand(Standing(in_force=self._standing.in_force, refused=refusal))

    def _put_in_force(self, written: WrittenPolicy) -> bool:
        current = self._boards.current
        changed = written.policy != current.policy
        # A name that cannot be resolved now leads to where it led before.
        addresses = {**current.addresses, **written.addresses}
        if changed or addresses != current.addresses:
            self._boards.adopt(written.policy, addresses)
        if changed:
            _log.info(
                "policy.in_force",
                policy=written.digest,
                before=self._standing.in_force,
                targets=len(written.policy.targets),
                routes=len(written.policy.routes),
            )
        self._stand(Standing(in_force=written.digest))
        return changed

    def _stand(self, standing: Standing) -> None:
        self._standing = standing
        self._told(standing)
