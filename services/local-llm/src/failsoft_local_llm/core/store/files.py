"""The files that a set of weights consists of, and what is known of them before they are here.

Catalogue and source both say something. What they both say must agree; what neither says is
written down when the file is here, so that at least it cannot change afterwards.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from failsoft_local_llm.core.catalogue import File, Format, Weights


class NotStored(Exception):
    """Why weights are not in the store, in words for the operator, with the next step."""


class Evidence(enum.Enum):
    """Who vouches for a file's content."""

    CATALOGUE = "catalogue"
    SOURCE = "source"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A file that is to be stored."""

    path: str
    """Relative to the folder; of plain names, so that nothing leaves it."""
    size: int | None = None
    """Bytes; None: not known."""
    sha256: str | None = None
    """In hexadecimal digits; None: not known."""
    git_blob: str | None = None
    """Git's name of the content, in hexadecimal digits; needs `size`; None: not known."""
    evidence: Evidence = Evidence.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source has."""

    revision: str
    """Which edition it is: a commit, a version; empty: it has no name."""
    files: tuple[Expected, ...]


_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
_PLAIN = re.compile(rf"{_NAME}(/{_NAME})*")
_BESIDE = (".json", ".jinja")
_TEXTS = frozenset({"merges.txt", "vocab.txt", "tokenizer.model"})


def is_taken(path: str, form: Format) -> bool:
    """Whether a file may be part of weights of that form.

    Weights, tokenizer and configuration, by their names; everything else may hold code, as pickled
    weights (`.bin`, `.pt`, `.pth`) and modules (`.py`) do. A name that could leave the folder or
    hide in it is none of them.
    """
    if _PLAIN.fullmatch(path) is None:
        return False
    name = path.rsplit("/", 1)[-1]
    return name.endswith((f".{form.value}", *_BESIDE)) or name in _TEXTS


def expected_files(weights: Weights, listed: Iterable[Expected]) -> tuple[Expected, ...]:
    """The files to store: those that the catalogue names, else all that the source has at its top.

    Args:
        listed: Everything that the source has.

    Raises:
        NotStored: there are no weights among them, or catalogue and source do not agree.
    """
    there = {file.path: file for file in listed}
    if weights.files:
        files = tuple(_agreed(weights, file, there) for file in weights.files)
    else:
        files = tuple(
            file
            for path, file in sorted(there.items())
            if "/" not in path and is_taken(path, weights.format)
        )
    _check_weights(weights, files, there)
    return files


def _agreed(weights: Weights, known: File, there: Mapping[str, Expected]) -> Expected:
    if not is_taken(known.path, weights.format):
        raise NotStored(
            f"the catalogue names {known.path!r} as a file of {weights.name}, which may hold code:"
            f" only *.{weights.format.value}, tokenizer and configuration are taken"
        )
    found = there.get(known.path)
    if found is None:
        raise NotStored(f"the catalogue names {known.path!r}, and the source has no such file")
    _check_same(known.path, "size", known.size, found.size)
    _check_same(known.path, "sha256", known.sha256, found.sha256)
    return replace(
        found,
        size=found.size if known.size is None else known.size,
        sha256=known.sha256 or found.sha256,
        evidence=Evidence.CATALOGUE if known.sha256 else found.evidence,
    )


def _check_same(path: str, what: str, known: str | int | None, found: str | int | None) -> None:
    if known is not None and found is not None and known != found:
        raise NotStored(
            f"{path} has the {what} {known} in the catalogue and {found} at the source: it is not"
            " the file that was checked, so it is not fetched"
        )


def _check_weights(
    weights: Weights, files: tuple[Expected, ...], there: Mapping[str, Expected]
) -> None:
    """One GGUF file is one model; several are the same model in several precisions."""
    suffix = f".{weights.format.value}"
    found = [file.path for file in files if file.path.endswith(suffix)]
    if not found:
        others = ", ".join(sorted(there)[:8]) or "nothing"
        raise NotStored(
            f"the source of {weights.name} has no *{suffix}, and nothing else is ever loaded;"
            f" it has {others}"
        )
    if weights.format is Format.GGUF and len(found) > 1 and not weights.files:
        raise NotStored(
            f"the source of {weights.name} has several: {', '.join(found)}; name the one that is"
            " wanted under `files` in the catalogue"
        )
