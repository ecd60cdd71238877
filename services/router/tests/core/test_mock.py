"""The mock answer is instant, short if asked to be, and honest."""

import pytest

from failsoft_model.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
)
from failsoft_router.core.mock import can_mock, mock_text


def request(
    *, kind: ResponseFormatKind = ResponseFormatKind.TEXT, max_tokens: int | None = None
) -> ChatRequest:
    return ChatRequest(
        model="chat",
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),),
        sampling=Sampling(max_tokens=max_tokens),
        response_format=ResponseFormat(kind=kind),
    )


def test_it_says_what_it_is() -> None:
    text, cut = mock_text(request())

    assert "mock answer" in text
    assert not cut


def test_a_word_counts_as_a_token() -> None:
    assert mock_text(request(max_tokens=4)) == ("This is a mock", True)


def test_a_limit_that_it_stays_under_cuts_nothing() -> None:
    whole, _ = mock_text(request())
    words = len(whole.split())

    assert mock_text(request(max_tokens=words)) == (whole, False)
    assert mock_text(request(max_tokens=words - 1))[1]


@pytest.mark.parametrize(
    ("kind", "possible"),
    [
        (ResponseFormatKind.TEXT, True),
        (ResponseFormatKind.JSON_OBJECT, False),
        (ResponseFormatKind.JSON_SCHEMA, False),
    ],
)
def test_it_can_only_be_plain_text(kind: ResponseFormatKind, possible: bool) -> None:
    assert can_mock(request(kind=kind)) is possible
