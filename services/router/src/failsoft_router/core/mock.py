"""The made-up answer at the end of a route: instant, plain text, says what it is."""

from failsoft_model.chat import ChatRequest, ResponseFormatKind

_TEXT = (
    "This is a mock answer: no model could be reached, and nothing that was stored fits. "
    "Nobody has thought about your question. Please ask again later."
)


def can_mock(request: ChatRequest) -> bool:
    """Whether plain text is a form that the caller can take."""
    return request.response_format.kind is ResponseFormatKind.TEXT


def mock_text(request: ChatRequest) -> tuple[str, bool]:
    """The text, and whether `max_tokens` cut it; a word counts as a token."""
    words = _TEXT.split(" ")
    limit = request.sampling.max_tokens
    return " ".join(words[:limit]), limit is not None and limit < len(words)
