"""What `preload` does, from its arguments to its exit code."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from failsoft_kit.process import INTERRUPTED, REFUSED
from failsoft_kit.settings import load
from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.store.folder import Folder
from failsoft_local_llm.adapters.store.hub import HubSource
from failsoft_local_llm.adapters.store.local import local_source
from failsoft_local_llm.adapters.store.lock import only_one
from failsoft_local_llm.adapters.store.source import Source
from failsoft_local_llm.core.catalogue import Hub, Weights
from failsoft_local_llm.core.profile.units import counted, gib
from failsoft_local_llm.core.store.files import NotStored
from failsoft_local_llm.core.store.manifest import Manifest, folder_name
from failsoft_local_llm.core.store.names import weights_named
from failsoft_local_llm.decision import known_models
from failsoft_local_llm.preload.errand import Errand
from failsoft_local_llm.preload.fill import Fill
from failsoft_local_llm.preload.in_place import check_in_place
from failsoft_local_llm.preload.progress import Bar, Lines, shown_on
from failsoft_local_llm.settings import SECTION, LocalLlmSettings

STORED = 0

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def preload(errand: Errand) -> int:
    """Brings a model into the store, and says so.

    Returns:
        The exit code. 0: it is there and whole. 2: it is not, every problem is a line on stderr.
        130: interrupted; what is there stays.
    """
    progress = shown_on(sys.stderr)
    try:
        sys.stdout.write(f"{_stored(errand, progress)}\n")
    except (StartupError, NotStored) as refusal:
        progress.close()
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    except OSError as error:
        progress.close()
        sys.stderr.write(f"{_disk_words(error, errand)}\n")
        return REFUSED
    except KeyboardInterrupt:
        progress.close()
        sys.stderr.write(
            f"interrupted: {progress.so_far} are there; go on with: {errand.command}\n"
        )
        return INTERRUPTED
    return STORED


def _stored(errand: Errand, progress: Lines | Bar) -> str:
    settings = load(LocalLlmSettings, section=SECTION, file=None)
    catalogue = known_models(errand.catalogue or settings.catalogue_file)
    weights = weights_named(catalogue, errand.name)[0]
    if errand.to is None and not isinstance(weights.source, Hub):
        source = local_source(weights.source)
        manifest = asyncio.run(check_in_place(weights, source, progress))
        return _success(weights, manifest, source.path, "is whole where it is")
    directory = (errand.to or settings.models_directory).expanduser()
    name = folder_name(weights)
    folder = Folder(directory / name)
    with only_one(directory, name, on_wait=lambda: progress.tell(_waits(weights))):
        manifest, how = asyncio.run(_filled(errand, weights, folder, progress))
    progress.close()
    return _success(weights, manifest, folder.path, how)


async def _filled(
    errand: Errand, weights: Weights, folder: Folder, progress: Lines | Bar
) -> tuple[Manifest, str]:
    """What is there at the end, and how it came to be there, in words."""
    fill = Fill(weights, folder, progress=progress)
    if manifest := fill.found():
        if not errand.verify:
            return manifest, "was there already"
        if await fill.is_right(manifest):
            return manifest, "was there already, and every byte of it was read"
    async with _source(weights, errand.token_file) as source:
        return await fill.run(source), "is there"


@asynccontextmanager
async def _source(weights: Weights, token_file: Path | None) -> AsyncIterator[Source]:
    if isinstance(weights.source, Hub):
        token = None if token_file is None else _token(token_file)
        endpoint = os.environ.get("HF_ENDPOINT")
        async with HubSource(weights, weights.source, token=token, endpoint=endpoint) as source:
            yield source
    else:
        yield local_source(weights.source)


def _token(file: Path) -> str:
    """Raises NotStored where the file is no token's."""
    try:
        token = file.expanduser().read_text("ascii").strip()
    except OSError as error:
        raise NotStored(f"--token-file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotStored(f"--token-file {file} is no text file") from error
    if len(token.split()) != 1:
        raise NotStored(f"--token-file {file} must hold one token, and nothing else")
    return token


def _waits(weights: Weights) -> str:
    return f"another process fetches {weights.name} to the same place: waiting for it"


def _success(weights: Weights, manifest: Manifest, place: Path, how: str) -> str:
    size = f"{counted(len(manifest.files), 'file')}, {gib(manifest.bytes)}"
    return f"{weights.name} {how}: {place} ({size})"


def _disk_words(error: OSError, errand: Errand) -> str:
    if error.errno in _FULL:
        return f"the disk is full; what is there stays. Make room, and go on with: {errand.command}"
    return f"{error.filename}: {error.strerror}; name a place that can be written with --to"
