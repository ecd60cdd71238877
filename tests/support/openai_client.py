"""OpenAI's own client in front of a router: what the tests with it share."""

from collections.abc import Iterable

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import BaseModel
from router_under_test import Router

MODEL = "gpt-5-mini"
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is soft?"}]


def client_of(router: Router) -> AsyncOpenAI:
    """As its users make it, but for the retries that would hide what is tested."""
    return AsyncOpenAI(base_url=router.base_url, api_key="any", max_retries=0)


async def streamed(client: AsyncOpenAI) -> list[ChatCompletionChunk]:
    """Every chunk of an answer."""
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
    return [chunk async for chunk in stream]


def text_of(chunks: Iterable[ChatCompletionChunk]) -> str:
    """What they say together."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def failsoft_of(told: BaseModel) -> dict[str, object]:
    """What Failsoft adds, which the client keeps without knowing it."""
    extra = told.model_extra or {}
    found = extra["failsoft"]
    assert isinstance(found, dict)
    return found
