"""Checks weights where they are, for those that are on this machine already."""

from failsoft_local_llm.adapters.store.digest import digest_of
from failsoft_local_llm.adapters.store.local import DirectorySource
from failsoft_local_llm.core.catalogue import Weights
from failsoft_local_llm.core.store.files import NotStored, expected_files
from failsoft_local_llm.core.store.manifest import Manifest, StoredFile
from failsoft_local_llm.preload.fill import Progress


async def check_in_place(weights: Weights, source: DirectorySource, progress: Progress) -> Manifest:
    """Reads every file; writes nothing.

    Raises:
        NotStored: a file is missing or is not the one of the catalogue; says which.
        OSError: it cannot be read; the error names the file.
    """
    listing = await source.listing()
    files = expected_files(weights, listing.files)
    progress.begin(sum(file.size or 0 for file in files))
    checked: list[StoredFile] = []
    for file in files:
        place = source.path / file.path
        digest = await digest_of(place, file)
        if wrong := digest.mismatch():
            raise NotStored(f"{place} is not the file of the catalogue: {wrong}")
        progress.add(digest.size)
        checked.append(digest.stored())
    return Manifest(
        weights=weights.name,
        source=source.place,
        revision=listing.revision,
        licence=weights.licence.name,
        files=tuple(checked),
    )
