"""Google's error bodies: google.rpc.Status as JSON, with its details."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from failsoft_upstream.faults import ErrorKind
from failsoft_upstream.serving import Refused

Json = dict[str, object]

_RPC = "type.googleapis.com/google.rpc."
_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Google's canonical codes by their usual status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Error:
    status: int
    message: str
    word: str = ""
    details: Sequence[Json] = ()

    def value(self, *, model: str) -> Json:
        found: Json = {
            "code": self.status,
            "message": self.message.format(model=model),
            "status": self.word or _WORDS.get(self.status, "UNKNOWN"),
        }
        return found | ({"details": list(self.details)} if self.details else {})


def body(message: str, *, status: int = 400, word: str = "", details: Sequence[Json] = ()) -> bytes:
    """An error as Google writes it."""
    error = _Error(status=status, message="{model}", word=word, details=details)
    return orjson.dumps({"error": error.value(model=message)})


class Rejected(Refused):
    """A request that Gemini would not take."""

    def __init__(
        self, message: str, *, status: int = 400, word: str = "", details: Sequence[Json] = ()
    ) -> None:
        """Say why.

        Args:
            message: For the developer who reads it.
            status: Of the HTTP response.
            word: Google's canonical code; empty: the status's usual one.
            details: What google.rpc has for it.
        """
        super().__init__(
            message, status=status, body=body(message, status=status, word=word, details=details)
        )


def reason(word: str) -> Json:
    """The detail that says why, in a word."""
    service = {"service": "generativelanguage.googleapis.com"}
    domain = "googleapis.com"
    return {"@type": f"{_RPC}ErrorInfo", "reason": word, "domain": domain, "metadata": service}


def delayed(error: bytes, seconds: float) -> bytes:
    """The error with the detail that says when to come back."""
    value = orjson.loads(error)
    retry = {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{seconds:g}s"}
    value["error"].setdefault("details", []).append(retry)
    return orjson.dumps(value)


def _quota(identifier: str) -> Json:
    metric = "generativelanguage.googleapis.com/generate_content_requests"
    violation = {"quotaMetric": metric, "quotaId": identifier, "quotaValue": "10"}
    return {"@type": f"{_RPC}QuotaFailure", "violations": [violation]}


class GeminiErrors:
    """What Gemini sends when something goes wrong on its side or with the account.

    A prompt that it blocks is no error of its: see `encoders.blocked`.
    """

    def of_kind(self, kind: ErrorKind, *, model: str) -> tuple[int, bytes]:
        """Status and JSON body of the error."""
        error = _KINDS[kind]
        return error.status, orjson.dumps({"error": error.value(model=model)})

    def of_status(self, status: int, *, model: str) -> bytes:
        """The body of the usual error with this status; a general one where there is none."""
        kind = _USUAL.get(status)
        if kind is not None:
            return self.of_kind(kind, model=model)[1]
        return body(f"The request failed with status {status}.", status=status)

    def begun_turn(self) -> bytes:
        """What early models said."""
        return body("Please ensure that multiturn requests end with a user role.", status=400)

    def reset(self, seconds: float, now: datetime) -> Mapping[str, str]:
        """None: what Gemini itself says of it is in the body; see `delayed`."""
        return {}


BAD_KEY = "API key not valid. Please pass a valid API key."

_KINDS: Mapping[ErrorKind, _Error] = {
    ErrorKind.INVALID_API_KEY: _Error(
        status=400, message=BAD_KEY, details=[reason("API_KEY_INVALID")]
    ),
    ErrorKind.FORBIDDEN: _Error(
        status=403,
        message="Generative Language API has not been used in this project before or it is"
        " disabled.",
        details=[reason("SERVICE_DISABLED")],
    ),
    ErrorKind.UNSUPPORTED_REGION: _Error(
        status=400,
        message="User location is not supported for the API use.",
        word="FAILED_PRECONDITION",
    ),
    ErrorKind.MODEL_NOT_FOUND: _Error(
        status=404,
        message="models/{model} is not found for API version v1beta, or is not supported for"
        " generateContent.",
    ),
    ErrorKind.CONTEXT_LENGTH_EXCEEDED: _Error(
        status=400,
        message="The input token count (1200000) exceeds the maximum number of tokens allowed"
        " (1048576).",
    ),
    ErrorKind.CONTENT_FILTER: _Error(status=400, message="The prompt was blocked."),
    ErrorKind.RATE_LIMIT_EXCEEDED: _Error(
        status=429,
        message="You exceeded your current quota, please check your plan and billing details.",
        details=[_quota("GenerateRequestsPerMinutePerProjectPerModel")],
    ),
    ErrorKind.INSUFFICIENT_QUOTA: _Error(
        status=429, message="Your prepayment credits are depleted."
    ),
    ErrorKind.SERVER_ERROR: _Error(status=500, message="An internal error has occurred."),
    ErrorKind.OVERLOADED: _Error(
        status=503, message="The model is overloaded. Please try again later."
    ),
}
_USUAL: Mapping[int, ErrorKind] = {
    400: ErrorKind.CONTEXT_LENGTH_EXCEEDED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.MODEL_NOT_FOUND,
    429: ErrorKind.RATE_LIMIT_EXCEEDED,
    500: ErrorKind.SERVER_ERROR,
    503: ErrorKind.OVERLOADED,
}
