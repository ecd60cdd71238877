"""What the stop reasons of Messages mean.

Each that ends a whole answer is listed; any other word ends a broken one, as `pause_turn`
does, which a server's own tools bring about and we ask for none.
"""

import re

from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.ports import AttemptFailed

_WORDS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    # Not the caller's limit but the model's context.
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}

_PLAIN = re.compile(r"[A-Za-z_]{1,40}")
"""A word that may be told; a stranger may send any text."""


def finish_reason(word: str) -> FinishReason:
    """What a stop reason says.

    Raises:
        AttemptFailed: `TRUNCATED`: the answer is not whole.
    """
    known = _WORDS.get(word)
    if known is not None:
        return known
    shown = f"`{word}`" if _PLAIN.fullmatch(word) else "a word that is not known"
    raise AttemptFailed(
        ErrorClass.TRUNCATED, f"the answer ended by {shown} and not as a whole", http_status=200
    )
