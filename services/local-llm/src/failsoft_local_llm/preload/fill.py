"""Fills one folder of the store from a source, in an order that survives a kill at any point.

1. The marker goes, if a file is missing or is to be read again, and with it what an earlier
   edition has left and this one does not have.
2. Files that are here are read from their first to their last byte.
3. The rest must fit the disk; else nothing is fetched.
4. The rest is fetched, a few files at a time, each under another name until it is right.
5. Manifest, then marker.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from failsoft_local_llm.adapters.store.digest import digest_of
from failsoft_local_llm.adapters.store.folder import Damaged, Folder
from failsoft_local_llm.adapters.store.source import Broken, Source
from failsoft_local_llm.adapters.store.space import free_bytes
from failsoft_local_llm.adapters.store.transfer import PAUSES, bring
from failsoft_local_llm.core.catalogue import Weights
from failsoft_local_llm.core.profile.units import gib
from failsoft_local_llm.core.store.files import Expected, Listing, NotStored, expected_files
from failsoft_local_llm.core.store.manifest import Manifest, StoredFile, missing_bytes

AT_ONCE = 4
"""Files that are fetched at a time."""
_MOST_BESIDE = 64 * 1024 * 1024
"""Bytes of a tokenizer or a configuration, by far; weights are within 1 % of their estimate."""


class Progress(Protocol):
    """Shows how far it is."""

    def begin(self, total: int | None) -> None:
        """Bytes of all files; None: not known. Called once, before the others."""

    def add(self, count: int) -> None:
        """So many bytes more are here; less than 0: so many were of no use."""

    def tell(self, line: str) -> None:
        """Something worth a line."""


class Fill:
    """Brings weights into their folder."""

    def __init__(
        self,
        weights: Weights,
        folder: Folder,
        *,
        progress: Progress,
        free: Callable[[Path], int | None] = free_bytes,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """
        Args:
            free: Free space where a folder is, or will be.
            pauses: Seconds before each new try in a row that was in vain.
        """
        self._weights = weights
        self._folder = folder
        self._progress = progress
        self._free = free
        self._pauses = pauses

    def found(self) -> Manifest | None:
        """What is here, where all of it is, by names and sizes; None: something is missing."""
        if not self._folder.is_marked:
            return None
        try:
            return self._folder.manifest()
        except Damaged as damaged:
            self._progress.tell(str(damaged))
            return None

    async def is_right(self, manifest: Manifest) -> bool:
        """Whether every file is, byte by byte, what it was when it came."""
        right = True
        self._progress.begin(manifest.bytes)
        for file in manifest.files:
            expected = Expected(path=file.path, size=file.size, sha256=file.sha256)
            digest = await digest_of(self._folder.place(file.path), expected)
            self._progress.add(digest.size)
            if wrong := digest.mismatch():
                self._progress.tell(f"{self._folder.place(file.path)} is damaged: {wrong}")
                right = False
        return right

    async def run(self, source: Source) -> Manifest:
        """Returns when all of it is here and was read.

        Raises:
            NotStored: something is wrong; says what, and what to do.
            OSError: the disk refuses; the error names the file.
        """
        listing = await self._listed(source)
        files = expected_files(self._weights, listing.files)
        self._folder.unmark()
        self._folder.path.mkdir(parents=True, exist_ok=True)
        self._progress.begin(_total(files))
        for stray in self._folder.remove_strays(files, self._weights.format):
            self._progress.tell(f"{stray} is none of the files that belong here: deleted")
        here = {file.path: stored for file in files if (stored := await self._verified(file))}
        missing = [file for file in files if file.path not in here]
        self._check_space(missing)
        fetched = await self._bring(source, missing)
        return self._finish(source, listing, [*here.values(), *fetched])

    async def _verified(self, file: Expected) -> StoredFile | None:
        was_here = self._folder.place(file.path).is_file()
        stored = await self._folder.verified(file)
        if stored is not None:
            self._progress.add(stored.size)
        elif was_here:
            self._progress.tell(f"{file.path} was damaged and is fetched again")
        return stored

    def _check_space(self, missing: Sequence[Expected]) -> None:
        here = self._folder.present_bytes(missing)
        needed = missing_bytes(missing, here, estimate=self._weights.bytes)
        free = self._free(self._folder.path)
        if free is not None and free < needed:
            raise NotStored(
                f"{self._folder.path} has {gib(free)} free, and {gib(needed)} more are needed:"
                f" free {gib(needed - free)}, or name another place with --to"
            )

    async def _bring(self, source: Source, files: Sequence[Expected]) -> list[StoredFile]:
        """The first that fails ends the others; what they have got so far stays."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(file: Expected) -> StoredFile:
            async with places:
                stored = await bring(
                    source,
                    file,
                    self._folder.place(file.path),
                    most=2 * self._weights.bytes + _MOST_BESIDE,
                    on_bytes=self._progress.add,
                    pauses=self._pauses,
                )
                self._progress.tell(f"{file.path}: {gib(stored.size)}")
                return stored

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(file)) for file in files]
        except ExceptionGroup as failures:
            told, others = failures.split((NotStored, OSError))
            if told is None or others is not None:
                raise
            raise told.exceptions[0] from None
        return [task.result() for task in tasks]

    def _finish(self, source: Source, listing: Listing, files: Sequence[StoredFile]) -> Manifest:
        manifest = Manifest(
            weights=self._weights.name,
            source=source.place,
            revision=listing.revision,
            licence=self._weights.licence.name,
            files=tuple(sorted(files, key=lambda file: file.path)),
        )
        self._folder.mark(manifest)
        return manifest

    async def _listed(self, source: Source) -> Listing:
        in_vain = 0
        while True:
            try:
                return await source.listing()
            except Broken as broken:
                in_vain += 1
                if in_vain == len(self._pauses):
                    raise NotStored(f"{source.place} cannot be reached: {broken}") from broken
            await asyncio.sleep(self._pauses[in_vain])


def _total(files: Sequence[Expected]) -> int | None:
    sizes = [file.size for file in files if file.size is not None]
    return sum(sizes) if len(sizes) == len(files) else None
