"""What an OpenAI-compatible provider's error means.

The provider's own code and type decide first: OpenAI answers 429 both to a burst and
to an empty account, and 400 both to a caller's mistake and to a request that is too
long. Where a server has no code for it, its words to people decide, by phrases that are
in use. The bare status is the default; only 400 and 422 blame the caller, because a walk
ends with the caller's fault, and a 405 or a 418 is more likely a wrong endpoint.

What a provider says to people may quote the caller: a prompt, the name of a tool or of a
property. So a phrase that is anywhere in it decides about this one request only; what shuts
a gate, and so everybody out, has to be how the message begins, of a request in which no
field of the caller's is named.
"""

from collections.abc import Mapping

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.openai.error_body import ErrorBody, read_error
from failsoft_router.wire.refusal import class_of_status, failed_inside, refused

# The type "invalid_request_error" is not here: it goes with almost every status, and
# says less than a 401 or a 404 does.
_BY_CODE = {
    "invalid_api_key": ErrorClass.CREDENTIAL,
    "account_deactivated": ErrorClass.CREDENTIAL,
    "authentication_error": ErrorClass.CREDENTIAL,
    "missing_scope": ErrorClass.CREDENTIAL,
    "insufficient_quota": ErrorClass.QUOTA,
    "billing_hard_limit_reached": ErrorClass.QUOTA,
    "rate_limit_exceeded": ErrorClass.RATE_LIMITED,
    "context_length_exceeded": ErrorClass.CONTEXT_LENGTH,
    "string_above_max_length": ErrorClass.CONTEXT_LENGTH,
    "exceed_context_size_error": ErrorClass.CONTEXT_LENGTH,
    "request_too_large": ErrorClass.CONTEXT_LENGTH,
    "content_filter": ErrorClass.CONTENT_FILTER,
    "content_policy_violation": ErrorClass.CONTENT_FILTER,
    "data_inspection_failed": ErrorClass.CONTENT_FILTER,
    "model_not_found": ErrorClass.MODEL_GONE,
    "not_found_error": ErrorClass.MODEL_GONE,
    "NotFoundError": ErrorClass.MODEL_GONE,
    "DeploymentNotFound": ErrorClass.MODEL_GONE,
    # The key is good, and may not use this model.
    "permission_error": ErrorClass.MODEL_GONE,
    "permission_denied": ErrorClass.MODEL_GONE,
    "unsupported_country_region_territory": ErrorClass.REGION,
    "unsupported_parameter": ErrorClass.UNSUPPORTED,
    "unsupported_value": ErrorClass.UNSUPPORTED,
    "unknown_parameter": ErrorClass.UNSUPPORTED,
    "server_error": ErrorClass.TRANSIENT,
    "overloaded_error": ErrorClass.TRANSIENT,
    "insufficient_quota_error": ErrorClass.QUOTA,
}

_VAGUE = frozenset({400, 403, 404, 413, 422, 500})
"""Statuses that say so little that what is said to people is read."""

_BY_OPENING = {
    "user location is not supported": ErrorClass.REGION,
    "you have insufficient permissions": ErrorClass.CREDENTIAL,
    "model not exist": ErrorClass.MODEL_GONE,
}
"""These shut gates: they are a message's first words, before it can quote anything."""

_BY_PHRASE = {
    "context length": ErrorClass.CONTEXT_LENGTH,
    "context window": ErrorClass.CONTEXT_LENGTH,
    "context size": ErrorClass.CONTEXT_LENGTH,
    "maximum model length": ErrorClass.CONTEXT_LENGTH,
    "prompt is too long": ErrorClass.CONTEXT_LENGTH,
    "input was flagged": ErrorClass.CONTENT_FILTER,
    "requires moderation": ErrorClass.CONTENT_FILTER,
    "content management policy": ErrorClass.CONTENT_FILTER,
    "content exists risk": ErrorClass.CONTENT_FILTER,
    "inappropriate content": ErrorClass.CONTENT_FILTER,
    "unrecognized request argument": ErrorClass.UNSUPPORTED,
    "extra inputs are not permitted": ErrorClass.UNSUPPORTED,
}
"""No gate learns from any of these classes."""


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, unix: float
) -> AttemptFailed:
    """The failure that a reply with another status than 200 stands for.

    Args:
        headers: Names in lower case.
        body: At most the first 64 KiB of it.
        unix: Seconds since the epoch, for a hint that is a date.
    """
    error = read_error(body)
    return refused(
        _class(error, status),
        status=status,
        headers=headers,
        unix=unix,
        names_field=error is not None and error.is_about_callers,
    )


def from_error_object(error: ErrorBody) -> AttemptFailed:
    """The failure that an error object inside a stream stands for; the status was 200.

    Some servers put the status that came too late into `code`.
    """
    late = error.code if isinstance(error.code, int) and 400 <= error.code < 600 else 500
    return failed_inside(_class(error, late))


def _class(error: ErrorBody | None, status: int) -> ErrorClass:
    said = None if error is None else _said(error, status)
    return said or class_of_status(status)


def _said(error: ErrorBody, status: int) -> ErrorClass | None:
    """What the body says; None: nothing that is known."""
    for word in error.words:
        if word in _BY_CODE:
            return _BY_CODE[word]
    if error.is_flagged:
        return ErrorClass.CONTENT_FILTER
    if status not in _VAGUE:
        return None
    text = error.text
    for opening, error_class in _BY_OPENING.items():
        if text.startswith(opening) and not error.is_about_callers:
            return error_class
    for phrase, error_class in _BY_PHRASE.items():
        if phrase in text:
            return error_class
    if status == 404 and error.is_about_the_model:
        return ErrorClass.MODEL_GONE
    blames_us = status in (400, 422) and error.is_about_ours
    return ErrorClass.UNSUPPORTED if blames_us else None
