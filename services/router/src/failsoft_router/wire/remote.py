"""What the end of a call to one of our own services means for a walk."""

import re

from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code
from failsoft_model.walk import ErrorClass
from failsoft_router.core.errors import ReaderStalled, RouteExhausted, RouterLoop, TenantLimited
from failsoft_router.ports import AttemptFailed

_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
"""What `ErrorInfo` allows; a stranger may send any text."""

_LONGEST_WORDS = 300
"""Characters of what a service of ours says about the request."""

_BY_REASON = {
    "CONTENT_REFUSED": ErrorClass.CONTENT_FILTER,
    "CONTEXT_LENGTH": ErrorClass.CONTEXT_LENGTH,
    "STREAM_BROKEN": ErrorClass.TRUNCATED,
    "UNSUPPORTED": ErrorClass.UNSUPPORTED,
    RouterLoop.reason: ErrorClass.ROUTER_LOOP,
    # A limit of one tenant at an inner router keeps nobody else away from it.
    TenantLimited.reason: ErrorClass.TENANT_LIMITED,
    # It gave up on us because our own caller reads nothing: no illness of its.
    ReaderStalled.reason: ErrorClass.CANCELLED,
}

_BY_CODE = {
    Code.CANCELLED: ErrorClass.TRANSIENT,
    Code.DEADLINE_EXCEEDED: ErrorClass.TIMEOUT_TOTAL,
    Code.INVALID_ARGUMENT: ErrorClass.CALLER_FAULT,
    Code.NOT_FOUND: ErrorClass.MODEL_GONE,
    Code.PERMISSION_DENIED: ErrorClass.CREDENTIAL,
    Code.UNAUTHENTICATED: ErrorClass.CREDENTIAL,
    Code.RESOURCE_EXHAUSTED: ErrorClass.RATE_LIMITED,
    Code.UNIMPLEMENTED: ErrorClass.MALFORMED,
    Code.UNKNOWN: ErrorClass.UNKNOWN,
}

_TOO_LARGE = (
    ("SERVER: Received message larger than max", ErrorClass.CONTEXT_LENGTH),
    ("CLIENT: Received message larger than max", ErrorClass.MALFORMED),
)
"""gRPC's own words, under the code of an overload, for a message that one end does not take."""

_SENTENCES = {
    ErrorClass.CALLER_FAULT: "it says that the request is wrong",
    ErrorClass.CREDENTIAL: "it does not accept our service token",
    ErrorClass.RATE_LIMITED: "it is overloaded",
    ErrorClass.MODEL_GONE: "it does not have this model",
    ErrorClass.CONTENT_FILTER: "it refused the content",
    ErrorClass.CONTEXT_LENGTH: "the request is longer than its context",
    ErrorClass.TIMEOUT_TOTAL: "the answer took too long",
    ErrorClass.TRUNCATED: "its own stream broke off",
    ErrorClass.UNSUPPORTED: "it cannot do what the request asks for",
    ErrorClass.MALFORMED: "it answered what cannot be read",
    ErrorClass.CANCELLED: "nobody took its answer",
    ErrorClass.ROUTER_LOOP: "its targets lead in a circle of routers",
    ErrorClass.TENANT_LIMITED: "the tenant has reached a limit there",
}


def attempt_failed(error: RemoteError, *, external: bool) -> AttemptFailed:
    """The failure; every code that is not listed is the service's own trouble.

    Our own services' INVALID_ARGUMENT names fields of the request, not their content, so
    its words are passed on. Other words are not, nor any of a peer outside, which may quote
    the prompt.

    Args:
        external: The peer is not in our own network.
    """
    error_class = _class(error)
    if error_class is ErrorClass.CALLER_FAULT and not external:
        sentence = error.message[:_LONGEST_WORDS]
    else:
        sentence = _SENTENCES.get(error_class, "it is not available")
    name = error.reason if _REASON.fullmatch(error.reason) else error.code.value
    hint = None if error.retry_after is None else max(0.0, error.retry_after)
    return AttemptFailed(
        error_class,
        f"{sentence} ({name})",
        retry_after=hint,
        names_field=bool(error.violations),
    )


def _class(error: RemoteError) -> ErrorClass:
    """Its reason says more than its code.

    A router that found nobody is ill for now, whatever made it so; but a circle has to keep
    its name on the whole way back, and each router on it asked again would double the calls.
    """
    cause = error.metadata.get("cause")
    if error.reason == RouteExhausted.reason and cause == ErrorClass.ROUTER_LOOP.value:
        return ErrorClass.ROUTER_LOOP
    if error.code is Code.RESOURCE_EXHAUSTED and not error.reason:
        for words, error_class in _TOO_LARGE:
            if words in error.message:
                return error_class
    return _BY_REASON.get(error.reason) or _BY_CODE.get(error.code, ErrorClass.TRANSIENT)
