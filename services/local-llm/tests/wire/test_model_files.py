"""What a model's small files say."""

import json

import pytest

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.gguf import BadModelFile
from failsoft_local_llm.wire.model_files import model_facts, vocabulary

CONFIG = {"model_type": "llama", "max_position_embeddings": 64, "eos_token_id": 3}
ADDED = [
    {"id": 2, "content": "<s>", "special": True},
    {"id": 3, "content": "</s>", "special": True},
    {"id": 4, "content": "<call>", "special": False},
    {"id": 5, "content": "   ", "special": False},
    {"id": 6, "content": "</turn>", "special": True},
]
TOKENIZER = {"model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1}}, "added_tokens": ADDED}
TOKENIZER_CONFIG = {
    "bos_token": "<s>",
    "eos_token": {"content": "</turn>", "lstrip": False},
    "chat_template": "{{ messages }}",
}


def files(**changes: object) -> dict[str, bytes]:
    """The files of a tiny model; a name's underscores stand for what its file has."""
    named = {
        "config.json": CONFIG,
        "tokenizer.json": TOKENIZER,
        "tokenizer_config.json": TOKENIZER_CONFIG,
        "generation_config.json": {"eos_token_id": [3, 6]},
        **{f"{name}.json": change for name, change in changes.items()},
    }
    return {name: json.dumps(content).encode() for name, content in named.items()}


def test_the_facts_are_put_together() -> None:
    assert model_facts(files()) == ModelFacts(
        architecture="llama",
        context_tokens=64,
        chat_template="{{ messages }}",
        bos="<s>",
        eos="</turn>",
        end_tokens=frozenset({3, 6}),
        hidden_tokens=frozenset({2, 3, 6}),
        control_texts=frozenset({"<s>", "</s>", "<call>", "</turn>"}),
    )


def test_the_token_that_ends_a_turn_ends_an_answer_whatever_else_is_said() -> None:
    without = files(config={**CONFIG, "eos_token_id": None})
    del without["generation_config.json"]

    assert model_facts(without).end_tokens == {6}


def test_a_template_in_a_file_of_its_own_is_the_newer_one() -> None:
    both = files() | {"chat_template.jinja": b"{{ newer }}"}

    assert model_facts(both).chat_template == "{{ newer }}"


def test_of_several_templates_the_default_counts() -> None:
    named = [
        {"name": "tool_use", "template": "{{ tools }}"},
        {"name": "default", "template": "{{ default }}"},
    ]
    facts = model_facts(files(tokenizer_config={**TOKENIZER_CONFIG, "chat_template": named}))

    assert facts.chat_template == "{{ default }}"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config", {"model_type": "llama"}, "config.json"),
        ("tokenizer", [], "tokenizer.json"),
        ("tokenizer_config", {}, "chat template"),
    ],
)
def test_what_cannot_be_served_is_said_with_its_file(name: str, content: object, said: str) -> None:
    with pytest.raises(BadModelFile, match=said):
        model_facts(files(**{name: content}))


def test_a_file_that_was_cut_is_named() -> None:
    cut = files()
    cut["tokenizer.json"] = cut["tokenizer.json"][:-5]

    with pytest.raises(BadModelFile, match=r"tokenizer\.json was cut"):
        model_facts(cut)


def test_a_model_that_never_ends_is_not_served() -> None:
    endless = files(
        config={**CONFIG, "eos_token_id": None},
        tokenizer_config={**TOKENIZER_CONFIG, "eos_token": None},
        generation_config={},
    )

    with pytest.raises(BadModelFile, match="ends an answer"):
        model_facts(endless)


def test_each_token_has_its_bytes() -> None:
    assert vocabulary(files()["tokenizer.json"]) == {
        0: b"a",
        1: b" b",
        2: b"<s>",
        3: b"</s>",
        4: b"<call>",
        5: b"   ",
        6: b"</turn>",
    }


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    unigram = {"model": {"type": "BPE", "vocab": {"▁b": 1}}, "added_tokens": []}

    with pytest.raises(BadModelFile, match="byte-level"):
        vocabulary(files(tokenizer=unigram)["tokenizer.json"])
