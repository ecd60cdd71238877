"""Which files are taken, and whom they are checked against."""

from dataclasses import replace

import pytest

from failsoft_local_llm.core.catalogue import File, Format, Weights
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.files import (
    Evidence,
    Expected,
    NotStored,
    expected_files,
    is_taken,
)
from failsoft_local_llm.core.store.manifest import folder_name, missing_bytes
from failsoft_local_llm.core.store.names import weights_named

ONE, OTHER = "a" * 64, "b" * 64


def weights(*files: File, form: Format = Format.SAFETENSORS) -> Weights:
    return replace(CATALOGUE.weights[0], files=files, format=form)


@pytest.mark.parametrize(
    "path",
    ["model.safetensors", "config.json", "chat_template.jinja", "merges.txt", "sub/model.json"],
)
def test_weights_tokenizer_and_configuration_are_taken(path: str) -> None:
    assert is_taken(path, Format.SAFETENSORS)


@pytest.mark.parametrize(
    "path",
    [
        *("pytorch_model.bin", "model.pt", "consolidated.00.pth", "modeling.py", "x.pkl", "x.so"),
        *("../config.json", "/config.json", "a/../../b.json", "a\\b.json", "a//b.json", "a/"),
        *(".complete", ".manifest.json", "a/.hidden.json", "x.json\n", "x\0.json", "-x.json", ""),
        *("model.gguf", "model.safetensors.partial", "README.md"),
    ],
)
def test_what_may_hold_code_or_leave_the_folder_is_not(path: str) -> None:
    assert not is_taken(path, Format.SAFETENSORS)


def test_each_form_takes_its_own_weights() -> None:
    assert is_taken("model.gguf", Format.GGUF)
    assert not is_taken("model.safetensors", Format.GGUF)


def test_without_a_list_of_the_catalogue_everything_at_the_top_is_taken() -> None:
    listed = [
        Expected(path=path)
        for path in ("model.safetensors", "original/x.json", "config.json", "a.bin")
    ]

    files = expected_files(weights(), listed)

    assert [file.path for file in files] == ["config.json", "model.safetensors"]


def test_what_the_catalogue_says_goes_before_what_the_source_says() -> None:
    [file] = expected_files(
        weights(File(path="model.safetensors", sha256=ONE)),
        [Expected(path="model.safetensors", size=7, sha256=ONE, evidence=Evidence.SOURCE)],
    )

    assert (file.size, file.sha256, file.evidence) == (7, ONE, Evidence.CATALOGUE)


@pytest.mark.parametrize(
    "found",
    [Expected(path="model.safetensors", size=8), Expected(path="model.safetensors", sha256=OTHER)],
)
def test_a_source_that_contradicts_the_catalogue_is_not_fetched_from(found: Expected) -> None:
    known = File(path="model.safetensors", size=7, sha256=ONE)

    with pytest.raises(NotStored) as refusal:
        expected_files(weights(known), [found])

    assert "model.safetensors" in str(refusal.value)


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        ([File(path="model.safetensors")], ["config.json"]),
        ([File(path="model.bin")], ["model.bin"]),
        ([File(path="../model.safetensors")], ["../model.safetensors"]),
        ([], ["pytorch_model.bin", "config.json"]),
        ([], []),
    ],
)
def test_a_source_without_the_weights_is_refused(files: list[File], listed: list[str]) -> None:
    with pytest.raises(NotStored):
        expected_files(weights(*files), [Expected(path=path) for path in listed])


def test_of_several_gguf_files_the_operator_names_one() -> None:
    listed = [Expected(path="q4.gguf"), Expected(path="q8.gguf")]

    with pytest.raises(NotStored) as refusal:
        expected_files(weights(form=Format.GGUF), listed)
    [file] = expected_files(weights(File(path="q8.gguf"), form=Format.GGUF), listed)

    assert "q4.gguf, q8.gguf" in str(refusal.value)
    assert file.path == "q8.gguf"


@pytest.mark.parametrize(
    ("here", "missing"),
    [({}, 15), ({"a": 4}, 11), ({"a": 10, "b": 5}, 0), ({"a": 99}, 5), ({"c": 3}, 15)],
)
def test_what_is_missing_is_counted_file_by_file(here: dict[str, int], missing: int) -> None:
    files = [Expected(path="a", size=10), Expected(path="b", size=5)]

    assert missing_bytes(files, here, estimate=1000) == missing


def test_an_estimate_stands_in_for_sizes_that_nobody_knows() -> None:
    files = [Expected(path="a", size=10), Expected(path="b")]

    assert missing_bytes(files, {"a": 4}, estimate=100) == 96
    assert missing_bytes(files, {}, estimate=3) == 10


def test_another_revision_is_another_folder() -> None:
    [first] = CATALOGUE.named("llama-3.2-1b-instruct-bf16")
    [wheel] = CATALOGUE.named("smollm2-135m-instruct-q4")

    assert folder_name(first) == (
        "llama-3.2-1b-instruct-bf16@9213176726f574b556790deb65791e0c5aa438b6"
    )
    assert folder_name(wheel) == "smollm2-135m-instruct-q4@0.1.2"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("lama-3.1-8b", "llama-3.1-8b-instruct"),
        ("Llama-3.2-1B-Instruct", "llama-3.2-1b-instruct"),
        ("smolm2", "smollm2-135m-instruct"),
    ],
)
def test_a_name_with_a_slip_shows_what_was_meant(name: str, near: str) -> None:
    with pytest.raises(NotStored) as refusal:
        weights_named(CATALOGUE, name)

    assert f"did you mean {near}?" in str(refusal.value)
