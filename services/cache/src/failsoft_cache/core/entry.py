"""An answer with its lifetime, and the sealed bytes that it is kept as.

    schema | created | fresh_for | stale_while_revalidate | stale_if_error | seal | answer

One byte; four IEEE doubles of seconds, big endian; 32 bytes; the rest. The seal covers
everything else and the key, and is the tenant's: a damaged entry, one of another schema,
and one that was moved to another key or tenant all fail to open.
"""

import hmac
import struct
from dataclasses import dataclass

from failsoft_cache.core.key import TenantSecrets

SCHEMA = 1
"""Raise it when the layout changes or when older entries must not be used any more."""

_FACTS = struct.Struct(">Bdddd")
_SEAL = slice(_FACTS.size, _FACTS.size + 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long an answer may be used, in seconds; 0: not at all."""

    fresh_for: float = 0.0
    """In good times, from its creation."""
    stale_while_revalidate: float = 0.0
    """After that, while it is refreshed."""
    stale_if_error: float = 0.0
    """After fresh_for, when nothing better can be had."""

    @property
    def lifetime(self) -> float:
        """Seconds from its creation until it is of no use at all."""
        return self.fresh_for + max(self.stale_while_revalidate, self.stale_if_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A whole answer and how long it may be used."""

    answer: bytes
    """Serialised; never looked into here."""
    created: float
    """Seconds since 1970, by the clock of whoever completed it."""
    windows: Windows


class Damaged(Exception):
    """The bytes are not what was stored under this key of this tenant."""


def seal(entry: Entry, *, key: bytes, secrets: TenantSecrets) -> bytes:
    """The bytes to keep."""
    windows = entry.windows
    facts = _FACTS.pack(
        SCHEMA,
        entry.created,
        windows.fresh_for,
        windows.stale_while_revalidate,
        windows.stale_if_error,
    )
    return facts + secrets.seal(key + facts + entry.answer) + entry.answer


def unseal(sealed: bytes, *, key: bytes, secrets: TenantSecrets) -> Entry:
    """The entry in those bytes.

    Raises:
        Damaged: they are not what `seal` gave for this key and tenant in this schema.
    """
    if sealed[:1] != bytes([SCHEMA]):
        raise Damaged("of another schema")
    facts, answer = sealed[: _FACTS.size], sealed[_SEAL.stop :]
    if not hmac.compare_digest(sealed[_SEAL], secrets.seal(key + facts + answer)):
        raise Damaged("the seal is broken")
    _, created, fresh_for, stale_while_revalidate, stale_if_error = _FACTS.unpack(facts)
    return Entry(
        answer=answer,
        created=created,
        windows=Windows(
            fresh_for=fresh_for,
            stale_while_revalidate=stale_while_revalidate,
            stale_if_error=stale_if_error,
        ),
    )
