"""What a request will probably take, before anything was done for it."""

from failsoft_local_llm.core.admission.ticket import Work
from failsoft_local_llm.core.decoding import Defaults
from failsoft_model.chat import ChatRequest, Text, ToolCall, ToolResult

_CHARACTERS_PER_TOKEN = 4
"""Of English text. A wrong guess lasts until the prompt was tokenised."""


def guessed_work(request: ChatRequest, *, defaults: Defaults) -> Work:
    """A guess at the prompt, and the most that the answer may take."""
    characters = len(request.continue_from)
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text) | ToolResult(content=text) | ToolCall(arguments_json=text):
                    characters += len(text)
    wanted = request.sampling.max_tokens
    return Work(
        prompt=characters // _CHARACTERS_PER_TOKEN + 1,
        output=defaults.max_tokens if wanted is None else wanted,
    )
