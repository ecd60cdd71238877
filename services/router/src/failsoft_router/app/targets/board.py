"""The targets of one policy, each in its place."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from failsoft_kit.clock import Clock
from failsoft_router.app.targets.connections import Connections, Uses
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.targets.place import Place
from failsoft_router.core.draft import Drafts
from failsoft_router.core.egress import Addresses, is_outside
from failsoft_router.core.endpoints import Endpoints
from failsoft_router.core.errors import TargetNotFound
from failsoft_router.core.policy import Policy, Provider, TargetPolicy
from failsoft_router.core.tenant_limits import TenantLimiter
from failsoft_router.ports import Replicated, Target


class Board:
    """Every target of one policy; what the ledger knows outlives the policy."""

    def __init__(
        self,
        policy: Policy,
        addresses: Addresses,
        *,
        connections: Connections,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        """
        Args:
            addresses: Of the targets' hosts, as far as they are known.
        """
        self.policy = policy
        self.addresses = addresses
        self.drafts = Drafts(policy)
        now = clock.now()
        opened = {name: connections.to(target) for name, target in policy.targets.items()}
        hosts = {name: _outside_host(target, addresses) for name, target in policy.targets.items()}
        self.egress = ledger.egress
        self._places = {
            name: Place(
                policy=target,
                target=opened[name].target,
                credential=opened[name].credential,
                uses=opened[name].uses,
                gates=ledger.gates(target, endpoints=_endpoints(opened[name].target), now=now),
                bulkhead=ledger.bulkhead(target, now=now),
                retries=ledger.retries(target, now=now),
                probes=ledger.probes(target, now=now),
                history=ledger.history(target, now=now),
                doubt=ledger.doubt(target, now=now),
                prefill=ledger.prefill(target, now=now),
                egress=self.egress,
                host=hosts[name],
            )
            for name, target in policy.targets.items()
        }
        self._limiters = {
            name: ledger.limiter(name, tenant.limits, now=now)
            for name, tenant in policy.tenants.items()
            if tenant.limits is not None
        }
        ledger.keep_only(policy.targets.values(), limited=self._limiters, now=now)
        watched = filter(None, hosts.values())
        self.egress.watch(watched, may_be_called=self._may_be_called, now=now)
        self.uses = Uses(self._let_go)
        for place in self._places.values():
            place.uses.begin()

    def place(self, name: str) -> Place:
        """The target of this name.

        Raises:
            TargetNotFound: The policy has none.
        """
        found = self._places.get(name)
        if found is None:
            raise TargetNotFound(
                f"the policy has no such target; it has: {', '.join(self._places) or 'none'}"
            )
        return found

    def places(self) -> Iterable[Place]:
        """All targets in the policy's order."""
        return self._places.values()

    def limiter(self, tenant: str) -> TenantLimiter | None:
        """What the tenant has left of what it may ask; None: it has no limits."""
        return self._limiters.get(tenant)

    def without_credential(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these targets that need a key and have none."""
        return frozenset(
            name
            for name in names
            if (place := self._places.get(name)) is not None and place.lacks_credential
        )

    def _may_be_called(self, host: str, now: float) -> bool:
        """Whether calls go to a target at this host, our own way out aside."""
        return any(place.host == host and place.may_be_called(now) for place in self.places())

    def _let_go(self) -> None:
        """Nobody can begin a call from this board any more."""
        for place in self._places.values():
            place.uses.end()


def _endpoints(target: Target) -> Endpoints | None:
    """Those of a target that has several; None: it is where its policy says."""
    return target.endpoints if isinstance(target, Replicated) else None


def _outside_host(target: TargetPolicy, addresses: Addresses) -> str:
    """The host that a target is reached at by our way out; empty where it is reached inside."""
    if target.provider is Provider.FAILSOFT:
        return ""
    host = urlsplit(target.endpoint).hostname or ""
    return host if is_outside(host, addresses.get(host, ())) else ""
