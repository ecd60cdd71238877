"""What the operator can set, section `router`."""

from pathlib import Path

from pydantic import Field

from failsoft_kit.logs import LogSettings
from failsoft_kit.settings import Duration, Settings

SECTION = "router"


class RouterSettings(Settings):
    """All of it; only the policy has no default."""

    address: str = Field(
        default="127.0.0.1:50050",
        description="Where InferenceService is served; without a service token loopback only.",
    )
    admin_address: str = Field(
        default="127.0.0.1:50060",
        description="Where RouterAdminService is served; without a service token loopback only.",
    )
    policy_file: Path = Field(
        description="The policy: targets, routes, tenants; see docs/policy.md.",
    )
    cache_address: str = Field(
        default="",
        description="gRPC target of the cache, such as dns:///failsoft-cache:50052."
        " Empty: nothing is looked up or stored.",
    )
    service_token_file: Path | None = Field(
        default=None,
        description="The token that our own services show; at least 32 printable ASCII characters."
        " Unset: everybody on this machine is tenant `default`.",
    )
    reflection: bool = Field(
        default=False,
        description="Whether the front port tells what it serves; the admin port always does.",
    )
    drain: Duration = Field(
        default=25.0,
        ge=0.0,
        description="How long running calls may still take when the service stops.",
        json_schema_extra={"unit": "seconds"},
    )
    log: LogSettings = Field(default=LogSettings(), description="What is logged, and how.")
