"""Everybody who serves OpenAI's format is asked in words that they know."""

import pytest

from failsoft_model.chat import Sampling
from failsoft_router.wire.openai.sampling import fit, words

EVERYTHING = Sampling(
    temperature=0.5,
    top_p=0.9,
    max_tokens=100,
    stop=("END",),
    seed=7,
    presence_penalty=0.1,
    frequency_penalty=0.2,
    logprobs=True,
    top_logprobs=2,
    logit_bias=((1, -1.0),),
)

OPENAI = "https://api.openai.com/v1"
AZURE = "https://ours.openai.azure.com/openai/v1"
MISTRAL = "https://api.mistral.ai/v1"
GROQ = "https://api.groq.com/openai/v1"
OWN = "http://vllm.internal:8000/v1"

REASONING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop")


@pytest.mark.parametrize(
    ("endpoint", "model", "length", "seed"),
    [
        (OPENAI, "gpt-4o", "max_completion_tokens", "seed"),
        (AZURE, "our-deployment", "max_completion_tokens", "seed"),
        (GROQ, "llama-3.3-70b-versatile", "max_completion_tokens", "seed"),
        (MISTRAL, "mistral-small-latest", "max_tokens", "random_seed"),
        (OWN, "meta-llama/Llama-3.1-8B-Instruct", "max_tokens", "seed"),
        ("http://127.0.0.1:11434/v1", "llama3.2", "max_tokens", "seed"),
        (OWN, "openai/gpt-5.6-luna", "max_completion_tokens", "seed"),
    ],
)
def test_length_and_seed_have_the_servers_names(
    endpoint: str, model: str, length: str, seed: str
) -> None:
    fields = fit(EVERYTHING, words(endpoint, model)).fields

    assert (fields[length], fields[seed]) == (100, 7)
    assert len({"max_tokens", "max_completion_tokens"} & fields.keys()) == 1
    assert len({"seed", "random_seed"} & fields.keys()) == 1


@pytest.mark.parametrize(
    ("endpoint", "model", "lost"),
    [
        (OPENAI, "gpt-4.1", ()),
        (OPENAI, "gpt-5-chat-latest", ()),
        (OPENAI, "gpt-50", ()),
        (OWN, "gpt-oss-120b", ()),
        (OWN, "qwen3", ()),
        (GROQ, "qwen3", ()),
        (MISTRAL, "mistral-large-latest", ()),
        (OPENAI, "gpt-5-mini", REASONING),
        (OPENAI, "gpt-5.6", REASONING),
        (OPENAI, "gpt-6-luna", REASONING),
        (OPENAI, "o3", REASONING),
        (OPENAI, "o4-mini-2025-04-16", REASONING),
        ("https://gateway.example/v1", "openai/o3", REASONING),
    ],
)
def test_what_a_server_refuses_is_not_sent_and_named(
    endpoint: str, model: str, lost: tuple[str, ...]
) -> None:
    """A 400 for a sampling parameter would end the walk as the caller's own fault."""
    fitted = fit(EVERYTHING, words(endpoint, model))

    assert set(fitted.dropped) == {f"sampling.{field}" for field in lost}
    assert not fitted.fields.keys() & set(lost)


def test_who_asks_for_the_usual_temperature_has_lost_nothing() -> None:
    fitted = fit(Sampling(temperature=1.0), words(OPENAI, "gpt-5.6"))

    assert fitted.fields == {}
    assert fitted.dropped == ()


def test_what_was_not_asked_for_is_not_lost() -> None:
    for endpoint in (OPENAI, MISTRAL, GROQ, OWN):
        assert fit(Sampling(), words(endpoint, "o3")).dropped == ()


def test_usage_is_asked_for_where_it_does_not_come_by_itself() -> None:
    assert words(OPENAI, "gpt-5.6").usage_on_demand
    assert not words(MISTRAL, "mistral-small-latest").usage_on_demand
