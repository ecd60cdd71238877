"""What an OpenAI-compatible provider's error means.

The provider's own code and type decide first: OpenAI answers 429 both to a burst and
to an empty account, and 400 both to a caller's mistake and to a request that is too
long. The bare status is the default; only 400 and 422 blame the caller, because a walk
ends with the caller's fault, and a 405 or a 418 is more likely a wrong endpoint.
"""

from collections.abc import Mapping

import msgspec

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.hint import wait_hint


class ErrorBody(msgspec.Struct):
    """The `error` object; every field may be missing or of another type."""

    message: object = None
    type: object = None
    code: object = None
    param: object = None


class _Envelope(msgspec.Struct):
    error: ErrorBody | None = None


_decode = msgspec.json.Decoder(_Envelope).decode

# The type "invalid_request_error" is not here: it goes with almost every status, and
# says less than a 401 or a 404 does.
_BY_CODE = {
    "invalid_api_key": ErrorClass.CREDENTIAL,
    "account_deactivated": ErrorClass.CREDENTIAL,
    "insufficient_quota": ErrorClass.QUOTA,
    "billing_hard_limit_reached": ErrorClass.QUOTA,
    "rate_limit_exceeded": ErrorClass.RATE_LIMITED,
    "context_length_exceeded": ErrorClass.CONTEXT_LENGTH,
    "string_above_max_length": ErrorClass.CONTEXT_LENGTH,
    "content_filter": ErrorClass.CONTENT_FILTER,
    "content_policy_violation": ErrorClass.CONTENT_FILTER,
    "model_not_found": ErrorClass.MODEL_GONE,
    "unsupported_country_region_territory": ErrorClass.REGION,
    "unsupported_parameter": ErrorClass.UNSUPPORTED,
    "unsupported_value": ErrorClass.UNSUPPORTED,
    "server_error": ErrorClass.TRANSIENT,
    "overloaded_error": ErrorClass.TRANSIENT,
    "insufficient_quota_error": ErrorClass.QUOTA,
}

_BY_STATUS = {
    400: ErrorClass.CALLER_FAULT,
    401: ErrorClass.CREDENTIAL,
    402: ErrorClass.QUOTA,
    403: ErrorClass.CREDENTIAL,
    404: ErrorClass.MODEL_GONE,
    408: ErrorClass.TRANSIENT,
    409: ErrorClass.TRANSIENT,
    413: ErrorClass.CONTEXT_LENGTH,
    422: ErrorClass.CALLER_FAULT,
    425: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE_LIMITED,
    451: ErrorClass.REGION,
}

_SENTENCES = {
    ErrorClass.CREDENTIAL: "the provider refused the credential",
    ErrorClass.QUOTA: "the account has nothing left",
    ErrorClass.RATE_LIMITED: "too many requests for now",
    ErrorClass.CONTEXT_LENGTH: "the request is longer than the model's context",
    ErrorClass.CONTENT_FILTER: "the provider refused the content",
    ErrorClass.MODEL_GONE: "the model does not exist for this account",
    ErrorClass.REGION: "the provider does not serve this place",
    ErrorClass.UNSUPPORTED: "the model does not take a parameter of the request",
    ErrorClass.CALLER_FAULT: "the provider says that the request is wrong",
}


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, unix: float
) -> AttemptFailed:
    """The failure that a reply with another status than 200 stands for.

    Args:
        headers: Names in lower case.
        body: At most the first 64 KiB of it.
        unix: Seconds since the epoch, for a hint that is a date.
    """
    try:
        error = _decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = None
    error_class = _class(error, status)
    sentence = _SENTENCES.get(error_class, "the provider failed")
    return AttemptFailed(
        error_class,
        f"{sentence} (HTTP {status})",
        http_status=status,
        retry_after=wait_hint(headers, error_class, unix=unix),
    )


def from_error_object(error: ErrorBody) -> AttemptFailed:
    """The failure that an error object inside a stream stands for; the status was 200.

    Some servers put the status that came too late into `code`.
    """
    late = error.code if isinstance(error.code, int) and 400 <= error.code < 600 else 500
    error_class = _class(error, late)
    sentence = _SENTENCES.get(error_class, "the provider failed")
    return AttemptFailed(error_class, f"{sentence} (error inside the stream)", http_status=200)


def _class(error: ErrorBody | None, status: int) -> ErrorClass:
    if error is not None:
        for word in (error.code, error.type):
            if isinstance(word, str) and word in _BY_CODE:
                return _BY_CODE[word]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ErrorClass.TRANSIENT if status >= 500 else ErrorClass.UNKNOWN
