"""Directories of models: whole ones are read, others are named with what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_directory import (
    read_adapter_rank,
    read_directory_facts,
    read_vocabulary,
)


def weights(*, data_bytes: int = 8) -> bytes:
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    }
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + bytes(data_bytes)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A whole model."""
    contents: dict[str, object] = {
        "config.json": {"model_type": "llama", "max_position_embeddings": 64, "eos_token_id": 1},
        "tokenizer.json": {"model": {"type": "BPE", "vocab": {"a": 0}}, "added_tokens": []},
        "tokenizer_config.json": {"chat_template": "{{ messages }}"},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "model.safetensors").write_bytes(weights())
    return tmp_path


def test_a_whole_model_is_read(directory: Path) -> None:
    assert read_directory_facts(directory).context_tokens == 64
    assert read_vocabulary(directory) == {0: b"a"}


def test_weights_in_parts_are_those_of_the_index(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "part-1.safetensors")
    (directory / "part-2.safetensors").write_bytes(weights())
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_directory_facts(directory).architecture == "llama"

    (directory / "part-2.safetensors").unlink()

    with pytest.raises(StartupError, match=r"part-2\.safetensors"):
        read_directory_facts(directory)


def cut_data(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(weights(data_bytes=7))


def cut_header(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(weights()[:30])


def cut_length(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(weights()[:3])


def spoil_header(directory: Path) -> None:
    whole = weights()
    (directory / "model.safetensors").write_bytes(whole[:8] + b"[" + whole[9:])


def other_format(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def no_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()


def spoil_index(directory: Path) -> None:
    (directory / "model.safetensors.index.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (cut_data, "model.safetensors was cut: it has"),
        (cut_header, "model.safetensors is no safetensors file"),
        (cut_length, "model.safetensors is no safetensors file"),
        (spoil_header, "model.safetensors has a header"),
        (other_format, "no weights"),
        (no_tokenizer, "tokenizer.json"),
        (spoil_index, "model.safetensors.index.json"),
    ],
)
def test_a_model_that_was_half_copied_is_refused_with_the_file(
    directory: Path, spoil: Callable[[Path], None], named: str
) -> None:
    """Engines map these files and trust them: one that was cut ends their process."""
    spoil(directory)

    with pytest.raises(StartupError) as refused:
        read_directory_facts(directory)

    assert str(directory) in str(refused.value)
    assert named in str(refused.value)


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        read_directory_facts(tmp_path / "nowhere")


def test_an_adapter_says_its_rank(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 8, "lora_alpha": 16}')
    (tmp_path / "adapter_model.safetensors").write_bytes(weights())

    assert read_adapter_rank("legal", tmp_path) == 8


@pytest.mark.parametrize(
    ("config", "data", "named"),
    [
        (None, weights(), "adapter_config.json"),
        ('{"r": "8"}', weights(), "adapter_config.json"),
        ('{"r": 8}', None, "adapter_model.safetensors"),
        ('{"r": 8}', weights(data_bytes=0), "adapter_model.safetensors was cut"),
    ],
)
def test_an_adapter_that_was_half_copied_is_refused_by_name(
    tmp_path: Path, config: str | None, data: bytes | None, named: str
) -> None:
    """The engine would end on it, or serve a model without it."""
    if config is not None:
        (tmp_path / "adapter_config.json").write_text(config)
    if data is not None:
        (tmp_path / "adapter_model.safetensors").write_bytes(data)

    with pytest.raises(StartupError) as refused:
        read_adapter_rank("legal", tmp_path)

    assert "'legal'" in str(refused.value)
    assert named in str(refused.value)
