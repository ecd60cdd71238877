"""What the end of a call to one of our own services means."""

from collections.abc import Sequence

import pytest

from failsoft_kit.rpc.status import RemoteError
from failsoft_model.errors import Code, FieldViolation
from failsoft_model.walk import ErrorClass
from failsoft_router.core.errors import (
    ContentRefused,
    ReaderStalled,
    RouteExhausted,
    RouterLoop,
    StreamBroken,
    TenantLimited,
)
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire import remote as wire

BY_CODE = {
    Code.CANCELLED: ErrorClass.TRANSIENT,
    Code.UNKNOWN: ErrorClass.UNKNOWN,
    Code.INVALID_ARGUMENT: ErrorClass.CALLER_FAULT,
    Code.DEADLINE_EXCEEDED: ErrorClass.TIMEOUT_TOTAL,
    Code.NOT_FOUND: ErrorClass.MODEL_GONE,
    Code.ALREADY_EXISTS: ErrorClass.TRANSIENT,
    Code.PERMISSION_DENIED: ErrorClass.CREDENTIAL,
    Code.RESOURCE_EXHAUSTED: ErrorClass.RATE_LIMITED,
    Code.FAILED_PRECONDITION: ErrorClass.TRANSIENT,
    Code.ABORTED: ErrorClass.TRANSIENT,
    Code.OUT_OF_RANGE: ErrorClass.TRANSIENT,
    Code.UNIMPLEMENTED: ErrorClass.MALFORMED,
    Code.INTERNAL: ErrorClass.TRANSIENT,
    Code.UNAVAILABLE: ErrorClass.TRANSIENT,
    Code.DATA_LOSS: ErrorClass.TRANSIENT,
    Code.UNAUTHENTICATED: ErrorClass.CREDENTIAL,
}


def remote(
    code: Code,
    *,
    reason: str = "",
    message: str = "words of a peer",
    wait: float | None = None,
    cause: str = "",
    violations: Sequence[FieldViolation] = (),
) -> RemoteError:
    return RemoteError(
        code=code,
        reason=reason,
        message=message,
        retry_after=wait,
        metadata={"cause": cause},
        violations=violations,
    )


def attempt_failed(error: RemoteError, *, external: bool = False) -> AttemptFailed:
    return wire.attempt_failed(error, external=external)


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_class(code: Code) -> None:
    assert attempt_failed(remote(code)).error_class is BY_CODE[code]


@pytest.mark.parametrize(
    ("code", "reason", "error_class"),
    [
        (ContentRefused.code, ContentRefused.reason, ErrorClass.CONTENT_FILTER),
        (StreamBroken.code, StreamBroken.reason, ErrorClass.TRUNCATED),
        (RouteExhausted.code, RouteExhausted.reason, ErrorClass.TRANSIENT),
        (Code.INVALID_ARGUMENT, "CONTEXT_LENGTH", ErrorClass.CONTEXT_LENGTH),
        (Code.UNAVAILABLE, "SHUTTING_DOWN", ErrorClass.TRANSIENT),
        (RouterLoop.code, RouterLoop.reason, ErrorClass.ROUTER_LOOP),
        (TenantLimited.code, TenantLimited.reason, ErrorClass.TENANT_LIMITED),
        (ReaderStalled.code, ReaderStalled.reason, ErrorClass.CANCELLED),
    ],
)
def test_our_own_reasons_say_more_than_the_code(
    code: Code, reason: str, error_class: ErrorClass
) -> None:
    """An inner router that found nobody is trouble that passes: ask the next target."""
    failed = attempt_failed(remote(code, reason=reason))

    assert failed.error_class is error_class
    assert failed.detail.endswith(f"({reason})")


@pytest.mark.parametrize(
    ("cause", "error_class"),
    [("router_loop", ErrorClass.ROUTER_LOOP), ("quota", ErrorClass.TRANSIENT)],
)
def test_a_circle_of_routers_keeps_its_name_on_the_whole_way_back(
    cause: str, error_class: ErrorClass
) -> None:
    """Every other trouble behind an inner router may be over when it is asked again."""
    error = remote(RouteExhausted.code, reason=RouteExhausted.reason, cause=cause)

    assert attempt_failed(error).error_class is error_class


def test_only_words_about_the_request_are_passed_on() -> None:
    """A peer's INVALID_ARGUMENT names the fields to change; other words may say anything."""
    fault = attempt_failed(remote(Code.INVALID_ARGUMENT, message="messages must not be empty"))
    internal = attempt_failed(remote(Code.INTERNAL, message="canary"))

    assert fault.detail == "messages must not be empty (INVALID_ARGUMENT)"
    assert "canary" not in internal.detail


def test_what_a_peer_outside_says_about_the_request_is_not_passed_on() -> None:
    """It may quote the prompt, and `failsoft hops` shows the detail to operators."""
    fault = attempt_failed(remote(Code.INVALID_ARGUMENT, message="canary"), external=True)

    assert fault.error_class is ErrorClass.CALLER_FAULT
    assert fault.detail == "it says that the request is wrong (INVALID_ARGUMENT)"


def test_a_fault_with_violations_names_a_field_of_the_callers() -> None:
    violation = FieldViolation(field="messages", description="must not be empty")
    named = remote(Code.INVALID_ARGUMENT, violations=[violation])

    assert attempt_failed(named).names_field
    assert not attempt_failed(remote(Code.INVALID_ARGUMENT)).names_field


@pytest.mark.parametrize("reason", ["canary of a prompt", "canary", "C" * 64, "CANARY\nCANARY"])
def test_a_strangers_reason_is_no_text_of_its_choice(reason: str) -> None:
    detail = attempt_failed(remote(Code.INTERNAL, reason=reason)).detail

    assert detail == "it is not available (INTERNAL)"


def test_a_strangers_words_about_the_request_are_few() -> None:
    fault = attempt_failed(remote(Code.INVALID_ARGUMENT, message="x" * 8000))

    assert len(fault.detail) < 350


@pytest.mark.parametrize(("wait", "hint"), [(None, None), (2.0, 2.0), (0.0, 0.0), (-5.0, 0.0)])
def test_a_peers_hint_is_kept(wait: float | None, hint: float | None) -> None:
    assert attempt_failed(remote(Code.RESOURCE_EXHAUSTED, wait=wait)).retry_after == hint


@pytest.mark.parametrize(
    ("message", "error_class"),
    [
        ("SERVER: Received message larger than max (300 vs. 100)", ErrorClass.CONTEXT_LENGTH),
        (
            "Stream removed (CLIENT: Received message larger than max (200 vs. 100))",
            ErrorClass.MALFORMED,
        ),
    ],
)
def test_a_message_that_is_too_large_is_no_overload(message: str, error_class: ErrorClass) -> None:
    assert attempt_failed(remote(Code.RESOURCE_EXHAUSTED, message=message)).error_class is (
        error_class
    )
