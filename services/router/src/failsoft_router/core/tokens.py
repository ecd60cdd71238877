"""A guess at how many tokens a request is, where nobody's tokenizer is at hand."""

from failsoft_model.chat import ChatRequest, Image, Part, Text, ToolCall, ToolResult

_BYTES_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text; other scripts take more bytes a token."""
_MOST_BYTES_PER_TOKEN = 8
"""Whole texts stay below: English has 4 to 5, Hindi and Tamil 7 where the tokenizer knows them."""
_MESSAGE_TOKENS = 4
_IMAGE_TOKENS = 765
"""What OpenAI counts for an image of 1024 x 1024 in high detail."""


_USUAL_ANSWER = 1024
"""Tokens that an answer is given room for where its caller names no limit."""


def tokens_in_flight(request: ChatRequest, *, context_tokens: int) -> int:
    """What a call takes of a target while it runs: the request and its longest answer.

    Args:
        context_tokens: What the target has room for in one call; 0: not known.
    """
    wanted = estimate_tokens(request) + (request.sampling.max_tokens or _USUAL_ANSWER)
    return min(wanted, context_tokens) if context_tokens else wanted


def estimate_tokens(request: ChatRequest) -> int:
    """Tokens of the request, at least 1."""
    images = sum(isinstance(part, Image) for message in request.messages for part in message.parts)
    return (
        (_text_bytes(request) + _BYTES_PER_TOKEN - 1) // _BYTES_PER_TOKEN
        + _MESSAGE_TOKENS * len(request.messages)
        + _IMAGE_TOKENS * images
    )


def text_tokens(text: str) -> int:
    """Tokens of a piece of text."""
    return (_length(text) + _BYTES_PER_TOKEN - 1) // _BYTES_PER_TOKEN


def fewest_tokens(request: ChatRequest) -> int:
    """Tokens that the request has whichever tokenizer counts them: half the estimate.

    Images count nothing, because what they cost differs by a factor of forty.
    """
    return _text_bytes(request) // _MOST_BYTES_PER_TOKEN


def _text_bytes(request: ChatRequest) -> int:
    total = _length(request.continue_from)
    for message in request.messages:
        for part in message.parts:
            total += _bytes(part)
    for tool in request.tools:
        total += _length(tool.name) + _length(tool.description) + _length(tool.parameters_json)
    return total


def _bytes(part: Part) -> int:
    match part:
        case Text(text=text):
            return _length(text)
        case ToolCall():
            return _length(part.name) + _length(part.arguments_json)
        case ToolResult(content=content):
            return _length(content)
        case Image():
            return 0


def _length(text: str) -> int:
    """Bytes in UTF-8; ASCII, which a string knows of itself, need not be encoded for it."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
