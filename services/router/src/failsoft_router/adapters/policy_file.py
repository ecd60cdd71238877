"""The policy file: YAML in, frozen policy out, or every mistake at once."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from failsoft_kit.settings import Duration, SecretSource, Settings
from failsoft_kit.settings.document import read_content
from failsoft_kit.settings.whole import load_content
from failsoft_model.walk import Capability
from failsoft_router.adapters.addresses import in_own_network
from failsoft_router.adapters.breaker_check import HealthKey
from failsoft_router.adapters.certificates import read_certificates
from failsoft_router.adapters.endpoint_check import Raw
from failsoft_router.adapters.policy_check import mistakes
from failsoft_router.core.policy import (
    GPU_BREAKER,
    REMOTE_BREAKER,
    BreakerPolicy,
    CachePolicy,
    CredentialSource,
    FreshHits,
    Limits,
    Midstream,
    Policy,
    Provider,
    RoutePolicy,
    TargetKind,
    TargetPolicy,
    TenantLimits,
    TenantPolicy,
)
from failsoft_router.core.retry import MAX_ATTEMPTS_PER_HOP

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com/v1"
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
_DEFAULT_URLS = {
    Provider.OPENAI.value: OPENAI_URL,
    Provider.ANTHROPIC.value: ANTHROPIC_URL,
    Provider.GEMINI.value: GEMINI_URL,
}
"""Where a provider is whose target names no endpoint."""

_ANTHROPICS = frozenset({Capability.TOOLS, Capability.JSON_SCHEMA, Capability.VISION})
"""What each model can do that Anthropic itself offers; others behind its wire format differ."""
_GEMINIS = frozenset({Capability.TOOLS, Capability.JSON_SCHEMA, Capability.VISION})
"""What each Gemini can do that Google itself offers; other families behind its API differ."""

_BURSTS_A_MINUTE = 6
"""A tenant without a `burst` of its own may ask at once what it may ask in ten seconds."""

Seconds = Annotated[Duration, Field(gt=0, le=3600)]
Storage = Annotated[Duration, Field(ge=0, le=30 * 86400)]
Count = Annotated[int, Field(ge=1, le=1000)]


class _Credential(SecretSource):
    file: str = Field(default="", description="Path of the key's file, from the policy's folder.")
    env: str = Field(default="", description="Name of the variable that holds the key.")


class _Limits(Settings):
    connect: Seconds = Field(default=3.0, description="To an open connection.")
    first_content: Seconds = Field(default=10.0, description="To the first content.")
    stall: Seconds = Field(default=15.0, description="Between two contents.")
    total: Seconds = Field(default=600.0, description="To the end.")


class _Breaker(Settings):
    window: Seconds | None = Field(default=None, description="What the ratios look back over.")
    failure_ratio: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Share of failed calls that opens."
    )
    slow_ratio: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Share of slow calls that opens."
    )
    minimum_calls: Count | None = Field(
        default=None, description="Below it the ratios say nothing."
    )
    consecutive_failures: Count | None = Field(
        default=None, description="Failures in a row that open."
    )
    open_for: Seconds | None = Field(default=None, description="The first open time; it doubles.")
    open_cap: Seconds | None = Field(default=None, description="No open time is longer.")
    probes: Count | None = Field(default=None, description="Calls out at once while half-open.")
    good_probes: Count | None = Field(default=None, description="Good probes that close.")


class _Target(Settings):
    provider: Provider = Field(description="Whose wire format it speaks.")
    model: str = Field(min_length=1, max_length=256, description="Its own model id.")
    endpoint: str = Field(default="", description="Base URL, or gRPC target for provider failsoft.")
    credential: _Credential | None = Field(default=None, description="Where its key is.")
    context_tokens: int = Field(
        default=0, ge=0, le=1_000_000_000, description="Request and answer; 0: not known."
    )
    capabilities: list[Capability] | None = Field(
        default=None, description="What it can do beyond text."
    )
    limits: _Limits = Field(default=_Limits(), description="How long one attempt may take.")
    kind: TargetKind = Field(default=TargetKind.REMOTE, description="What it runs on.")
    breaker: _Breaker = Field(default=_Breaker(), description="When it is taken out.")
    external: bool | None = Field(default=None, description="It leaves our own network.")
    allow_private: bool = Field(default=False, description="Its address may be private.")
    tls: bool = Field(default=False, description="By TLS; for provider failsoft.")
    proxy: str = Field(default="", description="HTTP proxy that leads there, as a URL.")
    proxy_credential: _Credential | None = Field(
        default=None, description="Where the proxy's user:password are."
    )
    ca_file: str = Field(
        default="", description="Who may vouch for it, in PEM; from the policy's folder."
    )
    concurrency: Count = Field(default=64, description="Calls at once.")
    tokens_in_flight: int = Field(
        default=0, ge=0, le=1_000_000_000, description="Of all calls at once; 0: not limited."
    )
    attempts: Annotated[int, Field(ge=1, le=2)] | None = Field(
        default=None, description="Calls to it in one hop; 2, or 1 for gpu."
    )


class _Cache(Settings):
    fresh_for: Storage = Field(default=300.0, description="Served in good times.")
    stale_if_error: Storage = Field(
        default=86400.0, description="Served when nothing else answers."
    )
    epoch: int = Field(
        default=1,
        ge=0,
        le=1_000_000_000,
        description="Raise it to forget the route's old answers.",
    )
    fresh_hits: FreshHits = Field(
        default=FreshHits.DETERMINISTIC, description="When a fresh answer is given unasked."
    )


class _Route(Settings):
    hops: list[str] = Field(min_length=1, max_length=16, description="Best first.")
    serves: list[str] = Field(
        default=[], description="Model ids that lead here; `*` at the end only."
    )
    default: bool = Field(default=False, description="Takes what no route serves.")
    deadline: Seconds = Field(
        default=120.0, description="To the first content, without a caller's own."
    )
    midstream: Midstream = Field(
        default=Midstream.CONTINUE,
        description="What happens when a target dies after it has spoken.",
    )
    content_filter_falls_back: bool = Field(
        default=False, description="A provider's content refusal tries the next hop."
    )
    cache: _Cache | None = Field(default=_Cache(), description="null: nothing is stored.")


class _TenantLimits(Settings):
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="On average."
    )
    burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="At once, after a quiet time; default: those of 10 seconds."
    )
    concurrent: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Running at the same time."
    )


class _Tenant(Settings):
    prefer: dict[str, list[str]] = Field(
        default={}, description="Route to targets that come first."
    )
    deny: list[str] = Field(default=[], description="Targets and providers that may not answer.")
    no_external: bool = Field(default=False, description="Only targets in our own network.")
    allow_mock: bool = Field(default=False, description="A made-up answer is better than none.")
    allow_stale: bool = Field(default=True, description="An old answer is better than none.")
    limits: _TenantLimits | None = Field(default=None, description="How much it may ask.")


class _Policy(Settings):
    targets: dict[str, _Target] = Field(description="Who may answer.")
    routes: dict[str, _Route] = Field(min_length=1, description="What may be asked for.")
    tenants: dict[str, _Tenant] = Field(default={}, description="What each tenant wants.")


def load_policy(file: Path) -> Policy:
    """Read a policy.

    Raises:
        SettingsError: With every mistake: its path and line, what is wrong, what is allowed.
    """
    return parse_policy(read_content(file), file=file)


def parse_policy(
    content: bytes, *, file: Path, own_address: str = "", own_http_address: str = ""
) -> Policy:
    """The policy that the content of a file says.

    Args:
        file: Where the content is from; credentials' paths begin at its folder.
        own_address: `host:port` that the router itself listens on; empty: not known.
        own_http_address: The same for HTTP.

    Raises:
        FileRefused: With every mistake: its path and line, what is wrong, what is allowed.
        SettingsError: The content is no YAML, or no mapping.
    """
    check = partial(
        mistakes,
        read=_breaker_of,
        own_address=own_address,
        own_http_address=own_http_address,
        folder=file.parent,
    )
    raw = load_content(_Policy, content, name=str(file), check=check)
    return Policy(
        targets={name: _target(name, each, file.parent) for name, each in raw.targets.items()},
        routes={name: _route(name, each) for name, each in raw.routes.items()},
        tenants={name: _tenant(each) for name, each in raw.tenants.items()},
    )


def _target(name: str, raw: _Target, folder: Path) -> TargetPolicy:
    ours = raw.provider is Provider.FAILSOFT and in_own_network(raw.endpoint)
    return TargetPolicy(
        name=name,
        provider=raw.provider,
        model=raw.model,
        endpoint=_endpoint(raw.endpoint, raw.provider.value),
        credential=_credential(raw.credential, folder) if raw.credential else None,
        context_tokens=raw.context_tokens,
        capabilities=_capabilities(raw),
        limits=Limits(**raw.limits.model_dump()),
        kind=raw.kind,
        breaker=_breaker(raw.kind, raw.breaker),
        external=not ours if raw.external is None else raw.external,
        allow_private=raw.allow_private,
        tls=raw.tls,
        proxy=raw.proxy.rstrip("/"),
        proxy_credential=(
            _credential(raw.proxy_credential, folder) if raw.proxy_credential else None
        ),
        ca_certificates=read_certificates(folder / raw.ca_file) if raw.ca_file else "",
        concurrency=raw.concurrency,
        tokens_in_flight=raw.tokens_in_flight,
        attempts=raw.attempts or MAX_ATTEMPTS_PER_HOP[raw.kind],
    )


def _capabilities(raw: _Target) -> frozenset[Capability]:
    if raw.capabilities is not None:
        return frozenset(raw.capabilities)
    match raw.provider:
        case Provider.ANTHROPIC if not raw.endpoint:
            return _ANTHROPICS
        case Provider.GEMINI if not raw.endpoint and raw.model.startswith("gemini-"):
            return _GEMINIS
        case _:
            return frozenset()


def _credential(raw: _Credential, folder: Path) -> CredentialSource:
    return CredentialSource(file=str(folder / raw.file) if raw.file else "", env=raw.env)


def _endpoint(written: str, provider: str) -> str:
    return (written or _DEFAULT_URLS.get(provider, "")).rstrip("/")


def _breaker(kind: TargetKind, raw: _Breaker) -> BreakerPolicy:
    defaults = GPU_BREAKER if kind is TargetKind.GPU else REMOTE_BREAKER
    written = raw.model_dump(exclude_none=True)
    return replace(defaults, **written)


def _breaker_of(target: Raw) -> tuple[HealthKey, BreakerPolicy] | None:
    """See `breaker_check.Read`."""
    endpoint, model = target.get("endpoint", ""), target.get("model")
    provider = target.get("provider")
    if not (isinstance(endpoint, str) and isinstance(model, str) and isinstance(provider, str)):
        return None
    try:
        kind = TargetKind(target.get("kind", TargetKind.REMOTE))
        raw = _Breaker.model_validate(target.get("breaker", {}))
    except ValueError:
        return None
    return (_endpoint(endpoint, provider), model), _breaker(kind, raw)


def _route(name: str, raw: _Route) -> RoutePolicy:
    return RoutePolicy(
        name=name,
        hops=tuple(raw.hops),
        serves=tuple(raw.serves),
        default=raw.default,
        deadline=raw.deadline,
        midstream=raw.midstream,
        content_filter_falls_back=raw.content_filter_falls_back,
        cache=CachePolicy(**dict(raw.cache)) if raw.cache is not None else None,
    )


def _tenant(raw: _Tenant) -> TenantPolicy:
    return TenantPolicy(
        prefer={route: tuple(targets) for route, targets in raw.prefer.items()},
        deny=frozenset(raw.deny),
        no_external=raw.no_external,
        allow_mock=raw.allow_mock,
        allow_stale=raw.allow_stale,
        limits=None if raw.limits is None else _tenant_limits(raw.limits),
    )


def _tenant_limits(raw: _TenantLimits) -> TenantLimits:
    rate = raw.requests_per_minute or 0
    return TenantLimits(
        requests_per_minute=rate,
        burst=raw.burst or max(1, rate // _BURSTS_A_MINUTE),
        concurrent=raw.concurrent or 0,
    )
