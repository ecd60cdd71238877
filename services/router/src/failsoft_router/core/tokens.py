"""A guess at how many tokens a request is, where nobody's tokenizer is at hand."""

from failsoft_model.chat import ChatRequest, Image, Part, Text, ToolCall, ToolResult

_BYTES_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text; other scripts take more bytes a token."""
_MESSAGE_TOKENS = 4
_IMAGE_TOKENS = 765
"""What OpenAI counts for an image of 1024 x 1024 in high detail."""


def estimate_tokens(request: ChatRequest) -> int:
    """Tokens of the request, at least 1."""
    text = sum(_bytes(part) for message in request.messages for part in message.parts)
    tools = sum(
        len((tool.name + tool.description + tool.parameters_json).encode())
        for tool in request.tools
    )
    images = sum(isinstance(part, Image) for message in request.messages for part in message.parts)
    return (
        (text + tools + _BYTES_PER_TOKEN - 1) // _BYTES_PER_TOKEN
        + _MESSAGE_TOKENS * len(request.messages)
        + _IMAGE_TOKENS * images
    )


def _bytes(part: Part) -> int:
    match part:
        case Text(text=text):
            return len(text.encode())
        case ToolCall():
            return len((part.name + part.arguments_json).encode())
        case ToolResult(content=content):
            return len(content.encode())
        case Image():
            return 0
