"""OpenAI's own client, unmodified: only its base URL and its key are ours."""

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import (
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from openai_client import ASKED, MODEL, client_of, failsoft_of, streamed, text_of
from pydantic import BaseModel
from router_under_test import Router, StartRouter, two_hops
from scripted_provider import ScriptedProvider, scripted_provider

from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

SECOND = "gpt-5-nano"
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


PLACES = ['{"place":"Bern"}', '{"place":"Basel"}']
TWO_CALLS = [
    {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "weather"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"place":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '"Bern"}'}}]},
    {
        "tool_calls": [
            {"index": 1, "id": "call_2", "function": {"name": "weather", "arguments": PLACES[1]}}
        ]
    },
]


class Place(BaseModel):
    """What an answer is parsed into."""

    name: str
    people: int


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream, second: Upstream) -> Router:
    """Two targets that can do everything, and a mock behind them."""
    policy = two_hops(first, second, capabilities=["tools", "json_schema", "vision"])
    targets = policy["targets"]
    assert isinstance(targets, dict)
    targets["second"]["capabilities"] = ["tools", "json_schema", "vision"]
    return await start_router(policy)


@pytest.fixture
async def client(router: Router) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(router) as client:
        yield client


def one_hop(provider: ScriptedProvider) -> dict[str, object]:
    """A policy whose one target can do everything."""
    target = {
        "provider": "openai",
        "model": MODEL,
        "endpoint": provider.base_url,
        "allow_private": True,
        "capabilities": ["tools", "json_schema"],
    }
    return {
        "targets": {"first": target},
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }


def in_short(tool: ChatCompletionToolParam) -> dict[str, object]:
    """A tool as it is handed on: strictness is what no target is told of."""
    function = {name: value for name, value in tool["function"].items() if name != "strict"}
    return {"type": "function", "function": function}


async def test_a_question_is_answered(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model=MODEL, messages=ASKED)

    assert completion.model == MODEL
    assert MODEL in (completion.choices[0].message.content or "")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0
    assert failsoft_of(completion)["served_by"] == "first"


async def test_an_answer_is_streamed(client: AsyncOpenAI) -> None:
    chunks = await streamed(client)

    assert MODEL in text_of(chunks)
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert failsoft_of(chunks[-1])["served_by"] == "first"


async def test_usage_comes_at_the_end_of_a_stream(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    *others, last = [chunk async for chunk in stream]

    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


async def test_the_client_that_blocks_is_answered_too(router: Router) -> None:
    def ask() -> tuple[str, str]:
        with OpenAI(base_url=router.base_url, api_key="any", max_retries=0) as blocking:
            completion = blocking.chat.completions.create(model=MODEL, messages=ASKED)
            chunks = blocking.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
            return completion.choices[0].message.content or "", text_of(chunks)

    whole, pieces = await asyncio.to_thread(ask)

    assert MODEL in whole
    assert MODEL in pieces


async def test_tools_are_called_side_by_side_and_their_results_answered(
    start_router: StartRouter,
) -> None:
    async with scripted_provider(*TWO_CALLS, finish_reason="tool_calls") as provider:
        router = await start_router(one_hop(provider))
        async with client_of(router) as client:
            completion = await client.chat.completions.create(
                model=MODEL, messages=ASKED, tools=[WEATHER], tool_choice="required"
            )
            message = completion.choices[0].message
            results: list[ChatCompletionMessageParam] = [
                {"role": "tool", "tool_call_id": call.id, "content": "sun"}
                for call in message.tool_calls or ()
            ]
            await client.chat.completions.create(
                model=MODEL,
                messages=[*ASKED, message.to_dict(), *results],  # type: ignore[list-item] # as their guide does
                tools=[WEATHER],
            )

    assert completion.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    first, again = provider.asked
    assert (first["tool_choice"], first["tools"]) == ("required", [in_short(WEATHER)])
    told = again["messages"]
    assert isinstance(told, list)
    assert [call["function"]["arguments"] for call in told[1]["tool_calls"]] == PLACES
    assert told[2:] == [
        {"role": "tool", "tool_call_id": each, "content": "sun"} for each in ("call_1", "call_2")
    ]


async def test_tool_calls_are_streamed(start_router: StartRouter) -> None:
    async with scripted_provider(*TWO_CALLS, finish_reason="tool_calls") as provider:
        router = await start_router(one_hop(provider))
        async with (
            client_of(router) as client,
            client.chat.completions.stream(model=MODEL, messages=ASKED, tools=[WEATHER]) as stream,
        ):
            completion = await stream.get_final_completion()

    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.arguments for call in calls] == PLACES
    assert [call.function.parsed_arguments for call in calls] == [
        {"place": "Bern"},
        {"place": "Basel"},
    ]
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_an_answer_is_parsed_into_a_model(start_router: StartRouter) -> None:
    answer = '{"name":"Bern","people":134000}'
    async with scripted_provider({"content": answer}) as provider:
        router = await start_router(one_hop(provider))
        async with client_of(router) as client:
            completion = await client.chat.completions.parse(
                model=MODEL, messages=ASKED, response_format=Place
            )

    assert completion.choices[0].message.parsed == Place(name="Bern", people=134000)
    form = provider.asked[0]["response_format"]
    assert isinstance(form, dict)
    assert form["json_schema"]["schema"]["required"] == ["name", "people"]


async def test_a_mock_can_be_parsed_into_a_model_too(
    client: AsyncOpenAI, first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        await upstream.set_fault(faults.Refuse())

    completion = await client.chat.completions.parse(
        model=MODEL, messages=ASKED, response_format=Place
    )

    assert isinstance(completion.choices[0].message.parsed, Place)
    assert completion.model == "mock"


async def test_reasoning_and_refusals_have_fields_of_their_own(start_router: StartRouter) -> None:
    said = ({"reasoning_content": "Hm."}, {"refusal": "I won't."})
    async with scripted_provider(*said) as provider:
        router = await start_router(one_hop(provider))
        async with client_of(router) as client:
            completion = await client.chat.completions.create(model=MODEL, messages=ASKED)
            chunks = await streamed(client)

    message = completion.choices[0].message
    assert (message.refusal, message.content) == ("I won't.", None)
    assert (message.model_extra or {})["reasoning_content"] == "Hm."
    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks) == "I won't."


async def test_models_are_listed_and_found(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]

    assert listed == ["chat", MODEL, SECOND]
    assert (await client.models.retrieve(SECOND)).id == SECOND


async def test_headers_say_who_answered(client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=ASKED, extra_headers={"x-request-id": "mine"}
    )

    assert raw.headers["x-request-id"] == "mine"
    assert raw.headers["x-failsoft-served-by"] == "first"
    assert raw.headers["x-failsoft-degradation"] == "none"
    assert raw.headers["cache-status"] == "failsoft; fwd=bypass"
    assert raw.parse().id == f"chatcmpl-{raw.headers['x-failsoft-walk-id']}"


async def test_options_travel_in_the_body(
    client: AsyncOpenAI, first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        await upstream.set_fault(faults.Hang())

    with pytest.raises(openai.APIStatusError) as late:
        await client.chat.completions.create(
            model=MODEL,
            messages=ASKED,
            extra_body={"failsoft": {"deadline": "100ms", "allow_mock": False}},
        )

    assert late.value.status_code == 504
