"""What Gemini's finish reasons mean."""

import re

from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.ports import AttemptFailed

_WORDS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
}

_REQUESTS_OWN = {
    # The model could not call the request's tools, or called one that there is not.
    "MALFORMED_FUNCTION_CALL": ErrorClass.SCHEMA_INVALID,
    "UNEXPECTED_TOOL_CALL": ErrorClass.SCHEMA_INVALID,
    "TOO_MANY_TOOL_CALLS": ErrorClass.SCHEMA_INVALID,
    # It does not speak the request's language, or wants signatures that are another's.
    "LANGUAGE": ErrorClass.UNSUPPORTED,
    "MISSING_THOUGHT_SIGNATURE": ErrorClass.UNSUPPORTED,
}
"""Ends of broken answers that the request explains: another target may do better, and one
caller's tools must not open a breaker for everybody."""

_PLAIN = re.compile(r"[A-Z_]{1,40}")
"""A word that may be told; a stranger may send any text."""


def finish_reason(word: str) -> FinishReason:
    """What the provider's word says. Calls have none of their own: they end by `STOP`.

    Raises:
        AttemptFailed: The answer is not whole. `TRUNCATED`, as by `OTHER` and every word that
            is not known; or what the request explains, as by `MALFORMED_FUNCTION_CALL`.
    """
    known = _WORDS.get(word)
    if known is not None:
        return known
    shown = f"`{word}`" if _PLAIN.fullmatch(word) else "a word that is not known"
    raise AttemptFailed(
        _REQUESTS_OWN.get(word, ErrorClass.TRUNCATED),
        f"the answer ended by {shown} and not as a whole",
    )
