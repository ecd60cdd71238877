"""When an answer is whole, whatever the dialect."""

import re

from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.ports import AttemptFailed

_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

_LONGEST_MODEL = 256
"""Characters, as of the name that a caller may ask for; some servers tell a file's path."""


def known_id(told: object) -> str:
    """What a provider calls its answer; empty if that is no id: it is to go into traces.

    Not every server that speaks a provider's format has one, or has a text for it.
    """
    return told if isinstance(told, str) and _ID.fullmatch(told) else ""


def known_model(told: str, *, asked: str) -> str:
    """What a provider calls the model that answered; the one that was asked for if that is no
    name: it is to go into traces, and into what is remembered of walks.
    """
    return told if 0 < len(told) <= _LONGEST_MODEL and told.isprintable() else asked


def whole(finish_reason: FinishReason | None, *, said: bool, may_say_nothing: bool) -> FinishReason:
    """The finish reason of an answer whose body ended cleanly.

    Args:
        finish_reason: None: none came.
        said: There was content.
        may_say_nothing: The request explains an empty answer; see `size.may_be_empty`.

    Raises:
        AttemptFailed: `TRUNCATED`: no finish reason came, or no content although nothing of
            the request's explains that; `CONTENT_FILTER`: the provider cut it.
    """
    match finish_reason:
        case None:
            raise AttemptFailed(ErrorClass.TRUNCATED, "the stream ended without a finish reason")
        case FinishReason.CONTENT_FILTER:
            raise AttemptFailed(ErrorClass.CONTENT_FILTER, "the provider filtered the answer")
    # A caller's own `max_tokens` can be used up by thoughts that nobody is shown.
    explained = finish_reason is FinishReason.LENGTH or (
        may_say_nothing and finish_reason is FinishReason.STOP
    )
    if not said and not explained:
        raise AttemptFailed(ErrorClass.TRUNCATED, "the answer is empty")
    return finish_reason
