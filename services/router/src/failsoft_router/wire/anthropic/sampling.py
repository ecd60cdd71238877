"""Sampling in the words of Messages, and what of it has none.

What a model takes depends on its generation: those after Claude 4.6 refuse every sampling
parameter, those from Claude 4.5 on refuse temperature and top_p together. A name that is not
Claude's is another maker's model behind the same dialect, and takes what the dialect has.
"""

import re
from dataclasses import dataclass

from failsoft_model.chat import Sampling

Json = dict[str, object]

_CLAUDE = re.compile(r"\bclaude-")
_TAKES_SAMPLING = re.compile(r"\bclaude-(?:3|(?:opus|sonnet|haiku)-4(?!-[7-9](?!\d)))")
_FIRST_GENERATION = re.compile(r"\bclaude-3")

_MOST_TOKENS = 32_000
_MOST_TOKENS_OF_FIRST = 4_096
_HOTTEST = 1.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is sent of a sampling, and the field paths of what is not, or not as a whole."""

    fields: Json
    dropped: tuple[str, ...]


def max_tokens(model: str, context_tokens: int) -> int:
    """How long an answer may be whose caller does not say; the API has no default.

    The most that all current models take, and no more than half of the context.

    Args:
        context_tokens: Request and answer together; 0: not known.
    """
    most = _MOST_TOKENS_OF_FIRST if _FIRST_GENERATION.search(model) else _MOST_TOKENS
    return min(most, context_tokens // 2) if context_tokens > 1 else most


def fit(sampling: Sampling, *, model: str, context_tokens: int) -> Fitted:
    """The sampling as this model takes it."""
    dropped = [
        f"sampling.{name}"
        for name in ("seed", "presence_penalty", "frequency_penalty")
        if getattr(sampling, name) is not None
    ]
    stops = [stop for stop in sampling.stop if stop.strip()]
    if len(stops) < len(sampling.stop):
        # The API refuses blank ones.
        dropped.append("sampling.stop")
    fields: Json = {"max_tokens": sampling.max_tokens or max_tokens(model, context_tokens)}
    if stops:
        fields["stop_sequences"] = stops
    chosen, lost = _chosen(sampling, model)
    return Fitted({**fields, **chosen}, (*lost, *dropped))


def _chosen(sampling: Sampling, model: str) -> tuple[Json, tuple[str, ...]]:
    """How tokens are chosen: what is sent, and what is not."""
    asked: Json = {
        name: value
        for name in ("temperature", "top_p", "top_k")
        if (value := getattr(sampling, name)) is not None
    }
    if _CLAUDE.search(model) and not _TAKES_SAMPLING.search(model):
        return {}, tuple(f"sampling.{name}" for name in asked)
    lost: list[str] = []
    if sampling.temperature is not None and sampling.temperature > _HOTTEST:
        asked["temperature"] = _HOTTEST
        lost.append("sampling.temperature")
    if "temperature" in asked and "top_p" in asked:
        del asked["top_p"]
        lost.append("sampling.top_p")
    return asked, tuple(lost)
