"""Models that the operator adds."""

import re
from pathlib import Path

import pytest

from failsoft_kit.settings import SettingsError
from failsoft_local_llm.adapters.catalogue_file import read_catalogue
from failsoft_local_llm.core.catalogue import Directory, Format, Hub, Quantisation
from failsoft_local_llm.core.known_models import CATALOGUE

MINE = """
models:
  my-llama:
    parameters: 1000000
    context_tokens: 4096
    architecture: {layers: 2, hidden: 64, kv_heads: 2, head_dim: 16, vocabulary: 1000, tied: true}
    capabilities: [tools, continue]
    tool_parser: llama3_json
    weights:
      my-llama-q4:
        format: gguf
        quantisation: q4
        directory: /models/mine
        files: [{path: m.gguf, size: 600000}]
      my-llama-bf16:
        format: safetensors
        repo: me/my-llama
        revision: 0123456789012345678901234567890123456789
        licence: {name: llama3.1, accept_at: "https://example.com/accept"}
        ungated: my-llama-q4
"""


def written(directory: Path, text: str) -> Path:
    file = directory / "catalogue.yaml"
    file.write_text(text)
    return file


def test_a_model_is_added_by_a_file(tmp_path: Path) -> None:
    catalogue = read_catalogue(written(tmp_path, MINE), CATALOGUE)

    small, big = catalogue.named("my-llama")
    assert (small.name, big.name) == ("my-llama-q4", "my-llama-bf16")
    assert small.source == Directory(path="/models/mine")
    assert (small.format, small.quantisation) == (Format.GGUF, Quantisation.Q4)
    assert small.bytes == 600_000
    assert big.source == Hub(
        repo="me/my-llama", revision="0123456789012345678901234567890123456789"
    )
    assert big.licence.accept_at == "https://example.com/accept"
    assert small.model.architecture.kv_elements == 2 * 2 * 2 * 16
    assert set(CATALOGUE.names) < set(catalogue.names)


def test_weights_of_a_known_name_are_replaced(tmp_path: Path) -> None:
    text = MINE.replace("my-llama-q4", "llama-3.1-8b-instruct-awq")

    catalogue = read_catalogue(written(tmp_path, text), CATALOGUE)

    [awq] = catalogue.named("llama-3.1-8b-instruct-awq")
    assert awq.model.name == "my-llama"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("layers: 2", "layers: 0"), "models.my-llama.architecture.layers"),
        (("format: gguf", "format: pickle"), "models.my-llama.weights.my-llama-q4.format"),
        (("directory: /models/mine", "licence: {name: mine}"), "my-llama-q4"),
        (("path: m.gguf", "path: ../m.gguf"), "files[0].path"),
        (("revision: 0123", "revision: main0123"), "my-llama-bf16.revision"),
        (("ungated: my-llama-q4", "ungated: nobody"), "ungated"),
        (("my-llama-q4:", "a/b:"), "a/b"),
    ],
    ids=["number", "format", "no source", "path", "branch", "alternative", "name"],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, change: tuple[str, str], place: str
) -> None:
    text = MINE.replace(*change)
    assert text != MINE

    with pytest.raises(SettingsError) as refused:
        read_catalogue(written(tmp_path, text), CATALOGUE)

    assert place in str(refused.value)


def test_one_name_for_the_weights_of_two_models_is_a_mistake(tmp_path: Path) -> None:
    second = MINE.split("models:", 1)[1].replace("  my-llama:", "  other:", 1)

    with pytest.raises(SettingsError) as refused:
        read_catalogue(written(tmp_path, MINE + second), CATALOGUE)

    assert "weights of `my-llama` too" in str(refused.value)


def test_the_example_of_the_documentation_is_a_catalogue(tmp_path: Path) -> None:
    page = Path(__file__).parents[4] / "docs" / "local-llm.md"
    [example] = re.findall(r"```yaml\n(models:.*?)```", page.read_text(), flags=re.DOTALL)

    catalogue = read_catalogue(written(tmp_path, example), CATALOGUE)

    assert [each.name for each in catalogue.named("my-llama")] == ["my-llama-awq"]
