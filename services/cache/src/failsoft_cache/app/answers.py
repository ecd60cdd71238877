"""Looking answers up, keeping them and forgetting them, over two tiers.

The shared tier decides whenever it can be asked; the replica's own tier mirrors what this
replica stored and found there, and is read only while the shared one is away, or if there
is none. So an answer that was forgotten elsewhere is not served from a replica's memory in
good times, and stale answers survive the loss of the shared tier.
An answer that is never fresh, such as a fallback's, has a place of its own under its key: it
cannot take that of a better one, and is given only when that one's time is over.
What was stored while the shared tier was away is not carried over to it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_cache.core.counts import Counts
from failsoft_cache.core.entry import Damaged, Entry, seal, unseal
from failsoft_cache.core.errors import CacheUnavailable
from failsoft_cache.core.freshness import (
    BYPASS,
    MISS,
    Accept,
    Verdict,
    judge,
    left_of,
    not_of_the_future,
)
from failsoft_cache.core.key import MasterSecret, TenantSecrets, spare_key
from failsoft_cache.core.local_tier import LocalTier
from failsoft_cache.core.offer import Offer, refusal
from failsoft_cache.core.tier import Tier
from failsoft_cache.ports import SharedTier, TierAway, Write
from failsoft_kit.clock import Clock
from failsoft_model.walk import CacheStatus

_RETRY_SECONDS = 1.0
"""About as long as it takes to notice that the shared tier is back."""

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look-up gave."""

    key: bytes
    verdict: Verdict
    answer: bytes | None = None
    """Serialised; None unless the verdict is a hit."""
    tier: Tier | None = None
    """Which has said so; None: none was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of answers that were to be kept."""

    refusals: Mapping[int, str]
    """Why some were not, for people, by their index."""
    tier: Tier | None
    """Where the others are; None: there are none."""


class _Read(NamedTuple):
    """What was found at one place, and by which tier; None: nothing of use."""

    entry: Entry | None
    tier: Tier


class Answers:
    """The cache of one replica."""

    def __init__(
        self,
        *,
        secret: MasterSecret,
        local: LocalTier,
        shared: SharedTier | None,
        clock: Clock,
        max_entry_bytes: int,
    ) -> None:
        """
        Args:
            shared: None: this replica is all there is, and that is no degradation.
            max_entry_bytes: Longer answers are refused.
        """
        self._secret = secret
        self._local = local
        self._shared = shared
        self._clock = clock
        self._max_entry_bytes = max_entry_bytes
        self.counts = Counts()

    @property
    def is_shared(self) -> bool:
        """Whether there is a shared tier, be it away or not."""
        return self._shared is not None

    @property
    def trouble(self) -> str | None:
        """Why only this replica's own tier is served, for people; None: all is well."""
        return None if self._shared is None else self._shared.trouble

    def key_of(self, tenant: str, canonical_request: bytes) -> bytes:
        """The key of a tenant's request."""
        return self._secret.of(tenant).key(canonical_request)

    async def look_up(
        self, tenant: str, key: bytes, *, accept: Accept, max_age: float | None = None
    ) -> Found:
        """What there is under the key, and the answer if it may be handed out.

        Args:
            max_age: Seconds; an older entry is not fresh. None: as the entry says.
        """
        if accept is Accept.KEY_ONLY:
            return Found(key=key, verdict=BYPASS)
        places = (key, spare_key(key)) if accept is Accept.STALE else (key,)
        reads = await asyncio.gather(*[self._read(tenant, place) for place in places])
        found = Found(key=key, verdict=MISS, tier=reads[-1].tier)
        for entry, tier in reads:
            if entry is None:
                continue
            verdict = judge(entry, now=self._clock.unix(), accept=accept, max_age=max_age)
            if verdict.status is not CacheStatus.MISS:
                found = Found(key=key, verdict=verdict, answer=entry.answer, tier=tier)
                break
        self.counts.looked_up(found.verdict.status)
        return found

    async def store(self, tenant: str, offers: Sequence[Offer]) -> Kept:
        """Keep what may be kept."""
        now = self._clock.unix()
        secrets = self._secret.of(tenant)
        refusals: dict[int, str] = {}
        writes: list[Write] = []
        for index, offer in enumerate(offers):
            detail = refusal(offer, now=now, max_entry_bytes=self._max_entry_bytes)
            if detail is None:
                writes.append(self._keep(tenant, offer, secrets, now))
            else:
                refusals[index] = detail
        self.counts.stored += len(writes)
        self.counts.refused += len(refusals)
        return Kept(refusals=refusals, tier=await self._share(tenant, writes))

    async def forget(self, tenant: str, key: bytes) -> int:
        """Forget one answer, and say how many there were: 0 or 1.

        Raises:
            CacheUnavailable: it is gone here, but the shared tier may still have it.
        """
        places = (key, spare_key(key))
        removed = [self._local.remove(tenant, place) for place in places]
        if self._shared is None:
            return int(any(removed))
        try:
            shared = [self._shared.remove(tenant, place) for place in places]
            return int(any(await asyncio.gather(*shared)))
        except TierAway as away:
            raise _not_forgotten() from away

    async def forget_all(self, tenant: str) -> int:
        """Forget a tenant's answers, and say how many there were.

        Raises:
            CacheUnavailable: they are gone here, but the shared tier may still have some.
        """
        removed = self._local.remove_all(tenant)
        if self._shared is None:
            return removed
        try:
            return await self._shared.remove_all(tenant)
        except TierAway as away:
            raise _not_forgotten() from away

    @property
    def local_entries(self) -> int:
        """Entries in this replica's own tier."""
        return len(self._local)

    @property
    def local_bytes(self) -> int:
        """Bytes in this replica's own tier."""
        return self._local.bytes_used

    async def _read(self, tenant: str, key: bytes) -> _Read:
        if self._shared is None:
            return self._read_local(tenant, key)
        try:
            sealed = await self._shared.read(tenant, key)
        except TierAway:
            return self._read_local(tenant, key)
        entry = None if sealed is None else self._open(tenant, key, sealed)
        self._mirror(tenant, key, entry)
        return _Read(entry, Tier.SHARED)

    def _read_local(self, tenant: str, key: bytes) -> _Read:
        return _Read(self._local.get(tenant, key, now=self._clock.unix()), Tier.LOCAL)

    def _open(self, tenant: str, key: bytes, sealed: bytes) -> Entry | None:
        """The entry in those bytes; None, and counted, if they are not what was stored."""
        try:
            return unseal(sealed, key=key, secrets=self._secret.of(tenant))
        except Damaged as damaged:
            self.counts.damaged += 1
            if _is_round(self.counts.damaged):
                _log.warning("entry.damaged", why=str(damaged), so_far=self.counts.damaged)
            return None

    def _mirror(self, tenant: str, key: bytes, entry: Entry | None) -> None:
        if entry is None:
            self._local.remove(tenant, key)
        else:
            self._local.put(tenant, key, entry)

    def _keep(self, tenant: str, offer: Offer, secrets: TenantSecrets, now: float) -> Write:
        """Put it into the local tier, and say what the shared one is to keep."""
        entry = not_of_the_future(offer.entry, now=now)
        place = offer.key if entry.windows.fresh_for > 0.0 else spare_key(offer.key)
        self._local.put(tenant, place, entry)
        return Write(
            key=place,
            sealed=seal(entry, key=place, secrets=secrets),
            time_to_live=left_of(entry, now=now),
        )

    async def _share(self, tenant: str, writes: Sequence[Write]) -> Tier | None:
        """Write to the shared tier; without it the local one has to do, and `trouble` says so."""
        if not writes:
            return None
        if self._shared is None:
            return Tier.LOCAL
        try:
            await self._shared.write(tenant, writes)
        except TierAway:
            return Tier.LOCAL
        return Tier.SHARED


def _is_round(count: int) -> bool:
    """Whether it is 1, 10, 100 and so on: damage is told without flooding the log."""
    return str(count).rstrip("0") == "1"


def _not_forgotten() -> CacheUnavailable:
    return CacheUnavailable(
        "Valkey is away: what it holds could not be forgotten; try again when it is back",
        retry_after=_RETRY_SECONDS,
    )
