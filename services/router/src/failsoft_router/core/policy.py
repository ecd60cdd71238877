"""The policy as frozen values: who may answer, in which order, under which limits.

`adapters/policy_file.py` reads them from YAML and refuses what is wrong; docs/policy.md
explains every field. All times are seconds.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from failsoft_model.walk import Capability

CACHE_HOP = "cache"
"""The hop that answers with a stale answer of the cache."""
MOCK_HOP = "mock"
"""The hop that answers with a made-up answer that says so."""


class Provider(enum.Enum):
    """Whose wire format a target speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    FAILSOFT = "failsoft"


class TargetKind(enum.Enum):
    """What a target runs on."""

    REMOTE = "remote"
    GPU = "gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one attempt may take, in seconds.

    Attributes:
        connect: To an open connection.
        first_content: To the first content; keep-alives and empty deltas do not count.
        stall: Between two contents.
        total: To the end.
    """

    connect: float = 3.0
    first_content: float = 10.0
    stall: float = 15.0
    total: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a target is taken out, and how it comes back.

    The window's defaults follow what LLM traffic looks like: few calls, so a ratio
    needs at least `minimum_calls`, and low traffic is covered by the consecutive rule.

    Attributes:
        window: Seconds that the ratios look back over.
        failure_ratio: Share of failed calls in the window that opens, over 0 to 1.
        slow_ratio: Share of slow calls in the window that opens, over 0 to 1; slow is a
            first content later than half its limit.
        minimum_calls: Calls in the window below which the ratios say nothing.
        consecutive_failures: Failures in a row that open, whatever the ratio.
        open_for: Seconds of the first open time; it doubles each time.
        open_cap: Seconds that an open time never exceeds, jitter included.
        probes: Calls that may be out at once while half-open.
        good_probes: Good probes that close.
    """

    window: float = 60.0
    failure_ratio: float = 0.5
    slow_ratio: float = 0.8
    minimum_calls: int = 10
    consecutive_failures: int = 5
    open_for: float = 5.0
    open_cap: float = 15.0
    probes: int = 3
    good_probes: int = 2


REMOTE_BREAKER = BreakerPolicy()
GPU_BREAKER = BreakerPolicy(open_cap=30.0, probes=1, good_probes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """Where a target's key is: a file or a variable of the environment."""

    file: str = ""
    env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """One thing that can answer.

    Attributes:
        model: The target's own model id.
        endpoint: An http(s) base URL; for provider `failsoft` a gRPC target, or a Kubernetes
            service whose endpoints are watched (see `core/service_address.py`).
        credential: None: none is needed.
        context_tokens: Request and answer together; 0: not known.
        external: It leaves our own network; tenants may forbid that.
        concurrency: Calls at once.
        tokens_in_flight: Of these calls together, prompts and longest answers; 0: no limit.
        attempts: Calls to it in one hop, at most.
        allow_private: Its address may be loopback or private.
        tls: Calls of provider `failsoft` go by TLS; a URL says that itself.
        server_name: What its certificate is for, where that is not the endpoint's host.
        proxy: Base URL of the HTTP proxy that leads to it; empty: none is needed.
        proxy_credential: Where `user:password` for the proxy are; None: it wants none.
        ca_certificates: PEM; who may vouch for it, instead of whom the system trusts. Empty:
            the system's.
    """

    name: str
    provider: Provider
    model: str
    endpoint: str
    credential: CredentialSource | None = None
    context_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset()
    limits: Limits = field(default_factory=Limits)
    kind: TargetKind = TargetKind.REMOTE
    breaker: BreakerPolicy = REMOTE_BREAKER
    external: bool = True
    allow_private: bool = False
    tls: bool = False
    server_name: str = ""
    proxy: str = ""
    proxy_credential: CredentialSource | None = None
    ca_certificates: str = field(default="", repr=False)
    concurrency: int = 64
    tokens_in_flight: int = 0
    attempts: int = 2

    @property
    def health_key(self) -> tuple[str, str]:
        """What is ill together: endpoint and model."""
        return (self.endpoint, self.model)

    @property
    def credential_key(self) -> tuple[str, str, str]:
        """What is refused, and what money is spent, together: a credential at an endpoint."""
        source = self.credential or CredentialSource()
        return (self.endpoint, source.file, source.env)

    @property
    def quota_key(self) -> tuple[str, ...]:
        """What is limited together: a credential's requests to a model."""
        return (*self.credential_key, self.model)

    @property
    def gone_key(self) -> tuple[str, ...]:
        """What is not offered together: a model, for a credential."""
        return self.quota_key


class FreshHits(enum.Enum):
    """When a fresh stored answer may be given without asking a target."""

    DETERMINISTIC = "deterministic"
    """Where the caller wants the same answer twice: temperature 0."""
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """What a route keeps; raising `epoch` by hand makes its old answers unreachable."""

    fresh_for: float = 300.0
    stale_if_error: float = 86400.0
    epoch: int = 1
    fresh_hits: FreshHits = FreshHits.DETERMINISTIC


class Midstream(enum.Enum):
    """What happens when a target dies after it has spoken; `core/rescue.py` has the cases."""

    CONTINUE = "continue"
    RESTART = "restart"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """A model alias that callers ask for, with its hops, best first.

    Attributes:
        hops: Names of targets, `cache` or `mock`.
        serves: Model ids that lead here; a trailing `*` matches any rest.
        default: It takes what no route serves.
        deadline: Seconds to the first content, for callers without their own.
        content_filter_falls_back: A provider's content refusal tries the next hop.
        cache: None: nothing is looked up or stored.
    """

    name: str
    hops: tuple[str, ...]
    serves: tuple[str, ...] = ()
    default: bool = False
    deadline: float = 120.0
    midstream: Midstream = Midstream.CONTINUE
    content_filter_falls_back: bool = False
    cache: CachePolicy | None = field(default_factory=CachePolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """How much a tenant may ask of one router.

    Attributes:
        requests_per_minute: 0: no limit.
        burst: Requests that may come at once after a quiet time; at least 1.
        concurrent: Requests that may run at once; 0: no limit.
    """

    requests_per_minute: int = 0
    burst: int = 1
    concurrent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPolicy:
    """What one tenant wants and allows.

    Attributes:
        prefer: Route name to targets, which come first in this order.
        deny: Names of targets, and providers' names, that may not answer.
        no_external: Only targets in our own network may answer.
        allow_mock: A made-up answer is better than none.
        allow_stale: An old answer is better than none.
        limits: None: there are none.
    """

    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deny: frozenset[str] = frozenset()
    no_external: bool = False
    allow_mock: bool = False
    allow_stale: bool = True
    limits: TenantLimits | None = None


_UNLISTED = TenantPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole policy; names are unique and every hop names a target that is there."""

    targets: Mapping[str, TargetPolicy]
    routes: Mapping[str, RoutePolicy]
    tenants: Mapping[str, TenantPolicy] = field(default_factory=dict)

    def tenant(self, name: str) -> TenantPolicy:
        """The tenant's policy, or the defaults for one that is not listed."""
        return self.tenants.get(name, _UNLISTED)
