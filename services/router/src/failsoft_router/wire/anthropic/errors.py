"""What an error of Messages means.

    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

The type decides where it says enough. `invalid_request_error` goes with everything from a
caller's mistake to an empty account; there the message decides. It may quote the caller, so
what shuts a gate has to be how it begins; a phrase that is anywhere in it decides about this
one request only.

No field is believed to be the caller's: the ones that a message names are our translation's.
"""

from collections.abc import Mapping

import msgspec

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.refusal import class_of_status, failed_inside, refused

_BY_TYPE = {
    "authentication_error": ErrorClass.CREDENTIAL,
    "billing_error": ErrorClass.QUOTA,
    # The key is good, and may not use this model.
    "permission_error": ErrorClass.MODEL_GONE,
    "request_too_large": ErrorClass.CONTEXT_LENGTH,
    "rate_limit_error": ErrorClass.RATE_LIMITED,
    "api_error": ErrorClass.TRANSIENT,
    "timeout_error": ErrorClass.TRANSIENT,
    "overloaded_error": ErrorClass.TRANSIENT,
}

_BY_OPENING = {
    ("invalid_request_error", "your credit balance is too low"): ErrorClass.QUOTA,
    ("invalid_request_error", "you have reached your specified api usage"): ErrorClass.QUOTA,
    ("invalid_request_error", "this organization has been disabled"): ErrorClass.CREDENTIAL,
    ("not_found_error", "model:"): ErrorClass.MODEL_GONE,
    # What somebody in a country that is not served is told.
    ("forbidden", "request not allowed"): ErrorClass.REGION,
}
"""These shut gates."""

_BY_PHRASE = {
    "prompt is too long": ErrorClass.CONTEXT_LENGTH,
    "exceed context limit": ErrorClass.CONTEXT_LENGTH,
    "blocked by content filtering": ErrorClass.CONTENT_FILTER,
    "for this model": ErrorClass.UNSUPPORTED,
    "on this model": ErrorClass.UNSUPPORTED,
    "this model does not support": ErrorClass.UNSUPPORTED,
    "maximum allowed number of output tokens": ErrorClass.UNSUPPORTED,
    "extra inputs are not permitted": ErrorClass.UNSUPPORTED,
    "output_config": ErrorClass.UNSUPPORTED,
    "input_schema": ErrorClass.UNSUPPORTED,
    "first message must": ErrorClass.UNSUPPORTED,
}
"""What an `invalid_request_error` says; no gate learns from any of these classes."""


class _Envelope(msgspec.Struct):
    error: object = None


_decode = msgspec.json.Decoder(_Envelope).decode


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, unix: float
) -> AttemptFailed:
    """The failure that a reply with another status than 200 stands for.

    Args:
        headers: Names in lower case.
        body: At most the first 64 KiB of it.
        unix: Seconds since the epoch, for a hint that is a date.
    """
    error_class = _class(_error_of(body)) or class_of_status(status)
    return refused(error_class, status=status, headers=headers, unix=unix)


def from_error_object(error: object) -> AttemptFailed:
    """The failure that an event's `error` stands for, whatever it is; the status was 200."""
    return failed_inside(_class(error) or ErrorClass.TRANSIENT)


def _error_of(body: bytes) -> object:
    """The error of a reply's body; None: there is none."""
    try:
        return _decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _class(error: object) -> ErrorClass | None:
    """What the provider says; None: nothing that is known."""
    if not isinstance(error, dict):
        return None
    kind, message = error.get("type"), error.get("message")
    if not isinstance(kind, str):
        return None
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    text = message.lower() if isinstance(message, str) else ""
    for (its_kind, opening), error_class in _BY_OPENING.items():
        if kind == its_kind and text.startswith(opening):
            return error_class
    if kind != "invalid_request_error":
        return None
    for phrase, error_class in _BY_PHRASE.items():
        if phrase in text:
            return error_class
    return None
