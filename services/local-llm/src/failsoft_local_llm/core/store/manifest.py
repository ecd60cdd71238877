"""What is written down about stored weights, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from failsoft_local_llm.core.catalogue import Directory, Hub, Origin, Weights, Wheel
from failsoft_local_llm.core.store.files import Evidence, Expected

COMPLETE = ".complete"
"""The file that is written last into a folder of weights: all of them are there."""

MANIFEST = ".manifest.json"
"""The file that says which files there are. Hidden, so that no source's file has its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file as it was when it was read from its first to its last byte."""

    path: str
    size: int
    sha256: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything about one folder of weights."""

    weights: str
    source: str
    """Where they came from, for people."""
    revision: str
    licence: str
    files: tuple[StoredFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)


def folder_name(weights: Weights) -> str:
    """The folder of the weights within the store.

    The revision is part of it: a catalogue that names another one finds nothing stale.
    """
    return f"{weights.name}@{_edition(weights.source)}"


def _edition(source: Origin) -> str:
    match source:
        case Hub(revision=revision):
            return revision or "main"
        case Wheel(version=version):
            return version
        case Directory():
            return "copy"


def missing_bytes(files: Iterable[Expected], here: Mapping[str, int], *, estimate: int) -> int:
    """What still has to be written.

    Args:
        here: Bytes of each file that are here already, also of one that is not whole yet.
        estimate: Bytes of all files together, for where not all sizes are known.
    """
    wanted = list(files)
    sizes = [file.size for file in wanted if file.size is not None]
    if len(sizes) < len(wanted):
        return max(0, max(estimate, sum(sizes)) - sum(here.values()))
    return sum(
        max(0, file.size - here.get(file.path, 0)) for file in wanted if file.size is not None
    )
