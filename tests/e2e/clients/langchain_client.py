"""langchain-openai as its users have it: only its base URL and its key are ours.

    python langchain_client.py BASE_URL

Each line of stdin names what to do and a model; each line of stdout is what came of it, as JSON.
"""

import json
import sys

from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

QUESTION = "What is soft?"


class Place(BaseModel):
    """A place."""

    name: str
    people: int


def weather(place: str) -> str:
    """The weather of a place."""
    return f"sun in {place}"


def chat(llm: ChatOpenAI) -> object:
    """An answer as a whole, then as a stream."""
    whole = llm.invoke(QUESTION)
    pieces = list(llm.stream(QUESTION))
    return {
        "whole": whole.content,
        "model": whole.response_metadata["model_name"],
        "tokens": (whole.usage_metadata or {}).get("output_tokens"),
        "pieces": [piece.content for piece in pieces],
    }


def tools(llm: ChatOpenAI) -> object:
    """The calls that an answer asks for, as a whole and as a stream."""
    able = llm.bind_tools([weather])
    whole = able.invoke(QUESTION)
    first, *rest = able.stream(QUESTION)
    for piece in rest:
        first += piece
    return {
        "whole": [[call["name"], call["args"]] for call in whole.tool_calls],
        "streamed": [[call["name"], call["args"]] for call in first.tool_calls],
    }


def parse(llm: ChatOpenAI) -> object:
    """An answer in the form of a class."""
    place = llm.with_structured_output(Place).invoke(QUESTION)
    return Place.model_validate(place).model_dump()


DEEDS = {"chat": chat, "tools": tools, "parse": parse}


def main() -> None:
    for line in sys.stdin:
        deed, model = line.split()
        llm = ChatOpenAI(model=model, base_url=sys.argv[1], api_key=SecretStr("sk-any"))
        print(json.dumps(DEEDS[deed](llm)), flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    main()
