"""What the catalogue says of its models."""

import re
from dataclasses import replace

import pytest

from failsoft_local_llm.core.catalogue import Catalogue, Format, Hub, Quantisation, Weights
from failsoft_local_llm.core.known_models import CATALOGUE

GB = 1_000_000_000

# What the hub says of the repositories: the sum of their safetensors files.
PUBLISHED = {
    "llama-3.1-8b-instruct-bf16": 16_060_556_376,
    "llama-3.2-1b-instruct-bf16": 2_471_645_608,
    "llama-3.2-3b-instruct-bf16": 6_425_529_048,
    "llama-3.3-70b-instruct-fp8": 72_669_954_704,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_follow_from_the_architecture_within_one_percent(name: str) -> None:
    """Most weights' files are not known by their sizes, and must be weighed all the same."""
    [weights] = CATALOGUE.named(name)

    estimated = replace(weights, files=()).bytes

    assert estimated == pytest.approx(PUBLISHED[name], rel=0.01)


def test_known_sizes_go_before_estimates() -> None:
    [weights] = CATALOGUE.named("llama-3.2-1b-instruct-bf16")

    assert weights.bytes == 2_471_645_608


@pytest.mark.parametrize(
    ("name", "kib"),
    [
        ("llama-3.1-8b-instruct", 128),
        ("llama-3.2-1b-instruct", 32),
        ("llama-3.2-3b-instruct", 112),
        ("llama-3.3-70b-instruct", 320),
    ],
)
def test_a_token_takes_its_published_share_of_the_cache(name: str, kib: int) -> None:
    assert CATALOGUE.named(name)[0].model.architecture.kv_elements * 2 == kib * 1024


@pytest.mark.parametrize("weights", CATALOGUE.weights, ids=lambda weights: weights.name)
def test_every_entry_is_pinned_and_well_formed(weights: Weights) -> None:
    if isinstance(weights.source, Hub):
        assert re.fullmatch("[0-9a-f]{40}", weights.source.revision or "")
    for file in weights.files:
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert not file.path.startswith("/")
    assert weights.model.tool_parser is not None or weights.format is Format.GGUF


def test_what_is_gated_names_an_alternative_that_is_not() -> None:
    gated = [each for each in CATALOGUE.weights if each.licence.accept_at is not None]
    assert gated
    for each in gated:
        [instead] = CATALOGUE.named(each.ungated or "")
        assert instead.licence.accept_at is None
        assert instead.model == each.model
        assert instead.quantisation is each.quantisation


def test_a_models_name_stands_for_all_its_weights_the_default_first() -> None:
    weights = CATALOGUE.named("llama-3.1-8b-instruct")

    assert weights[0].quantisation is Quantisation.NONE
    assert {each.quantisation for each in weights} == {
        Quantisation.NONE,
        Quantisation.FP8,
        Quantisation.AWQ,
        Quantisation.GPTQ,
    }
    assert CATALOGUE.named("nobody") == ()


def test_a_name_stands_once_and_an_alternative_is_there() -> None:
    first = CATALOGUE.weights[0]

    with pytest.raises(ValueError):
        Catalogue(weights=(first, first))
    with pytest.raises(ValueError):
        Catalogue(weights=(replace(first, ungated="nobody"),))
