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
    # Gemini and Zhipu.
    "safety": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
}

_PLAIN = re.compile(r"[A-Za-z_-]{1,40}")
"""A word that may be told; a stranger may send any text."""


def finish_reason(word: str) -> FinishReason:
    """What a provider's word says, in whatever case it is written.

    Raises:
        AttemptFailed: `TRUNCATED`: the answer is not whole, as by OpenRouter's `error`,
            vLLM's `abort`, DeepSeek's `insufficient_system_resource`, Zhipu's `network_error`.
    """
    known = _WORDS.get(word.lower())
    if known is not None:
        return known
    shown = f"`{word}`" if _PLAIN.fullmatch(word) else "a word that is not known"
    raise AttemptFailed(ErrorClass.TRUNCATED, f"the answer ended by {shown} and not as a whole")
