"""Files of API keys, as an operator has them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.key_record import KeyRecord

CREATED = datetime(2026, 11, 1, tzinfo=UTC)


def key_record(key: ApiKey, **fields: object) -> KeyRecord:
    """What is kept of a key of the tenant acme."""
    return KeyRecord.model_validate(
        {"id": key.id, "sha256": key.digest, "tenant": "acme", "created": CREATED, **fields}
    )


def write_keys(file: Path, keys: Mapping[ApiKey, Mapping[str, object]]) -> None:
    """Put these keys, and no others, in the place of what the file had."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(b"".join(key_record(key, **fields).to_line() for key, fields in keys.items()))
    fresh.replace(file)


def bearer(key: ApiKey | str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call that shows it."""
    text = key if isinstance(key, str) else key.text
    return (("authorization", f"Bearer {text}"),)
