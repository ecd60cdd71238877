"""What is upgraded from: chart and images of the commit that deploy/PREVIOUS names."""

import io
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from on_cluster.kubectl import run

ROOT = Path(__file__).resolve().parents[3]
NAMED = ROOT / "deploy" / "PREVIOUS"
BUILD = "IMAGE_BUILD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """An older tree, whose images are in the cluster.

    Attributes:
        tree: The folder that it lies in.
        tag: Of its images.
    """

    tree: Path
    tag: str

    @property
    def chart(self) -> Path:
        return self.tree / "deploy" / "helm" / "failsoft"

    @property
    def options(self) -> tuple[str, ...]:
        """What an installation is told: its own values for these tests, and its images."""
        registry = os.environ.get("IMAGE_REGISTRY", "")
        return (
            f"--values={self.chart / 'values-minimal.yaml'}",
            f"--values={self.tree / 'tests' / 'cluster' / 'values.yaml'}",
            *((f"--set=image.registry={registry}",) if registry else ()),
            f"--set=image.tag={self.tag}",
        )


def build_previous(folder: Path) -> Previous:
    """Lay its tree into an empty folder, and build its images as it says.

    Skips the test, with the reason, where the commit is not at hand or nothing builds images.
    """
    build = os.environ.get(BUILD, "")
    if not build:
        pytest.skip(f"{BUILD} is not set: the images of deploy/PREVIOUS have to be built")
    commit = NAMED.read_text().strip()
    _unpack(commit, folder)
    tag = f"previous-{commit[:12]}"
    registry = os.environ.get("IMAGE_REGISTRY", "")
    run(
        *(sys.executable, str(folder / "scripts" / "images.py"), "--build", build, "--tag", tag),
        *(("--registry", registry) if registry else ()),
    )
    return Previous(tree=folder, tag=tag)


def _unpack(commit: str, folder: Path) -> None:
    asked = ["git", "archive", "--format=tar", commit]
    try:
        ended = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as failed:
        pytest.skip(
            f"git has no {commit}, which deploy/PREVIOUS names ({failed});"
            " a shallow clone gets it by: git fetch --unshallow"
        )
    with tarfile.open(fileobj=io.BytesIO(ended.stdout)) as archive:
        archive.extractall(folder, filter="data")
