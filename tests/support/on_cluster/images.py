"""What is in an image, as the program that built it writes it into an archive."""

import json
import os
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from on_cluster.kubectl import run

VARIABLE = "IMAGE_BUILDER"
BASE = "docker.io/library/python:3.11-slim-bookworm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """podman or buildah, or a program that takes their words: those of `build` and `push`."""

    program: tuple[str, ...]

    def build(self, image: str, *, target: str, root: Path) -> None:
        """Anew, with nothing of what was built before, and one time for all files."""
        run(
            *(*self.program, "build", "--no-cache", "--timestamp=0", "-t", image),
            *("-f", str(root / "Dockerfile"), "--target", target, str(root)),
        )

    def layers(self, image: str, folder: Path) -> Mapping[str, int]:
        """The bytes of each unpacked layer, by its digest, from the first to the last.

        Args:
            folder: Where it may leave the image.
        """
        archive = folder / "image.tar"
        archive.unlink(missing_ok=True)
        run(*self.program, "push", image, f"docker-archive:{archive}")
        with tarfile.open(archive) as content:
            manifest = _json(content, "manifest.json")
            digests: Sequence[str] = _json(content, manifest["Config"])["rootfs"]["diff_ids"]
            sizes = [content.getmember(layer).size for layer in manifest["Layers"]]
        return dict(zip(digests, sizes, strict=True))

    def remove(self, image: str) -> None:
        run(*self.program, "rmi", image)


def find_builder() -> Builder:
    """The program; skips the test where nobody names one."""
    given = os.environ.get(VARIABLE, "")
    if not given:
        pytest.skip(f"{VARIABLE} is not set: podman, buildah, or a command that takes their words")
    return Builder(program=tuple(shlex.split(given)))


def _json(archive: tarfile.TarFile, member: str) -> dict[str, Any]:
    """The object in a member, or the only one in its list."""
    content = archive.extractfile(member)
    assert content is not None
    found = json.load(content)
    (only,) = found if isinstance(found, list) else (found,)
    return dict(only)
