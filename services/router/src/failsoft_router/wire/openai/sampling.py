"""Sampling in the words of whoever serves OpenAI's format, and what of it has none there.

OpenAI's own models that reason refuse what the others take; servers that speak the same
format lack some fields, call others by other names, and refuse what they do not know.
Which is which is data, by the model's name and the endpoint's host:

| served by | length | seed | usage comes |
|---|---|---|---|
| OpenAI, Azure (`/openai/v1`), Groq | `max_completion_tokens` | `seed` | when asked for |
| Mistral | `max_tokens` | `random_seed` | by itself |
| others: vLLM, Ollama, llama.cpp, … | `max_tokens` | `seed` | when asked for |

A turn that was begun is sent to targets only whose capabilities list `continue`. Mistral wants
it marked (`prefix`), vLLM and llama.cpp want to be told (`continue_final_message`); Ollama goes
on by itself, and passes over what it does not know.

Probabilities and biases are capabilities: a target that lists none is not asked for any.

Sources: OpenAI's API reference and its guide to reasoning models, Groq's page on OpenAI
compatibility, Ollama's (`max_tokens` alone), and Mistral's API, which answers 422
`extra_forbidden` to any field that it does not know.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from failsoft_model.chat import Sampling

Json = dict[str, object]

MAX_STOPS = 4
"""OpenAI's API refuses more stop strings; the first ones are sent."""

_REASONS = re.compile(r"(?:^|/)(?:o\d|gpt-(?:5|6)(?!\d))(?!.*-chat)")
"""OpenAI's models that reason, by name: o1 and its kin, GPT-5 and 6, not their chat variants."""

_OPENAIS = ("api.openai.com", "api.groq.com")
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")

_NOT_WHILE_REASONING = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "stop",
)
"""What a model that reasons answers with 400 `unsupported_parameter` or `unsupported_value`."""

_USUAL_TEMPERATURE = 1.0
"""What such a model samples at; to ask for it is to ask for nothing."""


class Server(enum.Enum):
    """Who serves the format."""

    OPENAI = "openai"
    """Also those who call everything as OpenAI does: Azure, Groq."""
    MISTRAL = "mistral"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What one server calls things, and what it has no word for.

    Attributes:
        length: How long an answer may be.
        lacks: Fields of `Sampling` that it refuses.
        usage_on_demand: Usage comes if it is asked for; else it comes by itself.
        begun_turn: Marks a last turn of the assistant's as one to go on with.
        goes_on: Says of a whole request that its last turn is one.
    """

    length: str = "max_completion_tokens"
    seed: str = "seed"
    lacks: tuple[str, ...] = ()
    usage_on_demand: bool = True
    begun_turn: Mapping[str, bool] = field(default_factory=dict)
    goes_on: Mapping[str, bool] = field(default_factory=dict)


_WORDS = {
    Server.OPENAI: Words(),
    Server.MISTRAL: Words(
        length="max_tokens",
        seed="random_seed",
        usage_on_demand=False,
        begun_turn={"prefix": True},
    ),
    Server.OTHER: Words(
        length="max_tokens",
        goes_on={"continue_final_message": True, "add_generation_prompt": False},
    ),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is sent of a sampling, and the field paths of what is not, or not as a whole."""

    fields: Json
    dropped: tuple[str, ...]


def words(endpoint: str, model: str) -> Words:
    """What the server of this model calls things.

    Args:
        endpoint: Its base URL.
        model: Its own name for the model.
    """
    found = _WORDS[_server(endpoint)]
    if not _REASONS.search(model):
        return found
    # Also behind somebody's proxy: the model is OpenAI's, and `max_tokens` it refuses.
    return Words(
        length="max_completion_tokens",
        seed=found.seed,
        lacks=_NOT_WHILE_REASONING,
        usage_on_demand=found.usage_on_demand,
    )


def fit(sampling: Sampling, said_in: Words) -> Fitted:
    """The sampling as this server takes it."""
    wanted: dict[str, tuple[str, object]] = {
        "temperature": ("temperature", sampling.temperature),
        "top_p": ("top_p", sampling.top_p),
        "max_tokens": (said_in.length, sampling.max_tokens),
        "stop": ("stop", list(sampling.stop[:MAX_STOPS]) or None),
        "seed": (said_in.seed, sampling.seed),
        "presence_penalty": ("presence_penalty", sampling.presence_penalty),
        "frequency_penalty": ("frequency_penalty", sampling.frequency_penalty),
        "logprobs": ("logprobs", sampling.logprobs or None),
        "top_logprobs": ("top_logprobs", sampling.top_logprobs or None),
        "logit_bias": ("logit_bias", _biases(sampling) or None),
    }
    sent = {name: pair for name, pair in wanted.items() if pair[1] is not None}
    lost = [name for name in said_in.lacks if name in sent]
    for name in lost:
        del sent[name]
    if "temperature" in lost and sampling.temperature == _USUAL_TEMPERATURE:
        lost.remove("temperature")
    if sampling.top_k is not None:
        lost.append("top_k")
    if len(sampling.stop) > MAX_STOPS and "stop" in sent:
        lost.append("stop")
    return Fitted(dict(sent.values()), tuple(f"sampling.{name}" for name in lost))


def _server(endpoint: str) -> Server:
    host = urlsplit(endpoint).hostname or ""
    if host in _OPENAIS or host.endswith(_AZURE):
        return Server.OPENAI
    if host == "api.mistral.ai":
        return Server.MISTRAL
    return Server.OTHER


def _biases(sampling: Sampling) -> Json:
    """Whole numbers as such: the API's schema has no others."""
    return {
        str(token): int(bias) if bias.is_integer() else bias for token, bias in sampling.logit_bias
    }
