"""A file on its way: `<path>.partial` until all of it is there and right.

A process that is killed leaves what it had written; the next one reads that and goes on behind it.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from failsoft_local_llm.adapters.store.digest import Digest, digest_of
from failsoft_local_llm.adapters.store.durable import sync_directory
from failsoft_local_llm.core.store.files import Expected
from failsoft_local_llm.core.store.manifest import StoredFile

PARTIAL = ".partial"
"""What is appended to a file's name; no file that is taken ends with it."""


class Part:
    """The first bytes of a file. A context manager: the file is open in it."""

    def __init__(self, place: Path, expected: Expected) -> None:
        """
        Args:
            place: Where the whole file will be.
        """
        self._place = place
        self._partial = partial_place(place)
        self._expected = expected
        self._digest = Digest(expected)
        self.recalled = 0
        """Bytes that an earlier process has written."""

    def __enter__(self) -> Self:
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT, 0o644)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self._digest.size

    async def recall(self) -> None:
        """Reads what an earlier process has left; of no use where it cannot be the beginning."""
        self._digest = await digest_of(self._partial, self._expected)
        if self._expected.size is None or self.size > self._expected.size:
            self.restart()
        self.recalled = self.size
        self._file.seek(self.size)

    def restart(self) -> None:
        """Throws everything away."""
        self._digest = Digest(self._expected)
        self.recalled = 0
        self._file.seek(0)
        self._file.truncate()

    def write(self, piece: bytes) -> None:
        """Appends the next bytes."""
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]
        self._digest.update(piece)

    def mismatch(self) -> str | None:
        """What is wrong with the file as it is; None: it is whole and right."""
        return self._digest.mismatch()

    def finish(self) -> StoredFile:
        """Gives the file its name, once its bytes are on the disk."""
        os.fsync(self._file.fileno())
        self._partial.replace(self._place)
        sync_directory(self._place.parent)
        return self._digest.stored()

    def discard(self) -> None:
        """Deletes what is here."""
        self._partial.unlink()


def partial_place(place: Path) -> Path:
    """Where a file is until it is whole."""
    return place.with_name(place.name + PARTIAL)
