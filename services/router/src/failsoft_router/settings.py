"""What the operator can set, section `router`."""

from pathlib import Path

from pydantic import Field

from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import Duration

SECTION = "router"


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
    metrics_tenants: list[str] = Field(
        default=[],
        max_length=100,
        description="Tenants whose walks and tokens metrics tell by name; those of all others are"
        " told as `other`. Empty: nothing is told by tenant.",
    )
    reflection: bool = Field(
        default=False,
        description="Whether the front port tells what it serves; the admin port always does.",
    )
    drain: Duration = drain_field(25.0)
