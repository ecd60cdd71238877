"""Draws without chance: the same key gives the same numbers, on every machine."""

import hashlib


class Draws:
    """The numbers that one key gives, one after the other."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def below(self, limit: int) -> int:
        """The next number: 0 up to, but not including, `limit`, which is at least 1."""
        self._count += 1
        digest = hashlib.sha256(self._count.to_bytes(8, "big") + self._key).digest()
        return int.from_bytes(digest[:8], "big") % limit
