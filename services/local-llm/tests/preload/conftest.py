"""A small model on a look-alike of the hub."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_lookalike import Hub as HubLookAlike
from hub_lookalike import hub_lookalike

from failsoft_local_llm.adapters.catalogue_file import read_catalogue
from failsoft_local_llm.adapters.store.folder import Folder
from failsoft_local_llm.adapters.store.hub import HubSource
from failsoft_local_llm.core.catalogue import Catalogue, Hub, Weights
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.manifest import Manifest, folder_name
from failsoft_local_llm.preload.fill import Fill

REPO, COMMIT = "somebody/tiny-llama", "1" * 40
MIB = 1 << 20

CATALOGUE_TEXT = f"""
models:
  tiny:
    parameters: 1000000
    context_tokens: 128
    architecture: {{layers: 1, hidden: 8, kv_heads: 1, head_dim: 8, vocabulary: 64}}
    weights:
      tiny-bf16:
        format: safetensors
        repo: {REPO}
        revision: "{COMMIT}"
        licence: {{name: llama3.1, accept_at: "https://hub.example/{REPO}"}}
        ungated: tiny-open
      tiny-open:
        format: safetensors
        repo: {REPO}
        revision: "{COMMIT}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


RunPreload = Callable[..., Awaitable[Ended]]
StartPreload = Callable[..., Awaitable[asyncio.subprocess.Process]]


class Quiet:
    """Keeps what would be shown."""

    def __init__(self) -> None:
        self.done = 0
        self.total: int | None = None
        self.lines: list[str] = []

    def begin(self, total: int | None) -> None:
        self.done, self.total = 0, total

    def add(self, count: int) -> None:
        self.done += count

    def tell(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="session")
def model_files() -> Mapping[str, bytes]:
    """Weights in two parts, small files, and what must never be fetched."""
    draw = random.Random(5)
    return {
        ".gitattributes": b"*.safetensors filter=lfs",
        "config.json": b'{"model_type": "llama"}',
        "model-00001-of-00002.safetensors": draw.randbytes(3 * MIB),
        "model-00002-of-00002.safetensors": draw.randbytes(2 * MIB + 17),
        "model.safetensors.index.json": b'{"weight_map": {}}',
        "modeling_llama.py": b"import os",
        "original/params.json": b"{}",
        "pytorch_model.bin": b"pickled",
        "tokenizer.json": draw.randbytes(70_000),
    }


@pytest.fixture
def taken(model_files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files that belong into the store."""
    names = ("config.json", "model-0", "model.safetensors", "tokenizer.json")
    return {path: content for path, content in model_files.items() if path.startswith(names)}


@pytest.fixture
async def hub(model_files: Mapping[str, bytes]) -> AsyncIterator[HubLookAlike]:
    async with hub_lookalike(REPO, COMMIT, model_files) as running:
        yield running


@pytest.fixture
def catalogue_file(tmp_path: Path) -> Path:
    file = tmp_path / "catalogue.yaml"
    file.write_text(CATALOGUE_TEXT)
    return file


@pytest.fixture
def catalogue(catalogue_file: Path) -> Catalogue:
    return read_catalogue(catalogue_file, CATALOGUE)


@pytest.fixture
def weights(catalogue: Catalogue) -> Weights:
    return catalogue.named("tiny-bf16")[0]


@pytest.fixture
def folder(weights: Weights, tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store" / folder_name(weights))


@pytest.fixture
def progress() -> Quiet:
    return Quiet()


@pytest.fixture
def fill(
    weights: Weights, folder: Folder, hub: HubLookAlike, progress: Quiet
) -> Callable[..., Awaitable[Manifest]]:
    """Fills the folder from the look-alike, in this process and without pauses."""

    async def run(
        *,
        tries: int = 3,
        free: int | None = None,
        token: str | None = None,
        stall_seconds: float = 5.0,
    ) -> Manifest:
        filling = Fill(
            weights, folder, progress=progress, free=lambda _: free, pauses=(0.0,) * tries
        )
        assert isinstance(weights.source, Hub)
        async with HubSource(
            weights, weights.source, token=token, endpoint=hub.url, stall_seconds=stall_seconds
        ) as source:
            return await filling.run(source)

    return run


@pytest.fixture
def start_preload(hub: HubLookAlike, catalogue_file: Path, tmp_path: Path) -> StartPreload:
    """Starts the command as a process of its own, with the look-alike as its hub."""

    async def start(name: str, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "failsoft_local_llm", "preload", name, "--catalogue", str(catalogue_file)),
            *arguments,
            env={
                **inherited,
                "HF_ENDPOINT": hub.url,
                "HF_HOME": str(tmp_path / "hub-home"),
                "HOME": str(tmp_path),
                **variables,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    return start


@pytest.fixture
def preload(start_preload: StartPreload) -> RunPreload:
    """Runs the command to its end."""

    async def run(name: str, *arguments: str, **variables: str) -> Ended:
        process = await start_preload(name, *arguments, **variables)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Ended(code=process.returncode, out=out.decode(), err=err.decode())

    return run
