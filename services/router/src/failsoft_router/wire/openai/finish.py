"""What the finish reasons of OpenAI-compatible servers mean.

Servers have words of their own for OpenAI's four. Each that is known to end a whole answer
is listed; any other word ends a broken one. A word that is missing here costs a second
call, and a broken answer that is taken for whole costs the truth.
"""

import re

from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.ports import AttemptFailed

_WORDS = {
    "stop": FinishReason.STOP,
    # Together and Text Generation Inference.
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    # LM Studio, and some gateways.
    "end": FinishReason.STOP,
    # Gateways in front of Anthropic's and Bedrock's models, with those models' words.
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
    "length": FinishReason.LENGTH,
    # Mistral: not the caller's limit but the model's context.
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    # Gemini, which also says `content_filter: PROHIBITED_CONTENT`.
    "safety": FinishReason.CONTENT_FILTER,
    "recitation": FinishReason.CONTENT_FILTER,
    "prohibited_content": FinishReason.CONTENT_FILTER,
    "blocklist": FinishReason.CONTENT_FILTER,
    "spii": FinishReason.CONTENT_FILTER,
    "model_armor": FinishReason.CONTENT_FILTER,
    # Zhipu.
    "sensitive": FinishReason.CONTENT_FILTER,
}

_REQUESTS_OWN = {
    # Gemini, whose model could not call the request's tools, or does not know its language.
    "malformed_function_call": ErrorClass.SCHEMA_INVALID,
    "function_call_filter": ErrorClass.SCHEMA_INVALID,
    "unexpected_tool_call": ErrorClass.SCHEMA_INVALID,
    "language": ErrorClass.UNSUPPORTED,
}
"""Ends of broken answers that the request explains: another target may do better, and one
caller's tools must not open a breaker for everybody."""

_PLAIN = re.compile(r"[A-Za-z_-]{1,40}")
"""A word that may be told; a stranger may send any text."""


def finish_reason(word: str) -> FinishReason:
    """What a provider's word says, in whatever case it is written; what follows a colon is detail.

    Raises:
        AttemptFailed: The answer is not whole. `TRUNCATED`, as by OpenRouter's `error`, vLLM's
            `abort`, DeepSeek's `insufficient_system_resource`, Zhipu's `network_error`; or
            what the request explains, as by Gemini's `MALFORMED_FUNCTION_CALL`.
    """
    word = word.partition(":")[0]
    known = _WORDS.get(word.lower())
    if known is not None:
        return known
    shown = f"`{word}`" if _PLAIN.fullmatch(word) else "a word that is not known"
    raise AttemptFailed(
        _REQUESTS_OWN.get(word.lower(), ErrorClass.TRUNCATED),
        f"the answer ended by {shown} and not as a whole",
    )
