"""Finds a model that is on this machine. Serving never fetches anything."""

from dataclasses import dataclass
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.store.folder import Damaged, Folder, check_size
from failsoft_local_llm.adapters.store.local import local_source
from failsoft_local_llm.core.catalogue import Catalogue, Directory, Format, Hub, Weights, Wheel
from failsoft_local_llm.core.store.files import NotStored
from failsoft_local_llm.core.store.manifest import COMPLETE, folder_name
from failsoft_local_llm.core.store.names import weights_named


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """Weights that are here and whole."""

    weights: Weights
    directory: Path
    path: Path
    """What an engine is given: the GGUF file, or else the directory."""


def open_stored(catalogue: Catalogue, name: str, directory: Path) -> StoredModel:
    """The model of that name, or the weights, as `preload` has left them.

    Looks at marker, names and sizes only, which takes milliseconds. Of a model's weights those are
    taken that are here, the default before the others. What came with a package, or is a directory
    of the operator's, need not have been copied.

    Args:
        directory: Where models are kept.

    Raises:
        StartupError: it is not known, not here, or not whole; names the file and the command that
            mends it.
    """
    try:
        named = weights_named(catalogue, name)
    except NotStored as unknown:
        raise StartupError(str(unknown)) from unknown
    here = [each for each in named if Folder(directory / folder_name(each)).is_marked]
    if here:
        return _from_store(here[0], directory)
    for each in named:
        if not isinstance(each.source, Hub):
            return _from_source(each, each.source)
    default = named[0]
    marker = directory / folder_name(default) / COMPLETE
    raise StartupError(
        f"the model {name} is not here: there is no {marker}; {_mended_by(default, directory)}"
    )


def _from_store(weights: Weights, directory: Path) -> StoredModel:
    folder = Folder(directory / folder_name(weights))
    try:
        manifest = folder.manifest()
    except Damaged as damaged:
        raise StartupError(
            f"the model {weights.name} is not whole: {damaged}; {_mended_by(weights, directory)}"
        ) from damaged
    return _stored(weights, folder.path, [file.path for file in manifest.files])


def _from_source(weights: Weights, source: Wheel | Directory) -> StoredModel:
    try:
        place = local_source(source).path
        for file in weights.files:
            if file.size is not None:
                check_size(place / file.path, file.size)
        names = [file.path for file in weights.files]
        names = names or sorted(found.name for found in place.iterdir())
    except (Damaged, NotStored) as error:
        raise StartupError(f"the model {weights.name} cannot be used: {error}") from error
    except OSError as error:
        raise StartupError(
            f"the model {weights.name} cannot be used: {error.filename}: {error.strerror}"
        ) from error
    return _stored(weights, place, names)


def _stored(weights: Weights, directory: Path, names: list[str]) -> StoredModel:
    path = directory
    if weights.format is Format.GGUF:
        ggufs = [name for name in names if name.endswith(f".{Format.GGUF.value}")]
        if not ggufs:
            raise StartupError(f"the model {weights.name} has no GGUF file in {directory}")
        path = directory / ggufs[0]
    return StoredModel(weights=weights, directory=directory, path=path)


def _mended_by(weights: Weights, directory: Path) -> str:
    return f"run: failsoft-local-llm preload {weights.name} --to {directory}"
