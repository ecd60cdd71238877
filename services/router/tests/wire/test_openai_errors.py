"""What a provider's error means: its own words first, the bare status where it has none."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.walk import ErrorClass
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.openai.error_body import ErrorBody
from failsoft_router.wire.openai.errors import from_error_object, from_response

UNIX = 1_800_000_000.0

BY_STATUS = {
    302: ErrorClass.UNKNOWN,
    400: ErrorClass.CALLER_FAULT,
    401: ErrorClass.CREDENTIAL,
    402: ErrorClass.QUOTA,
    403: ErrorClass.UNKNOWN,
    404: ErrorClass.UNKNOWN,
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
NO_WORDS = (
    b"",
    b"<html>Bad Gateway</html>",
    b'{"error": "words"}',
    b'{"error": ["words"]}',
    b'{"detail": [1]}',
    b'{"detail": "Not Found"}',
    b"{}",
    b"[]",
    b"\xff",
)


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


def openai(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", **fields}}


def vllm(message: object, **fields: object) -> dict[str, object]:
    return {"object": "error", "message": message, "type": "BadRequestError", **fields}


def fastapi(kind: str, *loc: object) -> list[dict[str, object]]:
    return [{"type": kind, "loc": ["body", *loc], "msg": "…"}]


TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 5000."


@pytest.mark.parametrize(
    "body",
    [
        openai(TOO_LONG, code=None),
        openai(TOO_LONG, code=None, param="messages"),
        vllm(TOO_LONG, param=None, code=400),
        vllm("The decoder prompt is longer than the maximum model length of 4096."),
        {"error": {"code": 400, "type": "exceed_context_size_error", "message": "…"}},
        openai("prompt is too long: 200001 tokens > 200000 maximum"),
    ],
)
def test_a_request_that_is_too_long_is_no_callers_fault_where_the_code_is_missing(
    body: object,
) -> None:
    """Targets with more room were not asked."""
    assert response(400, body).error_class is ErrorClass.CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, vllm({"detail": fastapi("extra_forbidden", "stream_options", "include_usage")})),
        (422, vllm(fastapi("extra_forbidden", "stream_options"))),
        (422, {"detail": fastapi("extra_forbidden", "frequency_penalty")}),
        (422, {"detail": fastapi("bool_type", "stream")}),
        (400, openai("Unrecognized request argument supplied: stream_options")),
        (400, openai("…", code="unknown_parameter", param="stream_options")),
        (400, openai("…", param="stream_options.include_usage")),
        (400, openai("…", param="model")),
    ],
)
def test_a_parameter_that_we_chose_is_no_callers_fault(status: int, body: object) -> None:
    """Mistral refuses `stream_options`, and the caller was told to mend the request."""
    assert response(status, body).error_class is ErrorClass.UNSUPPORTED


@pytest.mark.parametrize(
    ("status", "body", "names"),
    [
        (400, openai("…", param="messages[1].content"), True),
        (400, openai("…", param="temperature"), True),
        (422, {"detail": fastapi("missing", "messages", 0, "role")}, True),
        (400, openai("…", param=None), False),
        (400, openai("…", param="n"), False),
        (400, openai("…", param=7), False),
        (422, {"detail": [{"type": "missing", "loc": ["body", 3]}, {"loc": ["body"]}]}, False),
        (400, b"", False),
    ],
)
def test_a_callers_fault_says_whether_it_names_a_field(
    status: int, body: object, names: bool
) -> None:
    failed = response(status, body)

    assert failed.error_class is ErrorClass.CALLER_FAULT
    assert failed.names_field is names


@pytest.mark.parametrize(
    ("body", "error_class"),
    [
        # OpenRouter
        (
            {"error": {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "…"}}},
            ErrorClass.CONTENT_FILTER,
        ),
        (
            openai("Your chosen model requires moderation and your input was flagged", code=403),
            ErrorClass.CONTENT_FILTER,
        ),
        # OpenAI
        (
            openai("You have insufficient permissions for this operation.", code=None),
            ErrorClass.CREDENTIAL,
        ),
        (openai("…", code="model_not_found", param="model"), ErrorClass.MODEL_GONE),
        # Anthropic
        ({"type": "error", "error": {"type": "permission_error"}}, ErrorClass.MODEL_GONE),
        ({"type": "error", "error": {"type": "authentication_error"}}, ErrorClass.CREDENTIAL),
        # Firewalls
        (b"<html><title>403 Forbidden</title></html>", ErrorClass.UNKNOWN),
        (openai("Request blocked"), ErrorClass.UNKNOWN),
    ],
)
def test_a_403_shuts_the_key_out_only_where_it_speaks_of_the_key(
    body: object, error_class: ErrorClass
) -> None:
    """One prompt that a firewall disliked took every model of the key away for 15 minutes."""
    assert response(403, body).error_class is error_class


@pytest.mark.parametrize(
    ("body", "error_class"),
    [
        (b"<html><center>nginx</center></html>", ErrorClass.UNKNOWN),
        ({"detail": "Not Found"}, ErrorClass.UNKNOWN),
        (openai("Invalid URL (POST /v1/chat/completion)"), ErrorClass.UNKNOWN),
        (openai("…", code="model_not_found"), ErrorClass.MODEL_GONE),
        (vllm("…") | {"type": "NotFoundError"}, ErrorClass.MODEL_GONE),
        ({"error": 'model "llama" not found, try pulling it first'}, ErrorClass.MODEL_GONE),
        ({"error": {"code": "DeploymentNotFound"}}, ErrorClass.MODEL_GONE),
        (openai("…", param="model"), ErrorClass.MODEL_GONE),
    ],
)
def test_a_404_says_that_the_model_is_gone_only_where_it_speaks_of_the_model(
    body: object, error_class: ErrorClass
) -> None:
    """A proxy that was being deployed took the target away for five minutes."""
    assert response(404, body).error_class is error_class


@pytest.mark.parametrize(
    ("message", "error_class"),
    [
        ("Content Exists Risk", ErrorClass.CONTENT_FILTER),
        ("Input data may contain inappropriate content.", ErrorClass.CONTENT_FILTER),
        ("User location is not supported for the API use.", ErrorClass.REGION),
        ("Model Not Exist", ErrorClass.MODEL_GONE),
    ],
)
def test_what_is_said_to_people_decides_where_there_is_no_code(
    message: str, error_class: ErrorClass
) -> None:
    assert response(400, openai(message)).error_class is error_class


@pytest.mark.parametrize("status", [401, 402, 429, 503])
def test_no_words_decide_where_the_status_is_plain(status: int) -> None:
    """A limit's refusal may well speak of context."""
    assert response(status, openai(TOO_LONG)).error_class is BY_STATUS[status]


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


# What a caller can put into a provider's error.

NASTY = (
    "insufficient permissions",
    "you have insufficient permissions for this operation",
    "model not exist",
    "user location is not supported",
    "the model does not exist",
    "deployment",
    "invalid_api_key",
    "insufficient_quota",
    "rate_limit_exceeded",
    "context length",
    "it's",
    '"',
    "'",
    "`",
    "\n",
)
WORDS = st.lists(st.sampled_from(NASTY), min_size=1, max_size=4).map(" ".join)
"""A prompt, or the name of a tool, a property or a schema."""

QUOTING = (
    "Invalid schema for response_format 'answer': In context=('properties', '{}'), no.",
    "Unknown tool: {}",
    "'{}' does not match '^[a-zA-Z0-9_-]+$'",
    '"{}" is not of type "string"',
    "`{}` is no stop sequence",
    "Error while fetching the image https://example.com/{}",
    "Could not render the chat template for {}",
)


def shapes(message: str, param: str | None) -> list[object]:
    return [
        openai(message, param=param, code=None),
        vllm(message, param=param, code=400),
        {"detail": message},
        {"detail": [{"type": "value_error", "loc": ["body", "tools", 0], "msg": message}]},
        {"error": message},
    ]


@given(
    words=WORDS,
    quoting=st.sampled_from(QUOTING),
    param=st.sampled_from([None, "messages", "tools[0].function.name", "response_format"]),
    status=st.sampled_from([400, 422]),
)
def test_no_words_of_the_callers_shut_a_gate_of_others(
    words: str, quoting: str, param: str | None, status: int
) -> None:
    """A schema with a property `insufficient permissions` took the key away from everybody."""
    for body in shapes(quoting.format(words), param):
        failed = response(status, body)

        assert verdict(failed.error_class, Phase.WAITING).lesson is Lesson.NOTHING


@pytest.mark.parametrize("words", NASTY)
@pytest.mark.parametrize("param", ["messages[0].content", "tools", "response_format"])
def test_what_is_said_of_a_field_of_the_callers_shuts_no_gate(words: str, param: str) -> None:
    """Even where a provider says nothing but the caller's own words."""
    failed = response(400, openai(words, param=param))

    assert verdict(failed.error_class, Phase.WAITING).lesson is Lesson.NOTHING


@pytest.mark.parametrize(
    "message",
    [
        "No such file: 'model.png'",
        "Could not fetch https://example.com/model.png",
        "There is no tool `deployment`",
    ],
)
def test_a_404_that_only_quotes_the_word_model_does_not_speak_of_it(message: str) -> None:
    assert response(404, openai(message)).error_class is ErrorClass.UNKNOWN
