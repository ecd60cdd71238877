"""What this replica knows of endpoints, credentials and targets, across policies.

Each gate has the key of what it protects, so its state survives a reload of the policy
while the key is equal: a new limit does not close an open breaker. What no policy names
any more is kept for ten minutes, in case the edit is taken back; a call that is still out
reports into the machine that it began with.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from failsoft_router.app.targets.bulkhead import Bulkhead
from failsoft_router.app.targets.gates import Gates
from failsoft_router.core.breaker import Breaker
from failsoft_router.core.doubt import Doubt
from failsoft_router.core.egress import EgressWatch
from failsoft_router.core.endpoints import Endpoints
from failsoft_router.core.extra_calls import PROBES, RETRIES, ExtraCalls
from failsoft_router.core.gate import Isolation, Quarantine, QuotaGate, TargetGate
from failsoft_router.core.history import History
from failsoft_router.core.policy import TargetPolicy, TenantLimits
from failsoft_router.core.prefill import Prefill
from failsoft_router.core.tenant_limits import TenantLimiter

KEPT_SECONDS = 600.0

M = TypeVar("M")


@dataclass(slots=True)
class _Entry(Generic[M]):
    machine: M
    unused_since: float | None = None

    def is_forgotten(self, now: float) -> bool:
        return self.unused_since is not None and now - self.unused_since >= KEPT_SECONDS


@dataclass(slots=True)
class Shelf(Generic[M]):
    """Machines of one kind by their keys."""

    _entries: dict[Hashable, _Entry[M]] = field(default_factory=dict)

    def get(self, key: Hashable, make: Callable[[], M], *, now: float) -> M:
        """The machine of this key, a new one if there is none or it was unused for too long."""
        entry = self._entries.get(key)
        if entry is None or entry.is_forgotten(now):
            entry = self._entries[key] = _Entry(make())
        entry.unused_since = None
        return entry.machine

    def keep_only(self, used: set[Hashable], *, now: float) -> None:
        """Forget what has not been used by a policy for `KEPT_SECONDS`."""
        for key, entry in list(self._entries.items()):
            if key in used:
                continue
            if entry.unused_since is None:
                entry.unused_since = now
            elif entry.is_forgotten(now):
                del self._entries[key]


class Ledger:
    """Every machine of this replica."""

    def __init__(self) -> None:
        self._health: Shelf[Breaker] = Shelf()
        self._histories: Shelf[History] = Shelf()
        self._doubts: Shelf[Doubt] = Shelf()
        self._quotas: Shelf[QuotaGate] = Shelf()
        self._accounts: Shelf[QuotaGate] = Shelf()
        self._quarantines: Shelf[Quarantine] = Shelf()
        self._gone: Shelf[TargetGate] = Shelf()
        self._isolations: Shelf[Isolation] = Shelf()
        self._retries: Shelf[ExtraCalls] = Shelf()
        self._probes: Shelf[ExtraCalls] = Shelf()
        self._bulkheads: Shelf[Bulkhead] = Shelf()
        self._prefills: Shelf[Prefill] = Shelf()
        self._limiters: Shelf[TenantLimiter] = Shelf()
        self.egress = EgressWatch()
        """What is known of our own way out, whatever the policy."""

    def gates(
        self, target: TargetPolicy, *, endpoints: Endpoints | None = None, now: float
    ) -> Gates:
        """The target's gates; new thresholds apply from the next call.

        Args:
            endpoints: The target's, where they are watched.
        """
        health = self._health.get(
            target.health_key, lambda: Breaker(target.breaker, now=now), now=now
        )
        health.adopt(target.breaker)
        return Gates(
            health=health,
            quota=self._quotas.get(target.quota_key, QuotaGate, now=now),
            account=self._accounts.get(target.credential_key, QuotaGate, now=now),
            quarantine=self._quarantines.get(target.credential_key, Quarantine, now=now),
            target=self._gone.get(target.gone_key, TargetGate, now=now),
            isolation=self._isolations.get(target.name, Isolation, now=now),
            endpoints=endpoints,
        )

    def history(self, target: TargetPolicy, *, now: float) -> History:
        """What the endpoint's model usually takes."""
        return self._histories.get(target.health_key, History, now=now)

    def doubt(self, target: TargetPolicy, *, now: float) -> Doubt:
        """Whether the endpoint's model has fallen silent."""
        return self._doubts.get(target.health_key, Doubt, now=now)

    def prefill(self, target: TargetPolicy, *, now: float) -> Prefill:
        """Whether the endpoint's model refuses answers that others have begun."""
        return self._prefills.get(target.health_key, Prefill, now=now)

    def retries(self, target: TargetPolicy, *, now: float) -> ExtraCalls:
        """How often the target may be asked a second time."""
        return self._retries.get(target.name, lambda: ExtraCalls(RETRIES, now=now), now=now)

    def probes(self, target: TargetPolicy, *, now: float) -> ExtraCalls:
        """How often a probe of the target may be left running beside another's call."""
        return self._probes.get(target.name, lambda: ExtraCalls(PROBES, now=now), now=now)

    def bulkhead(self, target: TargetPolicy, *, now: float) -> Bulkhead:
        """The target's places; a new number of them applies as calls end."""
        bulkhead = self._bulkheads.get(target.name, lambda: Bulkhead(target.concurrency), now=now)
        bulkhead.places, bulkhead.most_tokens = target.concurrency, target.tokens_in_flight
        return bulkhead

    def limiter(self, tenant: str, limits: TenantLimits, *, now: float) -> TenantLimiter:
        """What the tenant has left; new limits apply from the next request."""
        limiter = self._limiters.get(tenant, lambda: TenantLimiter(limits, now=now), now=now)
        limiter.adopt(limits, now=now)
        return limiter

    def keep_only(
        self, targets: Iterable[TargetPolicy], *, limited: Iterable[str] = (), now: float
    ) -> None:
        """A policy with these targets, and limits for these tenants, is in force from now on."""
        self._limiters.keep_only(set(limited), now=now)
        used = tuple(targets)
        names: set[Hashable] = {target.name for target in used}
        health: set[Hashable] = {target.health_key for target in used}
        self._health.keep_only(health, now=now)
        self._histories.keep_only(health, now=now)
        self._doubts.keep_only(health, now=now)
        self._prefills.keep_only(health, now=now)
        self._quotas.keep_only({target.quota_key for target in used}, now=now)
        credentials: set[Hashable] = {target.credential_key for target in used}
        self._accounts.keep_only(credentials, now=now)
        self._quarantines.keep_only(credentials, now=now)
        self._gone.keep_only({target.gone_key for target in used}, now=now)
        self._isolations.keep_only(names, now=now)
        self._retries.keep_only(names, now=now)
        self._probes.keep_only(names, now=now)
        self._bulkheads.keep_only(names, now=now)
