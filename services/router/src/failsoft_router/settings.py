"""What the operator can set, section `router`."""

from pathlib import Path

from pydantic import Field, SecretStr

from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import Duration, Settings, Size
from failsoft_kit.tls.settings import ClientTlsSettings

SECTION = "router"


class ExplainSettings(Settings):
    """What is remembered of walks, for who asks why an answer is as it is."""

    walks: int = Field(
        default=2000,
        ge=0,
        le=1_000_000,
        description="How many of its last walks a replica remembers. 0: none.",
    )
    memory: Size = Field(
        default=16 * 1024 * 1024,
        ge=0,
        description="What these may take; the oldest make room. A walk takes 3 to 5 KiB.",
        json_schema_extra={"unit": "bytes"},
    )
    valkey_url: SecretStr = Field(
        default=SecretStr(""),
        description="Valkey or Redis, such as valkey://user:password@host:6379/1, where all"
        " replicas keep their walks, so that any of them can explain every one; TLS with"
        " valkeys://. Empty: each replica explains its own.",
    )
    valkey_url_file: Path | None = Field(
        default=None,
        description="A file with that URL instead, read again for each new connection.",
    )
    time_to_live: Duration = Field(
        default=3600.0,
        ge=1.0,
        le=30 * 86400.0,
        description="How long walks stay in Valkey.",
        json_schema_extra={"unit": "seconds"},
    )


class RouterSettings(ServiceSettings):
    """All of it; only the policy has no default."""

    address: str = address_field("127.0.0.1:50050", serves="InferenceService")
    admin_address: str = Field(
        default="127.0.0.1:50060",
        description="Where RouterAdminService is served; without a service token loopback only.",
    )
    identity: IdentitySettings = Field(
        default=IdentitySettings(), description="How users are known."
    )
    http_address: str | None = Field(
        default=None,
        description="Where OpenAI's HTTP API is served, such as 127.0.0.1:50080; without a service"
        " token or API keys loopback only. Unset: nowhere.",
    )
    keep_alive: Duration = Field(
        default=15.0,
        gt=0.0,
        description="After how long a silence a stream of the HTTP API is sent a comment, so that"
        " nobody in between takes it for dead.",
        json_schema_extra={"unit": "seconds"},
    )
    policy_file: Path = Field(
        description="The policy: targets, routes, tenants; see docs/policy.md.",
    )
    cache_address: str = Field(
        default="",
        description="gRPC target of the cache, such as dns:///failsoft-cache:50052."
        " Empty: nothing is looked up or stored.",
    )
    client_tls: ClientTlsSettings | None = Field(
        default=None,
        description="TLS of calls to our own services: to the cache, and to targets in our network"
        " whose policy says `tls: true`. Unset: the cache is called in the clear.",
    )
    kubernetes_api: str = Field(
        default="",
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="Base URL of the Kubernetes API that says which endpoints a target has, such"
        " as that of `kubectl proxy`; it is shown no credential. Empty: the API of the cluster"
        " that the router runs in, as its service account.",
    )
    metrics_tenants: list[str] = Field(
        default=[],
        max_length=100,
        description="Tenants whose walks and tokens metrics tell by name; those of all others are"
        " told as `other`. Empty: nothing is told by tenant.",
    )
    explain: ExplainSettings = Field(
        default=ExplainSettings(), description="What is remembered of walks."
    )
    reflection: bool = Field(
        default=False,
        description="Whether the front port tells what it serves; the admin port always does.",
    )
    drain: Duration = drain_field(25.0)
