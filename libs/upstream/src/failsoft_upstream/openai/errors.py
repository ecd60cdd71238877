"""OpenAI's error bodies."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from failsoft_upstream.faults import ErrorKind
from failsoft_upstream.serving import Refused

_INVALID = "invalid_request_error"


def body(
    message: str, *, type_: str | None = _INVALID, param: str | None = None, code: str | None = None
) -> bytes:
    """An error as OpenAI writes it: the four fields are always there."""
    return orjson.dumps(
        {"error": {"message": message, "type": type_, "param": param, "code": code}}
    )


class Rejected(Refused):
    """A request that OpenAI would not take."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        """Say why.

        Args:
            message: For the developer who reads it.
            status: Of the HTTP response.
            param: Path of the parameter that is wrong; None: no single one.
            code: OpenAI's word for it; None where it has none.
        """
        super().__init__(message, status=status, body=body(message, param=param, code=code))


class OpenAIErrors:
    """What OpenAI sends when something goes wrong on its side or with the account."""

    def of_kind(self, kind: ErrorKind, *, model: str) -> tuple[int, bytes]:
        """Status and JSON body of the error."""
        status, message, type_, param, code = _KINDS[kind]
        return status, body(message.format(model=model), type_=type_, param=param, code=code)

    def of_status(self, status: int, *, model: str) -> bytes:
        """The body of the usual error with this status; a general one where there is none."""
        kind = _USUAL.get(status)
        if kind is not None:
            return self.of_kind(kind, model=model)[1]
        type_ = "server_error" if status >= 500 else _INVALID
        return body(f"The request failed with status {status}.", type_=type_)

    def begun_turn(self) -> bytes:
        """What servers of this dialect say, of which OpenAI's own takes such conversations."""
        return body("Expected last role User or Tool for serving but got assistant")

    def reset(self, seconds: float, now: datetime) -> Mapping[str, str]:
        """The header that says when requests are taken again."""
        return {"x-ratelimit-reset-requests": f"{seconds:g}s"}


_KINDS: Mapping[ErrorKind, tuple[int, str, str | None, str | None, str | None]] = {
    ErrorKind.INVALID_API_KEY: (
        401,
        "Incorrect API key provided: sk-look****like. You can find your API key at"
        " https://platform.openai.com/account/api-keys.",
        _INVALID,
        None,
        "invalid_api_key",
    ),
    ErrorKind.FORBIDDEN: (
        403,
        "You have insufficient permissions for this operation. Missing scopes: model.request.",
        _INVALID,
        None,
        None,
    ),
    ErrorKind.UNSUPPORTED_REGION: (
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        None,
        "unsupported_country_region_territory",
    ),
    ErrorKind.MODEL_NOT_FOUND: (
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        _INVALID,
        None,
        "model_not_found",
    ),
    ErrorKind.CONTEXT_LENGTH_EXCEEDED: (
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted"
        " in 130000 tokens. Please reduce the length of the messages.",
        _INVALID,
        "messages",
        "context_length_exceeded",
    ),
    ErrorKind.CONTENT_FILTER: (
        400,
        "The response was filtered due to the prompt triggering the content management policy."
        " Please modify your prompt and retry.",
        None,
        "prompt",
        "content_filter",
    ),
    ErrorKind.RATE_LIMIT_EXCEEDED: (
        429,
        "Rate limit reached for {model} in organization org-lookalike on requests per min (RPM):"
        " Limit 500, Used 500, Requested 1.",
        "requests",
        None,
        "rate_limit_exceeded",
    ),
    ErrorKind.INSUFFICIENT_QUOTA: (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        None,
        "insufficient_quota",
    ),
    ErrorKind.SERVER_ERROR: (
        500,
        "The server had an error while processing your request. Sorry about that!",
        "server_error",
        None,
        None,
    ),
    ErrorKind.OVERLOADED: (
        503,
        "Our servers are currently overloaded. Please try again later.",
        "service_unavailable_error",
        None,
        "server_is_overloaded",
    ),
}
_USUAL: Mapping[int, ErrorKind] = {
    400: ErrorKind.CONTEXT_LENGTH_EXCEEDED,
    401: ErrorKind.INVALID_API_KEY,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.MODEL_NOT_FOUND,
    429: ErrorKind.RATE_LIMIT_EXCEEDED,
    500: ErrorKind.SERVER_ERROR,
    503: ErrorKind.OVERLOADED,
}
