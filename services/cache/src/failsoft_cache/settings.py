"""What the operator can set, section `cache`."""

from pathlib import Path

from pydantic import Field, SecretStr

from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import Duration, Size

SECTION = "cache"


class CacheSettings(ServiceSettings):
    """All of it; the defaults make a cache that runs on one machine without Valkey."""

    address: str = address_field("127.0.0.1:50052")
    valkey_url: SecretStr = Field(
        default=SecretStr(""),
        description="Valkey or Redis, such as valkey://user:password@host:6379/0; TLS with"
        " valkeys://. Empty: answers are kept in this process only.",
    )
    valkey_url_file: Path | None = Field(
        default=None,
        description="A file with that URL instead, read again for each new connection.",
    )
    valkey_limit: Duration = Field(
        default=0.05,
        gt=0.0,
        description="How long Valkey may take to reply; when it takes longer it counts as away.",
        json_schema_extra={"unit": "seconds"},
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="Where the secret is made that keys come from, unless secret_file is set.",
    )
    secret_file: Path | None = Field(
        default=None,
        description="The secret that keys come from, at least 32 bytes and the same in all"
        " replicas; who replaces it loses all stored answers. Unset: `cache-secret` in data_dir.",
    )
    local_bytes: Size = Field(
        default=16 * 1024 * 1024,
        ge=0,
        description="What this replica keeps in its own memory, for when Valkey is away.",
        json_schema_extra={"unit": "bytes"},
    )
    max_entry_bytes: Size = Field(
        default=1024 * 1024,
        gt=0,
        le=8 * 1024 * 1024,
        description="The longest answer that is kept.",
        json_schema_extra={"unit": "bytes"},
    )
    drain: Duration = drain_field(15.0)
