"""The policy's file as something that is read again and again."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

from failsoft_kit.settings import SettingsError
from failsoft_kit.settings.document import read_content
from failsoft_kit.settings.whole import FileRefused
from failsoft_model.errors import FieldViolation
from failsoft_router.adapters.policy_file import parse_policy
from failsoft_router.adapters.resolver import addresses_of
from failsoft_router.core.egress import is_outside
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.core.policy import Provider
from failsoft_router.ports import WrittenPolicy

UNREADABLE = "unreadable"
"""Stands for the digest of a file that is not there or cannot be read."""


class PolicyFile:
    """One file; what it says is read and parsed in a thread, because disks may be slow."""

    def __init__(
        self,
        path: Path,
        *,
        own_address: str = "",
        own_http_address: str = "",
        resolver: AbstractResolver | None = None,
    ) -> None:
        """
        Args:
            own_address: `host:port` that the router itself listens on; empty: not known.
            own_http_address: The same for HTTP.
            resolver: Says where its hosts are; None: the system's.
        """
        self._path = path
        self._own_address = own_address
        self._own_http_address = own_http_address
        self._resolver = resolver

    def load(self) -> WrittenPolicy:
        """What it says now, for a router that has not started yet.

        Raises:
            SettingsError: With every mistake: its path and line, what is wrong, what is allowed.
        """
        return self._parse(read_content(self._path))

    async def read(self) -> WrittenPolicy:
        """See `ports.PolicySource`."""
        return await self.located(await asyncio.to_thread(self._read))

    async def located(self, written: WrittenPolicy) -> WrittenPolicy:
        """The policy with what its hosts lead to, as far as names alone do not say it."""
        targets = written.policy.targets.values()
        named = {
            urlsplit(target.endpoint).hostname or ""
            for target in targets
            if target.provider is not Provider.FAILSOFT
        }
        unknown = [host for host in named if is_outside(host, ())]
        resolver = self._resolver or ThreadedResolver()
        return replace(written, addresses=await addresses_of(unknown, resolver=resolver))

    async def digest(self) -> str:
        """Tells what it says now from what it said before; `UNREADABLE` where it says nothing."""
        return await asyncio.to_thread(self._digest)

    def _read(self) -> WrittenPolicy:
        digest = UNREADABLE
        try:
            content = read_content(self._path)
            digest = _digest_of(content)
            return self._parse(content)
        except SettingsError as error:
            raise _refusal(error, digest) from None

    def _parse(self, content: bytes) -> WrittenPolicy:
        policy = parse_policy(
            content,
            file=self._path,
            own_address=self._own_address,
            own_http_address=self._own_http_address,
        )
        return WrittenPolicy(policy=policy, digest=_digest_of(content))

    def _digest(self) -> str:
        try:
            return _digest_of(read_content(self._path))
        except SettingsError:
            return UNREADABLE


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _refusal(error: SettingsError, digest: str) -> PolicyRefused:
    if isinstance(error, FileRefused):
        violations = [
            FieldViolation(field=mistake.path, description=f"{mistake.wrong} ({mistake.place})")
            for mistake in error.mistakes
        ]
    else:
        violations = [FieldViolation(field="", description=problem) for problem in error.problems]
    return PolicyRefused(digest=digest, violations=violations)
