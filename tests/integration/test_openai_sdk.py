"""OpenAI's own client, unmodified: only its base URL and its key are ours."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam
from router_under_test import Router

pytestmark = pytest.mark.integration

QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "What is soft?"}


@pytest.fixture
async def openai(router: Router) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=router.base_url, api_key="any", max_retries=0) as client:
        yield client


async def test_a_question_is_answered(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-5-mini", messages=[QUESTION])

    assert completion.model == "gpt-5-mini"
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


async def test_an_answer_is_streamed(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="gpt-5-mini", messages=[QUESTION], stream=True
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
