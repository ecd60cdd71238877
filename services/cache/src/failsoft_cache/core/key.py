"""Keys that belong to one tenant: nobody can compute, read or forge another's.

Everything comes from one master secret. Of it each tenant has two secrets of its own,
one that turns its requests into keys and one that seals its entries, so that equal
requests of two tenants have different keys and an entry moved between them is refused.
"""

import functools
import hmac
from dataclasses import dataclass, field

KEY_BYTES = 32
MASTER_SECRET_MIN_BYTES = 32

_TENANTS_REMEMBERED = 1024


def spare_key(key: bytes) -> bytes:
    """Where an answer is kept that is never fresh: beside the one that may be.

    No caller can name it: their keys are shorter.
    """
    return b"spare:" + key


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSecrets:
    """What one tenant's keys and seals are made with."""

    _for_keys: bytes = field(repr=False)
    _for_seals: bytes = field(repr=False)

    def key(self, canonical_request: bytes) -> bytes:
        """The key of a request: 32 bytes that say nothing about it."""
        return hmac.digest(self._for_keys, canonical_request, "sha256")

    def seal(self, content: bytes) -> bytes:
        """A mark, 32 bytes, that only this tenant's secret puts on this content."""
        return hmac.digest(self._for_seals, content, "sha256")


class MasterSecret:
    """The secret that all tenants' secrets are derived from; hides itself."""

    def __init__(self, value: bytes) -> None:
        """
        Args:
            value: At least 32 bytes that nobody can guess.

        Raises:
            ValueError: it is shorter.
        """
        if len(value) < MASTER_SECRET_MIN_BYTES:
            raise ValueError(f"a master secret has at least {MASTER_SECRET_MIN_BYTES} bytes")
        self._value = value
        self._remembered = functools.lru_cache(maxsize=_TENANTS_REMEMBERED)(self._derive)

    def of(self, tenant: str) -> TenantSecrets:
        """The secrets of a tenant; the same ones as long as the master secret is the same."""
        return self._remembered(tenant)

    def __repr__(self) -> str:
        return "MasterSecret()"

    def _derive(self, tenant: str) -> TenantSecrets:
        return TenantSecrets(
            _for_keys=hmac.digest(self._value, b"key:" + tenant.encode(), "sha256"),
            _for_seals=hmac.digest(self._value, b"seal:" + tenant.encode(), "sha256"),
        )
