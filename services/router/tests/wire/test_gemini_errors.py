"""What an error of Gemini's means: its own words first, the bare status where it has none."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.walk import ErrorClass
from failsoft_router.core.gate import LONGEST_HINT_SECONDS
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.gemini.errors import from_response

UNIX = 1_800_014_400.0
"""12:00 UTC: seven hours of the day of Google's counts are over, or eight."""

PER_MINUTE = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_DAY_OF_ALL = "GenerateRequestsPerDayPerProject"


def body(
    status: str, message: str = "…", *details: dict[str, object], code: int = 400
) -> dict[str, object]:
    found: dict[str, object] = {"code": code, "message": message, "status": status}
    return {"error": found | ({"details": list(details)} if details else {})}


def info(reason: str) -> dict[str, object]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": {"a": "b"}}


def retry(delay: object) -> dict[str, object]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(*ids: str) -> dict[str, object]:
    kind = "type.googleapis.com/google.rpc.QuotaFailure"
    dimensions = {"location": "global", "model": "gemini-2.5-flash"}
    return {
        "@type": kind,
        "violations": [
            {"quotaMetric": "m", "quotaId": each, "quotaDimensions": dimensions} for each in ids
        ],
    }


def response(
    status: int, said: object = b"", *, headers: dict[str, str] | None = None, unix: float = UNIX
) -> AttemptFailed:
    content = said if isinstance(said, bytes) else orjson.dumps(said)
    return from_response(status, headers or {}, content, unix=unix)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (302, ErrorClass.UNKNOWN),
        (400, ErrorClass.CALLER_FAULT),
        (401, ErrorClass.CREDENTIAL),
        (403, ErrorClass.UNKNOWN),
        (404, ErrorClass.UNKNOWN),
        (413, ErrorClass.CONTEXT_LENGTH),
        (429, ErrorClass.RATE_LIMITED),
        (500, ErrorClass.TRANSIENT),
        (503, ErrorClass.TRANSIENT),
        (504, ErrorClass.TRANSIENT),
    ],
)
@pytest.mark.parametrize(
    "said",
    [b"", b"<html>", b"{}", b"[]", b'{"error": "words"}', b'{"error": {}}', b"\xff", b"[" * 65536],
)
def test_without_words_the_status_decides(
    status: int, error_class: ErrorClass, said: bytes
) -> None:
    failed = response(status, said)

    assert failed.error_class is error_class
    assert failed.http_status == status
    assert failed.detail.endswith(f"(HTTP {status})")


@pytest.mark.parametrize(
    ("status", "said", "error_class"),
    [
        (400, body("INVALID_ARGUMENT", "API key not valid. Please …"), ErrorClass.CREDENTIAL),
        (400, body("INVALID_ARGUMENT", "…", info("API_KEY_INVALID")), ErrorClass.CREDENTIAL),
        (400, body("INVALID_ARGUMENT", "API key expired. …"), ErrorClass.CREDENTIAL),
        (401, body("UNAUTHENTICATED"), ErrorClass.CREDENTIAL),
        (403, body("PERMISSION_DENIED", "…", info("SERVICE_DISABLED")), ErrorClass.CREDENTIAL),
        (
            403,
            body("PERMISSION_DENIED", "Your API key was reported as leaked."),
            ErrorClass.CREDENTIAL,
        ),
        (403, body("PERMISSION_DENIED", "…", info("BILLING_DISABLED")), ErrorClass.QUOTA),
        (403, body("PERMISSION_DENIED"), ErrorClass.MODEL_GONE),
        (404, body("NOT_FOUND", "models/x is not found for API version …"), ErrorClass.MODEL_GONE),
        (
            400,
            body("FAILED_PRECONDITION", "User location is not supported for the API use."),
            ErrorClass.REGION,
        ),
        (400, body("FAILED_PRECONDITION"), ErrorClass.UNKNOWN),
        (
            400,
            body("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number …"),
            ErrorClass.CONTEXT_LENGTH,
        ),
        (
            400,
            body("INVALID_ARGUMENT", "Logprobs is not enabled for models/gemini-2.5-pro"),
            ErrorClass.UNSUPPORTED,
        ),
        (
            400,
            body("INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "x"'),
            ErrorClass.UNSUPPORTED,
        ),
        (
            400,
            body("INVALID_ARGUMENT", "* GenerateContentRequest.tools[0].function_declarations[0]…"),
            ErrorClass.UNSUPPORTED,
        ),
        (
            400,
            body("INVALID_ARGUMENT", "Function call is missing a thought_signature in …"),
            ErrorClass.UNSUPPORTED,
        ),
        (400, body("INVALID_ARGUMENT", "Provided image is not valid."), ErrorClass.CALLER_FAULT),
        (429, body("RESOURCE_EXHAUSTED"), ErrorClass.RATE_LIMITED),
        (
            429,
            body("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. …"),
            ErrorClass.QUOTA,
        ),
        (500, body("INTERNAL"), ErrorClass.TRANSIENT),
        (503, body("UNAVAILABLE", "The model is overloaded."), ErrorClass.TRANSIENT),
        (504, body("DEADLINE_EXCEEDED"), ErrorClass.TRANSIENT),
        (418, [body("UNAVAILABLE")], ErrorClass.TRANSIENT),
        (500, body("UNKNOWN"), ErrorClass.TRANSIENT),
        (302, body("UNKNOWN"), ErrorClass.UNKNOWN),
    ],
)
def test_googles_words_say_more_than_the_status(
    status: int, said: object, error_class: ErrorClass
) -> None:
    assert response(status, said).error_class is error_class


@pytest.mark.parametrize(
    "quoted",
    [
        "Bad text: API key not valid",
        "Bad text: user location is not supported",
        "Bad text: your prepayment credits are depleted",
    ],
)
def test_a_prompt_that_is_quoted_shuts_no_gate(quoted: str) -> None:
    failed = response(400, body("INVALID_ARGUMENT", quoted))

    assert verdict(failed.error_class, Phase.WAITING).lesson is Lesson.NOTHING


def test_nothing_of_what_is_said_is_passed_on() -> None:
    failed = response(400, body("INVALID_ARGUMENT", "secret", info("SECRET")))

    assert "secret" not in failed.detail.lower()


# When to come back.


def test_the_delay_in_the_body_is_the_hint() -> None:
    said = body("RESOURCE_EXHAUSTED", "…", quota(PER_MINUTE), retry("39.5s"))
    failed = response(429, said, headers={"retry-after": "7"})

    assert (failed.error_class, failed.retry_after) == (ErrorClass.RATE_LIMITED, 39.5)


@pytest.mark.parametrize("delay", ["soon", "", "-1s", "1e9s", "9" * 20 + "s", 39, None, ["1s"]])
def test_a_delay_that_cannot_be_read_leaves_the_headers(delay: object) -> None:
    said = body("RESOURCE_EXHAUSTED", "…", retry(delay))

    assert response(429, said, headers={"retry-after": "7"}).retry_after == 7.0
    assert response(429, said).retry_after is None


def test_no_delay_is_longer_than_the_longest_hint() -> None:
    said = body("RESOURCE_EXHAUSTED", "…", retry("999999s"))

    assert response(429, said).retry_after == LONGEST_HINT_SECONDS


def test_a_days_count_that_is_used_up_is_not_asked_about_each_minute() -> None:
    """The delay that comes with it is a minute's, and the model stays shut all day."""
    said = body("RESOURCE_EXHAUSTED", "…", quota(PER_MINUTE, PER_DAY), retry("20s"))
    failed = response(429, said)

    assert (failed.error_class, failed.retry_after) == (
        ErrorClass.RATE_LIMITED,
        LONGEST_HINT_SECONDS,
    )


@pytest.mark.parametrize(("hour", "wait"), [(6.5, 1800.0), (7.25, 2700.0), (8.0, 3600.0)])
def test_a_days_count_begins_anew_at_midnight_in_california(hour: float, wait: float) -> None:
    """In summer or in winter, whichever comes first: one call too many finds out."""
    midnight = UNIX - UNIX % 86400
    said = body("RESOURCE_EXHAUSTED", "…", quota(PER_DAY))

    assert response(429, said, unix=midnight + hour * 3600).retry_after == wait


def test_a_days_count_of_all_models_shuts_the_account() -> None:
    failed = response(429, body("RESOURCE_EXHAUSTED", "…", quota(PER_DAY_OF_ALL)))

    assert verdict(failed.error_class, Phase.WAITING).lesson is Lesson.ACCOUNT


_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "status", "message", "details", "reason", "retryDelay", "violations"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(said=_ANY, status=st.integers(300, 599))
def test_no_body_raises(said: object, status: int) -> None:
    assert response(status, json.dumps(said).encode()).http_status == status
