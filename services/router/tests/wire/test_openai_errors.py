"""What a provider's error means: its own words first, the bare status where it has none."""

import orjson
import pytest

from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.openai.errors import ErrorBody, from_error_object, from_response

UNIX = 1_800_000_000.0

BY_STATUS = {
    302: ErrorClass.UNKNOWN,
    400: ErrorClass.CALLER_FAULT,
    401: ErrorClass.CREDENTIAL,
    402: ErrorClass.QUOTA,
    403: ErrorClass.CREDENTIAL,
    404: ErrorClass.MODEL_GONE,
    405: ErrorClass.UNKNOWN,
    408: ErrorClass.TRANSIENT,
    409: ErrorClass.TRANSIENT,
    413: ErrorClass.CONTEXT_LENGTH,
    418: ErrorClass.UNKNOWN,
    422: ErrorClass.CALLER_FAULT,
    425: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE_LIMITED,
    451: ErrorClass.REGION,
    499: ErrorClass.UNKNOWN,
    500: ErrorClass.TRANSIENT,
    502: ErrorClass.TRANSIENT,
    503: ErrorClass.TRANSIENT,
    504: ErrorClass.TRANSIENT,
    529: ErrorClass.TRANSIENT,
}
BY_CODE = {
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
    "server_error": ErrorClass.TRANSIENT,
    "overloaded_error": ErrorClass.TRANSIENT,
}
NO_WORDS = (b"", b"<html>Bad Gateway</html>", b'{"error": "words"}', b"{}", b"[]", b"\xff")


def response(
    status: int, body: object = b"", *, headers: dict[str, str] | None = None
) -> AttemptFailed:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return from_response(status, headers or {}, content, unix=UNIX)


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize("body", NO_WORDS)
def test_without_words_the_status_decides(status: int, body: bytes) -> None:
    failed = response(status, body)

    assert failed.error_class is BY_STATUS[status]
    assert failed.http_status == status
    assert failed.detail.endswith(f"(HTTP {status})")


@pytest.mark.parametrize("code", BY_CODE)
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_the_providers_code_says_more_than_the_status(code: str, status: int) -> None:
    body = {"error": {"message": "…", "type": "invalid_request_error", "code": code}}

    assert response(status, body).error_class is BY_CODE[code]


@pytest.mark.parametrize("kind", ["insufficient_quota", "server_error"])
def test_the_type_speaks_where_there_is_no_code(kind: str) -> None:
    body = {"error": {"message": "…", "type": kind, "code": None}}

    assert response(418, body).error_class is BY_CODE[kind]


def test_the_code_says_more_than_the_type() -> None:
    body = {"error": {"type": "server_error", "code": "context_length_exceeded"}}

    assert response(500, body).error_class is ErrorClass.CONTEXT_LENGTH


@pytest.mark.parametrize("status", BY_STATUS)
def test_a_type_that_goes_with_every_status_says_nothing(status: int) -> None:
    body = {"error": {"type": "invalid_request_error", "code": None}}

    assert response(status, body).error_class is BY_STATUS[status]


@pytest.mark.parametrize("code", [400, 12.5, ["x"], {"a": 1}, True, "unheard_of"])
def test_a_code_that_nobody_knows_leaves_it_to_the_status(code: object) -> None:
    assert response(503, {"error": {"code": code}}).error_class is ErrorClass.TRANSIENT


def test_the_providers_text_is_not_passed_on() -> None:
    """It may quote the prompt, or the key."""
    failed = response(401, {"error": {"message": "Incorrect API key: sk-canary"}})

    assert "canary" not in failed.detail
    assert "canary" not in str(failed)


def test_the_wait_that_the_provider_asks_for_is_kept() -> None:
    assert response(429, headers={"retry-after": "2.5"}).retry_after == 2.5
    assert response(429, headers={"x-ratelimit-reset-requests": "2.5s"}).retry_after == 2.5
    assert response(429).retry_after is None


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (None, ErrorClass.TRANSIENT),
        ("insufficient_quota", ErrorClass.QUOTA),
        (400, ErrorClass.CALLER_FAULT),
        (429, ErrorClass.RATE_LIMITED),
        (502, ErrorClass.TRANSIENT),
        (200, ErrorClass.TRANSIENT),
        (7, ErrorClass.TRANSIENT),
    ],
)
def test_inside_a_stream_the_code_may_be_the_status_that_came_too_late(
    code: object, error_class: ErrorClass
) -> None:
    assert from_error_object(ErrorBody(code=code)).error_class is error_class
