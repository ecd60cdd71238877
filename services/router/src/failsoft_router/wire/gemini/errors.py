"""What an error of Gemini's API means.

The details' reasons decide first, then the first words of what is said to people, then
Google's canonical code, and the bare status where nothing of Google's is in the body.

What one would not guess: a bad key is 400 INVALID_ARGUMENT, and so are a prompt that is too
long and a field that this model does not have. A place that is not served is 400
FAILED_PRECONDITION. 429 is a burst, a day's count that is used up, or an account without
money.

What is said to people may quote the caller. So what shuts a gate has to be a message's first
words, or a reason; a phrase that is anywhere in it decides about this one request only.
"""

import re
from collections.abc import Mapping

from failsoft_model.walk import ErrorClass
from failsoft_router.core.gate import LONGEST_HINT_SECONDS
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.gemini.error_body import ErrorBody, read_error
from failsoft_router.wire.refusal import class_of_status, failed_inside, refused

_BY_REASON = {
    "API_KEY_INVALID": ErrorClass.CREDENTIAL,
    "API_KEY_SERVICE_BLOCKED": ErrorClass.CREDENTIAL,
    "API_KEY_IP_ADDRESS_BLOCKED": ErrorClass.CREDENTIAL,
    "API_KEY_HTTP_REFERRER_BLOCKED": ErrorClass.CREDENTIAL,
    "CREDENTIALS_MISSING": ErrorClass.CREDENTIAL,
    "ACCESS_TOKEN_EXPIRED": ErrorClass.CREDENTIAL,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": ErrorClass.CREDENTIAL,
    "CONSUMER_INVALID": ErrorClass.CREDENTIAL,
    "CONSUMER_SUSPENDED": ErrorClass.CREDENTIAL,
    "SERVICE_DISABLED": ErrorClass.CREDENTIAL,
    "BILLING_DISABLED": ErrorClass.QUOTA,
}

_BY_OPENING = {
    "api key not valid": ErrorClass.CREDENTIAL,
    "api key not found": ErrorClass.CREDENTIAL,
    "api key expired": ErrorClass.CREDENTIAL,
    "your api key was reported as leaked": ErrorClass.CREDENTIAL,
    "your project has been denied access": ErrorClass.CREDENTIAL,
    "method doesn't allow unregistered callers": ErrorClass.CREDENTIAL,
    "user location is not supported": ErrorClass.REGION,
    "gemini api free tier is not available": ErrorClass.REGION,
    "your prepayment credits are depleted": ErrorClass.QUOTA,
    "your project has exceeded its": ErrorClass.QUOTA,
    "the input token count": ErrorClass.CONTEXT_LENGTH,
    "request payload size exceeds": ErrorClass.CONTEXT_LENGTH,
    # The payload's form is ours, and the model's API is older than it.
    "invalid json payload received": ErrorClass.UNSUPPORTED,
    "cannot fetch content from the provided url": ErrorClass.UNSUPPORTED,
}

_UNSUPPORTED = re.compile(
    r"is not enabled for|is not supported|is unsupported|does not support"
    r"|thought_signature|\btools\[|\btool_config\b|\bgeneration_config\b|function_declarations"
    r"|response_schema|response_json_schema"
)
"""A model that lacks something, and Gemini's own narrower view of schemas: other providers
take the same request."""

_BY_WORD = {
    "INVALID_ARGUMENT": ErrorClass.CALLER_FAULT,
    "OUT_OF_RANGE": ErrorClass.CALLER_FAULT,
    "FAILED_PRECONDITION": ErrorClass.UNKNOWN,
    "UNAUTHENTICATED": ErrorClass.CREDENTIAL,
    # The key is good, and may not use this model; what is wrong with a key has a reason.
    "PERMISSION_DENIED": ErrorClass.MODEL_GONE,
    "NOT_FOUND": ErrorClass.MODEL_GONE,
    "RESOURCE_EXHAUSTED": ErrorClass.RATE_LIMITED,
    "UNIMPLEMENTED": ErrorClass.UNSUPPORTED,
    "ABORTED": ErrorClass.TRANSIENT,
    "CANCELLED": ErrorClass.TRANSIENT,
    "DATA_LOSS": ErrorClass.TRANSIENT,
    "DEADLINE_EXCEEDED": ErrorClass.TRANSIENT,
    "INTERNAL": ErrorClass.TRANSIENT,
    "UNAVAILABLE": ErrorClass.TRANSIENT,
}

_DAY = 86400
_NEW_DAY = (7 * 3600, 8 * 3600)
"""Seconds of the day in UTC at which a day's counts begin anew: at midnight in California,
in summer and in winter."""


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, unix: float
) -> AttemptFailed:
    """The failure that a reply with another status than 200 stands for.

    Args:
        headers: Names in lower case.
        body: At most the first 64 KiB of it.
        unix: Seconds since the epoch, for a hint that is a date and for the day's end.
    """
    error = read_error(body)
    return refused(
        _class(error, status),
        status=status,
        headers=headers,
        unix=unix,
        hint=None if error is None else _hint(error, unix=unix),
    )


def from_error_object(error: ErrorBody) -> AttemptFailed:
    """The failure that an error object inside a stream stands for; the status was 200."""
    late = error.code if isinstance(error.code, int) and 400 <= error.code < 600 else 500
    return failed_inside(_class(error, late))


def _class(error: ErrorBody | None, status: int) -> ErrorClass:
    said = None if error is None else _said(error)
    return said or class_of_status(status)


def _said(error: ErrorBody) -> ErrorClass | None:
    """What the body says; None: nothing that is known."""
    for reason in error.reasons:
        if reason in _BY_REASON:
            return _BY_REASON[reason]
    for opening, error_class in _BY_OPENING.items():
        if error.text.startswith(opening):
            return error_class
    word = _BY_WORD.get(error.word)
    if word is ErrorClass.CALLER_FAULT and _UNSUPPORTED.search(error.text):
        return ErrorClass.UNSUPPORTED
    if word is ErrorClass.RATE_LIMITED and any(map(_is_accounts_day, error.quotas)):
        return ErrorClass.QUOTA
    return word


def _hint(error: ErrorBody, *, unix: float) -> float | None:
    """Seconds to wait, as the body says them.

    The delay that comes with a day's count is a minute's: it would be asked all day long.
    """
    hint = error.retry_delay
    if any(map(_is_days, error.quotas)):
        hint = min(_DAY - (unix - begin) % _DAY for begin in _NEW_DAY)
    return None if hint is None else min(hint, LONGEST_HINT_SECONDS)


def _is_days(quota: str) -> bool:
    return "PerDay" in quota


def _is_accounts_day(quota: str) -> bool:
    """A day's count of all models together."""
    return _is_days(quota) and "PerModel" not in quota
