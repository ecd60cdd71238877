"""Every error in OpenAI's form: status, body and headers, from one table.

The status and the words are those that OpenAI's clients know; `code` is our own reason in lower
case where they know none. `x-should-retry` says whether the same request can succeed soon: of a
walk that found nobody it cannot, and a client that tries again by itself would triple the load
of an outage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from failsoft_model.errors import Code, FailsoftError
from failsoft_router.core.errors import WalkError
from failsoft_router.wire.openai_front.facts import hops, walk_headers

Json = dict[str, object]

_CALLER = "invalid_request_error"
_SERVER = "server_error"
_LONGEST_HINT = 3600.0
"""Seconds; who is told to wait longer asks again all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an error looks.

    Attributes:
        code: Empty: the reason in lower case.
        param: The field that it is about, where the error itself names none.
    """

    status: int
    type: str
    code: str = ""
    param: str | None = None
    retry: bool = False


BY_CODE: Mapping[Code, Form] = {
    Code.INVALID_ARGUMENT: Form(status=400, type=_CALLER),
    Code.OUT_OF_RANGE: Form(status=400, type=_CALLER),
    Code.FAILED_PRECONDITION: Form(status=400, type=_CALLER),
    Code.UNAUTHENTICATED: Form(status=401, type=_CALLER, code="invalid_api_key"),
    Code.PERMISSION_DENIED: Form(status=403, type="permission_error"),
    Code.NOT_FOUND: Form(status=404, type=_CALLER),
    Code.ALREADY_EXISTS: Form(status=409, type=_CALLER),
    Code.RESOURCE_EXHAUSTED: Form(
        status=429, type="rate_limit_error", code="rate_limit_exceeded", retry=True
    ),
    Code.CANCELLED: Form(status=503, type=_SERVER, retry=True),
    Code.ABORTED: Form(status=502, type=_SERVER),
    Code.UNKNOWN: Form(status=500, type=_SERVER),
    Code.INTERNAL: Form(status=500, type=_SERVER),
    Code.DATA_LOSS: Form(status=500, type=_SERVER),
    Code.UNIMPLEMENTED: Form(status=501, type=_CALLER),
    Code.UNAVAILABLE: Form(status=503, type=_SERVER),
    Code.DEADLINE_EXCEEDED: Form(status=504, type=_SERVER, code="timeout"),
}
"""What an error is by its code, unless its reason says more."""

BY_REASON: Mapping[str, Form] = {
    "BODY_LATE": Form(status=408, type=_CALLER, retry=True),
    "BODY_TOO_LARGE": Form(status=413, type=_CALLER),
    "CONTENT_REFUSED": Form(status=400, type=_CALLER, code="content_filter"),
    "IDENTITY_KEYS_UNAVAILABLE": Form(status=503, type=_SERVER, retry=True),
    "METHOD_NOT_ALLOWED": Form(status=405, type=_CALLER),
    "MEDIA_TYPE_UNSUPPORTED": Form(status=415, type=_CALLER),
    "OVERLOADED": Form(status=503, type=_SERVER, retry=True),
    "ROUTER_LOOP": Form(status=508, type=_SERVER),
    "ROUTE_NOT_FOUND": Form(status=404, type=_CALLER, code="model_not_found", param="model"),
    "SHUTTING_DOWN": Form(status=503, type=_SERVER, retry=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """An error as HTTP."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


def form_of(error: FailsoftError) -> Form:
    """How it looks."""
    return BY_REASON.get(error.reason) or BY_CODE[error.code]


def encode_error(error: FailsoftError, *, request_id: str) -> ErrorReply:
    """The reply to a request that was sent nothing yet."""
    form = form_of(error)
    headers = [("x-should-retry", "true" if form.retry else "false"), *_retry_after(error)]
    if allowed := error.metadata.get("allow"):
        headers.append(("allow", allowed))
    if form.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    if isinstance(error, WalkError):
        headers += walk_headers(walk_id=error.walk_id, trace_id=error.trace_id)
    body = error_body(error, request_id=request_id)
    return ErrorReply(status=form.status, body=body, headers=tuple(headers))


def error_body(error: FailsoftError, *, request_id: str) -> bytes:
    """OpenAI's error object, and beside it what Failsoft has to add."""
    form = form_of(error)
    told: Json = {
        "message": _whole(error.message),
        "type": form.type,
        "param": error.violations[0].field if error.violations else form.param,
        "code": form.code or error.reason.lower(),
    }
    return orjson.dumps({"error": told, "failsoft": _facts(error, request_id)})


def _facts(error: FailsoftError, request_id: str) -> Json:
    told: Json = {"reason": error.reason, "request_id": request_id}
    if error.retry_after is not None:
        told["retry_after"] = round(error.retry_after, 3)
    if error.violations:
        told["violations"] = [
            {"param": each.field, "description": each.description} for each in error.violations
        ]
    if isinstance(error, WalkError):
        told |= {
            "walk_id": error.walk_id,
            "route": error.route,
            "trace_id": error.trace_id,
            "cause": error.metadata.get("cause"),
            "hops": hops(error.hops),
        }
    return told


def _whole(text: str) -> str:
    """The same, with ? for half of a surrogate pair, which JSON cannot carry."""
    return text.encode("utf-8", "replace").decode()


def _retry_after(error: FailsoftError) -> list[tuple[str, str]]:
    """The hint in whole seconds, as HTTP has it, and in the milliseconds of OpenAI's clients."""
    if error.retry_after is None:
        return []
    seconds = min(max(error.retry_after, 0.0), _LONGEST_HINT)
    return [
        ("retry-after", str(math.ceil(seconds))),
        ("retry-after-ms", str(math.ceil(seconds * 1000))),
    ]
