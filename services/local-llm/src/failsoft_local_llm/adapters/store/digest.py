"""What a file's content is, by reading all of it."""

import asyncio
import hashlib
from pathlib import Path

from failsoft_local_llm.core.store.files import Expected
from failsoft_local_llm.core.store.manifest import StoredFile

PIECE = 1 << 20
"""Bytes that are read and hashed at once: about a millisecond."""


class Digest:
    """Sums up a file's content as it goes by, and compares it with what is expected."""

    def __init__(self, expected: Expected) -> None:
        self.size = 0
        self._expected = expected
        self._sha256 = hashlib.sha256()
        self._git = None
        if expected.git_blob is not None and expected.size is not None:
            head = f"blob {expected.size}\0".encode()
            self._git = hashlib.sha1(head, usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(piece)
        self._sha256.update(piece)
        if self._git is not None:
            self._git.update(piece)

    def mismatch(self) -> str | None:
        """What is wrong with the content so far, taken as the whole; None: nothing."""
        expected = self._expected
        if expected.size is not None and self.size != expected.size:
            return f"it has {self.size} of {expected.size} bytes"
        if expected.sha256 is not None and self._sha256.hexdigest() != expected.sha256:
            return f"its sha256 is {self._sha256.hexdigest()}, and not {expected.sha256}"
        if self._git is not None and self._git.hexdigest() != expected.git_blob:
            return f"its git blob is {self._git.hexdigest()}, and not {expected.git_blob}"
        return None

    def stored(self) -> StoredFile:
        """The record of the whole file."""
        return StoredFile(
            path=self._expected.path,
            size=self.size,
            sha256=self._sha256.hexdigest(),
            evidence=self._expected.evidence,
        )


async def digest_of(place: Path, expected: Expected) -> Digest:
    """The digest of a file that is there. Others get their turn after each piece."""
    digest = Digest(expected)
    with place.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            await asyncio.sleep(0)
    return digest
