"""What a request will probably take, before anything was done for it."""

from failsoft_local_llm.core.admission.ticket import Work
from failsoft_local_llm.core.decoding import Defaults
from failsoft_model.chat import ChatRequest, Text, ToolCall, ToolResult

_CHARACTERS_PER_TOKEN = 4
"""Of English text; of others it may be one. The door is told better when the prompt was tokenised,
and takes back what it has let in by a guess that was too low."""


def guessed_work(request: ChatRequest, *, defaults: Defaults, context_tokens: int | None) -> Work:
    """A guess at the prompt, and the most that the answer may take.

    Args:
        context_tokens: No work is more than that, whatever the caller allows; None: not known.
    """
    characters = len(request.continue_from)
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text) | ToolResult(content=text) | ToolCall(arguments_json=text):
                    characters += len(text)
    for tool in request.callable_tools:
        characters += len(tool.description) + len(tool.parameters_json)
    wanted = request.sampling.max_tokens
    prompt = characters // _CHARACTERS_PER_TOKEN + 1
    output = defaults.max_tokens if wanted is None else wanted
    if context_tokens is not None:
        prompt = min(prompt, context_tokens)
        output = min(output, context_tokens - prompt)
    return Work(prompt=prompt, output=output)
