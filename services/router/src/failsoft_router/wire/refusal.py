"""What a provider's refusal is called, whatever its dialect.

Nothing that the provider wrote is passed on: it may quote the prompt, or the key.
"""

from collections.abc import Mapping

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.hint import wait_hint

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
    ErrorClass.UNKNOWN: "the provider refused, and did not say why",
}


def refused(
    error_class: ErrorClass,
    *,
    status: int,
    headers: Mapping[str, str],
    unix: float,
    hint: float | None = None,
    names_field: bool = False,
) -> AttemptFailed:
    """The failure that a reply with another status than 200 stands for.

    Args:
        error_class: What it means.
        headers: Names in lower case.
        unix: Seconds since the epoch, for a hint that is a date.
        hint: Seconds that the body asks to wait; None: the headers may say it.
        names_field: See `AttemptFailed`.
    """
    return AttemptFailed(
        error_class,
        f"{_sentence(error_class)} (HTTP {status})",
        http_status=status,
        retry_after=wait_hint(headers, error_class, unix=unix) if hint is None else hint,
        names_field=names_field,
    )


def failed_inside(error_class: ErrorClass) -> AttemptFailed:
    """The failure that an error inside a stream stands for; the status was 200."""
    sentence = f"{_sentence(error_class)} (error inside the stream)"
    return AttemptFailed(error_class, sentence, http_status=200)


def class_of_status(status: int) -> ErrorClass:
    """What a status means by itself.

    Only 400 and 422 blame the caller, because a walk ends with the caller's fault, and a 405
    or a 418 is more likely a wrong endpoint. A bare 403 or 404 shuts no gate: a firewall in
    front of a provider answers 403 to one prompt that it dislikes, and a proxy 404 while its
    backend is deployed.
    """
    default = ErrorClass.TRANSIENT if status >= 500 else ErrorClass.UNKNOWN
    return _BY_STATUS.get(status, default)


_BY_STATUS = {
    400: ErrorClass.CALLER_FAULT,
    401: ErrorClass.CREDENTIAL,
    402: ErrorClass.QUOTA,
    408: ErrorClass.TRANSIENT,
    409: ErrorClass.TRANSIENT,
    413: ErrorClass.CONTEXT_LENGTH,
    422: ErrorClass.CALLER_FAULT,
    425: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE_LIMITED,
    451: ErrorClass.REGION,
}


def _sentence(error_class: ErrorClass) -> str:
    return _SENTENCES.get(error_class, "the provider failed")
