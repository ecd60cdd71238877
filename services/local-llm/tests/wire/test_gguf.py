"""What a model's file says about itself, and whether it is whole."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.gguf import BadModelFile, model_facts

MakeGguf = Callable[..., bytes]


def facts_of(data: bytes) -> ModelFacts:
    return model_facts(memoryview(data))


def test_a_model_is_known_by_its_file(make_gguf: MakeGguf) -> None:
    assert facts_of(make_gguf()) == ModelFacts(
        architecture="llama",
        context_tokens=64,
        chat_template="{{ messages[0]['content'] }}",
        bos="<s>",
        eos="</s>",
        end_tokens=frozenset({1}),
        hidden_tokens=frozenset({0, 1}),
        control_texts=frozenset({"<s>", "</s>"}),
    )


def test_tokens_that_the_models_makers_have_added_are_control_tokens_unless_they_are_spaces(
    make_gguf: MakeGguf,
) -> None:
    """Some models keep their turns' ends among them, others runs of spaces for code."""
    made = make_gguf(
        tokenizer__ggml__tokens=["<s>", "</s>", "<turn>", "  "],
        tokenizer__ggml__token_type=[3, 3, 4, 4],
    )

    assert facts_of(made).control_texts == {"<s>", "</s>", "<turn>"}


def test_the_end_of_a_turn_ends_an_answer_too(make_gguf: MakeGguf) -> None:
    """Llama 3 ends turns with another token than texts."""
    made = make_gguf(tokenizer__ggml__eot_token_id=3)

    assert facts_of(made).end_tokens == {1, 3}


def test_a_model_without_a_beginning_token_has_none(make_gguf: MakeGguf) -> None:
    assert facts_of(make_gguf(tokenizer__ggml__bos_token_id=None)).bos == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.0, 0.999))
def test_a_file_that_was_cut_anywhere_is_refused(make_gguf: MakeGguf, share: float) -> None:
    """An engine that maps such a file dies of it without a word."""
    whole = make_gguf()

    with pytest.raises(BadModelFile):
        facts_of(whole[: int(len(whole) * share)])


def test_how_much_is_missing_is_said(make_gguf: MakeGguf) -> None:
    whole = make_gguf()

    with pytest.raises(BadModelFile) as refused:
        facts_of(whole[:-1])

    assert f"{len(whole) - 1} of at least {len(whole)} bytes" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tokenizer__ggml__model": "llama"}, "'llama'"),
        ({"tokenizer__chat_template": None}, "tokenizer.chat_template"),
        ({"llama__context_length": None}, "llama.context_length"),
        ({"general__architecture": None}, "general.architecture"),
        ({"tokenizer__ggml__tokens": None}, "tokenizer.ggml.tokens"),
        ({"tokenizer__ggml__eos_token_id": 9}, "token 9"),
        ({"general__alignment": 0}, "alignment"),
    ],
)
def test_what_a_model_lacks_is_named(
    make_gguf: MakeGguf, change: dict[str, object], words: str
) -> None:
    with pytest.raises(BadModelFile) as refused:
        facts_of(make_gguf(**change))

    assert words in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a zip",
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62),
    ],
    ids=["empty", "another format", "old version", "endless", "a string longer than the file"],
)
def test_a_file_that_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(BadModelFile):
        facts_of(data)
