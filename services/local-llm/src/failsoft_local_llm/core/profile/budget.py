"""How long conversations may be and how many run at once, in a given KV cache.

The cache is paged: a conversation takes what it has said, not what it might say. So the longest
context needs to fit only twice (one long conversation must not stop everybody else), and the
sequences share the rest, each with the length of an ordinary conversation.
"""

from dataclasses import dataclass

from failsoft_local_llm.core.catalogue import Architecture

CACHE_BYTES_PER_NUMBER = 2
"""bf16 and fp16. OpenVINO keeps 8 bits where the CPU allows it, so there this is an upper limit."""
LONGEST_AT_ONCE = 2
ORDINARY_TOKENS = 1024
"""A question with some context, and its answer; a guess, for the length of most conversations."""
MOST_SEQUENCES = 256
"""vLLM's own default for a big GPU; more only makes each of them slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How a KV cache is used."""

    context_tokens: int
    max_sequences: int


def bytes_per_token(architecture: Architecture) -> int:
    """KV cache that one token takes, over all layers and all GPUs."""
    return architecture.kv_elements * CACHE_BYTES_PER_NUMBER


def room(
    tokens: int,
    *,
    most_context: int,
    least_context: int,
    most_sequences: int = MOST_SEQUENCES,
    context: int | None = None,
    sequences: int | None = None,
) -> Room | None:
    """Shares out a cache of that many tokens.

    Args:
        most_context: What the model was trained for.
        least_context: Below this it is of no use.
        context: Set by the operator; cut to what the model can.
        sequences: Set by the operator.

    Returns:
        None: the cache is too small, even for the least or for what was set.
    """
    if context is None:
        context = _longest(tokens // LONGEST_AT_ONCE, most=most_context)
        enough = context >= min(least_context, most_context)
    else:
        context = min(context, most_context)
        enough = tokens >= context
    if not enough:
        return None
    if sequences is None:
        sequences = max(1, min(most_sequences, tokens // ORDINARY_TOKENS))
    return Room(context_tokens=context, max_sequences=sequences)


def tokens_needed(*, least_context: int, most_context: int, context: int | None) -> int:
    """The smallest cache, in tokens, for which `room` gives anything."""
    if context is not None:
        return min(context, most_context)
    return LONGEST_AT_ONCE * min(least_context, most_context)


def _longest(tokens: int, *, most: int) -> int:
    """The largest power of two within both."""
    return min(most, 1 << max(0, tokens.bit_length() - 1))
