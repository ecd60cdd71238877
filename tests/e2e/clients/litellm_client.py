"""litellm as its users have it, as a client: only its base URL and its key are ours.

    python litellm_client.py BASE_URL

Each line of stdin names what to do and a model; each line of stdout is what came of it, as JSON.
"""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import litellm
from pydantic import BaseModel

ASKED = [{"role": "user", "content": "What is soft?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}

Complete = Callable[..., Any]
"""Asks the question; what it gives is of their types, which mypy does not see."""


class Place(BaseModel):
    """A place."""

    name: str
    people: int


def chat(complete: Complete) -> object:
    """An answer as a whole, then as a stream."""
    whole = complete()
    chunks = list(complete(stream=True))
    return {
        "whole": whole.choices[0].message.content,
        "model": whole.model,
        "tokens": whole.usage.completion_tokens,
        "pieces": [chunk.choices[0].delta.content or "" for chunk in chunks],
    }


def tools(complete: Complete) -> object:
    """The calls that an answer asks for, as a whole and as a stream."""
    whole = complete(tools=[WEATHER])
    streamed = litellm.stream_chunk_builder(list(complete(tools=[WEATHER], stream=True)))
    return {"whole": calls(whole), "streamed": calls(streamed)}


def calls(completion: Any) -> list[object]:  # noqa: ANN401 - theirs
    return [
        [call.function.name, json.loads(call.function.arguments)]
        for call in completion.choices[0].message.tool_calls
    ]


def parse(complete: Complete) -> object:
    """An answer in the form of a class."""
    completion = complete(response_format=Place)
    return Place.model_validate_json(completion.choices[0].message.content).model_dump()


DEEDS = {"chat": chat, "tools": tools, "parse": parse}


def main() -> None:
    for line in sys.stdin:
        deed, model = line.split()
        complete = functools.partial(
            litellm.completion,
            f"openai/{model}",
            ASKED,
            api_base=sys.argv[1],
            api_key="sk-any",
        )
        print(json.dumps(DEEDS[deed](complete)), flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    main()
