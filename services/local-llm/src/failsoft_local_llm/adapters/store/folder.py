"""A folder of the store: the files of one set of weights, its manifest and its marker."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from failsoft_local_llm.adapters.store.digest import digest_of
from failsoft_local_llm.adapters.store.durable import remove_durably, write_durably
from failsoft_local_llm.adapters.store.part import PARTIAL, partial_place
from failsoft_local_llm.core.catalogue import Format
from failsoft_local_llm.core.store.files import Expected, is_taken
from failsoft_local_llm.core.store.manifest import COMPLETE, MANIFEST, Manifest, StoredFile


class Damaged(Exception):
    """A folder is not what its manifest says; names the file, and says what is wrong with it."""


class Folder:
    """One folder; it need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, name: str) -> Path:
        """Where a file of that name is, or will be."""
        return self.path / name

    @property
    def is_marked(self) -> bool:
        """Whether somebody has found everything to be here, once."""
        return (self.path / COMPLETE).is_file()

    def manifest(self) -> Manifest:
        """What should be here, after a check that it is, by names and sizes.

        Raises:
            Damaged: a file is not here or has another size, or the manifest cannot be read.
        """
        try:
            content = (self.path / MANIFEST).read_bytes()
            manifest = msgspec.json.decode(content, type=Manifest)
        except OSError as error:
            raise Damaged(f"{self.path / MANIFEST}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise Damaged(f"{self.path / MANIFEST} was cut or damaged") from error
        for file in manifest.files:
            check_size(self.place(file.path), file.size)
        return manifest

    def present_bytes(self, files: Iterable[Expected]) -> dict[str, int]:
        """Bytes of each file that are here, those of files that are not whole among them."""
        found = {}
        for file in files:
            whole = self.place(file.path)
            for place in (whole, partial_place(whole)):
                if place.is_file():
                    found[file.path] = place.stat().st_size
                    break
        return found

    async def verified(self, expected: Expected) -> StoredFile | None:
        """Reads a file from its first to its last byte; None: it is not here, or was wrong.

        One that is wrong is deleted, so that it is fetched again.
        """
        place = self.place(expected.path)
        if not place.is_file():
            return None
        digest = await digest_of(place, expected)
        if digest.mismatch() is not None:
            place.unlink()
            return None
        return digest.stored()

    def remove_strays(self, files: Iterable[Expected], form: Format) -> list[str]:
        """Deletes what would be taken for a part of the weights and is none of these files.

        An earlier edition can have left it; engines believe an index that they find.

        Returns:
            The names of what was deleted, sorted.
        """
        kept = {file.path for file in files}
        names = (place.relative_to(self.path).as_posix() for place in self.path.rglob("*"))
        strays = sorted(name for name in names if name.removesuffix(PARTIAL) not in kept)
        removed = [
            name
            for name in strays
            if is_taken(name.removesuffix(PARTIAL), form) and not self.place(name).is_dir()
        ]
        for name in removed:
            self.place(name).unlink()
        return removed

    def unmark(self) -> None:
        """Takes the marker away, before anything here is changed."""
        if self.is_marked:
            remove_durably(self.path / COMPLETE)

    def mark(self, manifest: Manifest) -> None:
        """Writes down what is here; the marker last."""
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        write_durably(self.path / MANIFEST, content + b"\n")
        write_durably(self.path / COMPLETE, b"")


def check_size(place: Path, size: int) -> None:
    """Raises Damaged where the file is not there, or has another size."""
    try:
        found = place.stat().st_size
    except OSError as error:
        raise Damaged(f"{place}: {error.strerror}") from error
    if found != size:
        raise Damaged(f"{place} has {found} of {size} bytes")
