"""The trees that are compared: this one, and the baseline's beside it under `build/`."""

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT / "benchmarks" / "BASELINE"


class NoBaseline(Exception):
    """The commit cannot be had; the message says what to do."""


def baseline() -> str:
    """The commit that BASELINE names: its first word that is no comment.

    Raises:
        NoBaseline: It names none.
    """
    for line in BASELINE.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            return line.split()[0]
    raise NoBaseline(f"{BASELINE} names no commit")


def unpacked(commit: str) -> Path:
    """The tree of a commit, as files that nobody edits.

    Raises:
        NoBaseline: The commit is not in this clone.
    """
    tree = ROOT / "build" / "baseline" / commit
    if not (tree / ".complete").exists():
        archive = subprocess.run(
            ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
        )
        if archive.returncode != 0:
            raise NoBaseline(
                f"{commit} of benchmarks/BASELINE is not in this clone;"
                " a shallow one gets it by: git fetch --unshallow"
            )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(tree, filter="data")
        (tree / ".complete").touch()
    return tree


def python_path(tree: Path) -> Mapping[str, str]:
    """The variable that lets Python import a tree's packages before the installed ones."""
    sources = [tree / "protos" / "gen", *tree.glob("libs/*/src"), *tree.glob("services/*/src")]
    return {"PYTHONPATH": os.pathsep.join(map(str, sources))}
