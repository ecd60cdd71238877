"""Anthropic's error bodies."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson

from failsoft_upstream.faults import ErrorKind
from failsoft_upstream.serving import Refused

_INVALID = "invalid_request_error"


def body(message: str, *, type_: str = _INVALID) -> bytes:
    """An error as Anthropic writes it."""
    error = {"type": type_, "message": message}
    return orjson.dumps({"type": "error", "error": error, "request_id": "req_lookalike"})


class Rejected(Refused):
    """A request that Anthropic would not take."""

    def __init__(self, message: str, *, status: int = 400, type_: str = _INVALID) -> None:
        """Say why.

        Args:
            message: For the developer who reads it; begins with the path of what is wrong.
            status: Of the HTTP response.
            type_: Anthropic's word for it.
        """
        super().__init__(message, status=status, body=body(message, type_=type_))


class AnthropicErrors:
    """What Anthropic sends when something goes wrong on its side or with the account."""

    def of_kind(self, kind: ErrorKind, *, model: str) -> tuple[int, bytes]:
        """Status and JSON body of the error."""
        status, type_, message = _KINDS[kind]
        return status, body(message.format(model=model), type_=type_)

    def of_status(self, status: int, *, model: str) -> bytes:
        """The body of the usual error with this status; a general one where there is none."""
        default = "api_error" if status >= 500 else _INVALID
        type_ = _USUAL.get(status, default)
        message = f"model: {model}" if status == 404 else f"The request failed: {status}."
        return body(message, type_=type_)

    def begun_turn(self) -> bytes:
        """What Claude says from 4.6 on."""
        return body(
            "This model does not support assistant message prefill. The conversation must end"
            " with a user message."
        )

    def reset(self, seconds: float, now: datetime) -> Mapping[str, str]:
        """Headers that say when requests are taken again, to the second."""
        at = now + timedelta(seconds=seconds)
        whole = at.replace(microsecond=0) + timedelta(seconds=at.microsecond > 0)
        return {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": f"{whole:%Y-%m-%dT%H:%M:%SZ}",
        }


_KINDS: Mapping[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.INVALID_API_KEY: (401, "authentication_error", "invalid x-api-key"),
    ErrorKind.FORBIDDEN: (
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
    ),
    ErrorKind.UNSUPPORTED_REGION: (403, "forbidden", "Request not allowed"),
    ErrorKind.MODEL_NOT_FOUND: (404, "not_found_error", "model: {model}"),
    ErrorKind.CONTEXT_LENGTH_EXCEEDED: (
        400,
        _INVALID,
        "prompt is too long: 210000 tokens > 200000 maximum",
    ),
    ErrorKind.CONTENT_FILTER: (400, _INVALID, "Output blocked by content filtering policy"),
    ErrorKind.RATE_LIMIT_EXCEEDED: (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute.",
    ),
    ErrorKind.INSUFFICIENT_QUOTA: (
        400,
        _INVALID,
        "Your credit balance is too low to access the Anthropic API.",
    ),
    ErrorKind.SERVER_ERROR: (500, "api_error", "Internal server error"),
    ErrorKind.OVERLOADED: (529, "overloaded_error", "Overloaded"),
}
_USUAL: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
