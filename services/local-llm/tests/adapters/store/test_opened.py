"""Opening what `preload` has left, and what others have left."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.store.folder import Folder
from failsoft_local_llm.adapters.store.opened import open_stored
from failsoft_local_llm.core.catalogue import Catalogue, Directory, File, Weights
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.files import Evidence
from failsoft_local_llm.core.store.manifest import (
    COMPLETE,
    MANIFEST,
    Manifest,
    StoredFile,
    folder_name,
)

NAME = "llama-3.2-1b-instruct-unsloth"
SMALL = "smollm2-135m-instruct-q4"
CONTENT = b"weights"


def store(directory: Path, weights: Weights, *names: str) -> Folder:
    """A folder as `preload` leaves it."""
    folder = Folder(directory / folder_name(weights))
    folder.path.mkdir(parents=True)
    for name in names:
        folder.place(name).write_bytes(CONTENT)
    folder.mark(
        Manifest(
            weights=weights.name,
            source="https://hub.example",
            revision="1",
            licence="free",
            files=tuple(
                StoredFile(
                    path=name,
                    size=len(CONTENT),
                    sha256=hashlib.sha256(CONTENT).hexdigest(),
                    evidence=Evidence.SOURCE,
                )
                for name in names
            ),
        )
    )
    return folder


@pytest.fixture
def weights() -> Weights:
    return CATALOGUE.named(NAME)[0]


def test_a_model_is_opened_by_its_own_name_or_by_that_of_its_weights(
    tmp_path: Path, weights: Weights
) -> None:
    """Of several weights those are meant that are here."""
    folder = store(tmp_path, weights, "model.safetensors", "config.json")

    by_model = open_stored(CATALOGUE, "llama-3.2-1b-instruct", tmp_path)
    by_weights = open_stored(CATALOGUE, NAME, tmp_path)

    assert by_model == by_weights
    assert by_model.path == by_model.directory == folder.path
    assert by_model.weights == weights


def test_of_a_gguf_model_the_engine_gets_the_file(tmp_path: Path) -> None:
    folder = store(tmp_path, CATALOGUE.named(SMALL)[0], "config.json", "small.gguf")

    assert open_stored(CATALOGUE, SMALL, tmp_path).path == folder.place("small.gguf")


def test_what_is_not_there_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refusal:
        open_stored(CATALOGUE, NAME, tmp_path)

    assert f"failsoft-local-llm preload {NAME} --to {tmp_path}" in str(refusal.value)
    assert COMPLETE in str(refusal.value)


@pytest.mark.parametrize("lost", ["model.safetensors", MANIFEST])
def test_a_file_that_was_not_copied_is_named(tmp_path: Path, weights: Weights, lost: str) -> None:
    folder = store(tmp_path, weights, "model.safetensors", "config.json")
    folder.place(lost).unlink()

    with pytest.raises(StartupError) as refusal:
        open_stored(CATALOGUE, NAME, tmp_path)

    assert str(folder.place(lost)) in str(refusal.value)
    assert f"failsoft-local-llm preload {NAME}" in str(refusal.value)


@pytest.mark.parametrize("cut", ["model.safetensors", MANIFEST])
def test_a_file_that_was_half_copied_is_named(tmp_path: Path, weights: Weights, cut: str) -> None:
    folder = store(tmp_path, weights, "model.safetensors")
    folder.place(cut).write_bytes(folder.place(cut).read_bytes()[:3])

    with pytest.raises(StartupError) as refusal:
        open_stored(CATALOGUE, NAME, tmp_path)

    assert str(folder.place(cut)) in str(refusal.value)


def test_a_name_that_nobody_knows_shows_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refusal:
        open_stored(CATALOGUE, "llama-3.2-1b-instrct", tmp_path)

    assert "llama-3.2-1b-instruct" in str(refusal.value)


def test_what_came_in_a_package_needs_no_preload(tmp_path: Path) -> None:
    opened = open_stored(CATALOGUE, SMALL, tmp_path)

    assert opened.path.suffix == ".gguf"
    assert opened.path.is_file()


@pytest.mark.parametrize(
    ("size", "is_whole"), [(len(CONTENT), True), (None, True), (len(CONTENT) + 1, False)]
)
def test_a_directory_of_the_operators_is_measured(
    tmp_path: Path, weights: Weights, size: int | None, *, is_whole: bool
) -> None:
    (tmp_path / "model.safetensors").write_bytes(CONTENT)
    mine = replace(
        weights,
        name="mine",
        source=Directory(path=str(tmp_path)),
        files=(File(path="model.safetensors", size=size),),
    )
    catalogue = Catalogue(weights=(mine,))

    if is_whole:
        assert open_stored(catalogue, "mine", tmp_path).path == tmp_path
    else:
        with pytest.raises(StartupError) as refusal:
            open_stored(catalogue, "mine", tmp_path)
        assert str(tmp_path / "model.safetensors") in str(refusal.value)
