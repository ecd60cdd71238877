"""What Anthropic's errors mean: the type first, then the message, the status last."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.walk import ErrorClass
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.anthropic.errors import from_error_object, from_response

UNIX = 1_800_000_000.0
INVALID = "invalid_request_error"

DOCUMENTED = {
    (400, INVALID): ErrorClass.CALLER_FAULT,
    (401, "authentication_error"): ErrorClass.CREDENTIAL,
    (402, "billing_error"): ErrorClass.QUOTA,
    (403, "permission_error"): ErrorClass.MODEL_GONE,
    (404, "not_found_error"): ErrorClass.UNKNOWN,
    (413, "request_too_large"): ErrorClass.CONTEXT_LENGTH,
    (429, "rate_limit_error"): ErrorClass.RATE_LIMITED,
    (500, "api_error"): ErrorClass.TRANSIENT,
    (504, "timeout_error"): ErrorClass.TRANSIENT,
    (529, "overloaded_error"): ErrorClass.TRANSIENT,
}

BY_MESSAGE = {
    "prompt is too long: 210000 tokens > 200000 maximum": ErrorClass.CONTEXT_LENGTH,
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000": (
        ErrorClass.CONTEXT_LENGTH
    ),
    "Your credit balance is too low to access the Anthropic API.": ErrorClass.QUOTA,
    "You have reached your specified API usage limits.": ErrorClass.QUOTA,
    "This organization has been disabled.": ErrorClass.CREDENTIAL,
    "Output blocked by content filtering policy": ErrorClass.CONTENT_FILTER,
    "`temperature` is deprecated for this model.": ErrorClass.UNSUPPORTED,
    "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens": (
        ErrorClass.UNSUPPORTED
    ),
    "This model does not support assistant message prefill.": ErrorClass.UNSUPPORTED,
    "output_config.format.schema: recursive schemas are not supported": ErrorClass.UNSUPPORTED,
    "messages.0.content: Could not process image": ErrorClass.CALLER_FAULT,
}


def refused(status: int, kind: str, message: str = "words", **headers: str) -> AttemptFailed:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return from_response(status, headers, orjson.dumps(body), unix=UNIX)


@pytest.mark.parametrize(("said", "error_class"), DOCUMENTED.items())
def test_a_documented_error_has_its_class(said: tuple[int, str], error_class: ErrorClass) -> None:
    status, kind = said

    failure = refused(status, kind)

    assert failure.error_class is error_class
    assert failure.http_status == status


@pytest.mark.parametrize(("message", "error_class"), BY_MESSAGE.items())
def test_an_invalid_request_is_told_by_its_message(message: str, error_class: ErrorClass) -> None:
    assert refused(400, INVALID, message).error_class is error_class


def test_a_model_that_is_unknown_is_gone_and_a_path_that_is_unknown_is_not() -> None:
    assert refused(404, "not_found_error", "model: claude-9").error_class is ErrorClass.MODEL_GONE
    assert refused(404, "not_found_error", "Not Found").error_class is ErrorClass.UNKNOWN


def test_a_place_that_is_not_served_is_a_region() -> None:
    assert refused(403, "forbidden", "Request not allowed").error_class is ErrorClass.REGION


@pytest.mark.parametrize(
    "quoted",
    [
        "tools.0.name: `your credit balance is too low` is no name",
        "tools.0.name: `this organization has been disabled` is no name",
    ],
)
def test_a_callers_words_shut_no_gate(quoted: str) -> None:
    failure = refused(400, INVALID, quoted)

    assert verdict(failure.error_class, Phase.WAITING).lesson is Lesson.NOTHING


def test_a_word_that_is_new_is_left_to_the_status() -> None:
    """Phrases are read of invalid requests only."""
    assert refused(503, "new_error", "busy for this model").error_class is ErrorClass.TRANSIENT


def test_no_field_is_blamed_on_the_caller() -> None:
    """The fields that are named are our translation's, and others may take what it was."""
    assert not refused(400, INVALID, "messages.0.content: wrong").names_field


def test_a_refusal_for_too_many_requests_says_when_to_come_back() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:30Z",
    }
    body = orjson.dumps({"type": "error", "error": {"type": "rate_limit_error"}})

    assert from_response(429, headers, body, unix=UNIX).retry_after == 30.0
    assert refused(529, "overloaded_error", **{"retry-after": "7"}).retry_after == 7.0


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, ErrorClass.TRANSIENT),
        ({"type": "rate_limit_error", "message": "m"}, ErrorClass.RATE_LIMITED),
        ({"type": INVALID, "message": "prompt is too long"}, ErrorClass.CONTEXT_LENGTH),
        ({"type": INVALID, "message": "m"}, ErrorClass.TRANSIENT),
        ({"type": 1}, ErrorClass.TRANSIENT),
        ("words", ErrorClass.TRANSIENT),
        ([], ErrorClass.TRANSIENT),
    ],
)
def test_an_error_inside_a_stream_is_its_class(error: object, error_class: ErrorClass) -> None:
    failure = from_error_object(error)

    assert failure.error_class is error_class
    assert failure.http_status == 200


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"w"}', b"[" * 60_000])
def test_a_body_that_says_nothing_leaves_it_to_the_status(body: bytes) -> None:
    assert from_response(503, {}, body, unix=UNIX).error_class is ErrorClass.TRANSIENT
    assert from_response(404, {}, body, unix=UNIX).error_class is ErrorClass.UNKNOWN


@given(st.text(min_size=20))
def test_nothing_of_the_message_is_passed_on(message: str) -> None:
    """It may quote the prompt, or the key."""
    assert message not in refused(400, INVALID, message).detail


@given(st.binary(), st.integers(min_value=201, max_value=599))
def test_any_body_is_some_failure(body: bytes, status: int) -> None:
    assert isinstance(from_response(status, {}, body, unix=UNIX), AttemptFailed)
