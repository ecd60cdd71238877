"""Models that are on this machine already."""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.integration

REFUSED = 2
FIRST = "model-00001-of-00002.safetensors"


class Ended(Protocol):
    """How a command ended."""

    code: int
    out: str
    err: str


RunPreload = Callable[..., Awaitable[Ended]]


@pytest.fixture
def mine(tmp_path: Path, model_files: Mapping[str, bytes]) -> Path:
    """A directory of the operator's with the model in it."""
    directory = tmp_path / "mine"
    for path, content in model_files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory


@pytest.fixture
def catalogue_file(tmp_path: Path, mine: Path, model_files: Mapping[str, bytes]) -> Path:
    file = tmp_path / "catalogue.yaml"
    file.write_text(
        f"""
models:
  mine:
    parameters: 1000000
    context_tokens: 128
    architecture: {{layers: 1, hidden: 8, kv_heads: 1, head_dim: 8, vocabulary: 64}}
    weights:
      mine-bf16:
        format: safetensors
        directory: {mine}
        files:
          - {{path: config.json}}
          - {{path: {FIRST}, size: {len(model_files[FIRST])}}}
"""
    )
    return file


def files_in(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*"))


async def test_a_directory_is_checked_where_it_is(preload: RunPreload, mine: Path) -> None:
    before = files_in(mine)

    done = await preload("mine")

    assert done.code == 0, done.err
    assert str(mine) in done.out
    assert files_in(mine) == before


async def test_a_directory_that_was_half_copied_is_told_with_the_file(
    preload: RunPreload, mine: Path
) -> None:
    (mine / FIRST).write_bytes(b"half")

    done = await preload("mine")

    assert done.code == REFUSED
    assert FIRST in done.err


async def test_a_directory_that_is_not_there_is_named(preload: RunPreload, mine: Path) -> None:
    shutil.rmtree(mine)

    done = await preload("mine")

    assert done.code == REFUSED
    assert str(mine) in done.err


async def test_a_directory_is_copied_where_that_is_asked(
    preload: RunPreload, mine: Path, tmp_path: Path
) -> None:
    done = await preload("mine", "--to", str(tmp_path / "store"))

    copied = tmp_path / "store" / "mine-bf16@copy" / FIRST
    assert done.code == 0, done.err
    assert copied.read_bytes() == (mine / FIRST).read_bytes()
