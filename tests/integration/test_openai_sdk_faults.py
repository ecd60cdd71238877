"""OpenAI's own client, unmodified, when targets fail or the request is wrong."""

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from openai_client import ASKED, MODEL, client_of, failsoft_of, streamed, text_of
from router_under_test import QUICK_TO_NOTICE, Router, StartRouter, openai_target, two_hops

from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import ErrorKind

pytestmark = pytest.mark.integration

SECOND = "gpt-5-nano"


@pytest.fixture
async def client(router: Router) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(router) as client:
        yield client


async def until_broken(
    stream: AsyncStream[ChatCompletionChunk], seen: list[ChatCompletionChunk]
) -> None:
    """Read on; what came before an error counts."""
    async for chunk in stream:
        seen.append(chunk)  # noqa: PERF401


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.Refuse(), id="refuses"),
        pytest.param(faults.Status(status=503), id="503"),
        pytest.param(faults.Cut(after=2), id="cut"),
        pytest.param(faults.ProviderError(error=ErrorKind.INSUFFICIENT_QUOTA), id="no money"),
    ],
)
async def test_an_outage_is_answered_by_the_next_target(
    client: AsyncOpenAI, first: Upstream, fault: faults.Fault
) -> None:
    await first.set_fault(fault)

    completion = await client.chat.completions.create(model=MODEL, messages=ASKED)

    assert completion.model == SECOND
    assert SECOND in (completion.choices[0].message.content or "")
    assert failsoft_of(completion)["degradation"] == "fallback_target"


async def test_an_outage_before_the_first_content_is_not_seen_in_a_stream(
    client: AsyncOpenAI, first: Upstream
) -> None:
    await first.set_fault(faults.Status(status=500))

    chunks = await streamed(client)

    assert {chunk.model for chunk in chunks} == {SECOND}
    assert SECOND in text_of(chunks)


async def test_all_providers_out_is_answered_by_mock(
    client: AsyncOpenAI, first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        await upstream.set_fault(faults.Refuse())

    completion = await client.chat.completions.create(model=MODEL, messages=ASKED)
    chunks = await streamed(client)

    assert completion.model == "mock"
    assert failsoft_of(completion)["degradation"] == "mock"
    assert text_of(chunks)
    assert failsoft_of(chunks[-1])["served_by"] == "mock"


async def test_a_walk_that_finds_nobody_is_told_once(
    router: Router, first: Upstream, second: Upstream
) -> None:
    """A client that tries again by itself would triple the load of an outage."""
    for upstream in (first, second):
        await upstream.set_fault(faults.Status(status=503))

    async with AsyncOpenAI(base_url=router.base_url, api_key="any", max_retries=2) as eager:
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError) as exhausted:
                await eager.chat.completions.create(
                    model=MODEL,
                    messages=ASKED,
                    stream=stream,
                    extra_body={"failsoft": {"allow_mock": False}},
                )
            error = exhausted.value
            assert (error.status_code, error.code) == (503, "route_exhausted")
            assert error.response.headers["x-should-retry"] == "false"
            assert error.response.headers["x-failsoft-walk-id"]

    assert len(first.received) == 2


async def test_an_answer_that_breaks_off_is_an_error_of_the_stream(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """It is never passed off as whole, and no other answer is glued to it."""
    policy = two_hops(first, second)
    routes = policy["routes"]
    assert isinstance(routes, dict)
    routes["chat"]["midstream"] = "restart"
    router = await start_router(policy)
    await first.set_fault(faults.Cut(after=2))
    seen: list[ChatCompletionChunk] = []

    async with client_of(router) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
        with pytest.raises(openai.APIError) as broken:
            await until_broken(stream, seen)

    assert text_of(seen)
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)
    assert broken.value.code == "stream_broken"
    assert isinstance(broken.value.body, dict)
    assert not second.received


async def test_silence_is_filled_and_a_failure_after_it_is_an_event(
    start_router: StartRouter, first: Upstream
) -> None:
    target = openai_target(first, limits=QUICK_TO_NOTICE["TIMEOUT_FIRST_CONTENT"])
    policy = {
        "targets": {"first": target},
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }
    router = await start_router(policy, keep_alive=0.05)
    await first.set_fault(faults.Hang())

    async with client_of(router) as client:
        async with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=ASKED, stream=True
        ) as reply:
            body = await reply.read()
            headers = reply.headers
        with pytest.raises(openai.APIError) as silent:
            await streamed(client)

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "x-failsoft-served-by" not in headers
    assert body.startswith(b": keep-alive\n\n")
    assert b"[DONE]" not in body
    assert silent.value.code == "route_exhausted"


async def test_a_client_that_goes_away_ends_its_walk(
    router: Router, client: AsyncOpenAI, first: Upstream
) -> None:
    await first.set_fault(faults.Hang())

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.chat.completions.create(model=MODEL, messages=ASKED))
        await first.meter.wait_until(lambda meter: meter.in_flight == 1)
        asking.cancel()
        await first.meter.wait_until(lambda meter: meter.cancelled == 1)
    await router.stop()

    span = router.spans.one("POST /v1/chat/completions")
    assert span.attributes["http.response.status_code"] == 499
    hop = router.spans.one("failsoft.hop")
    assert hop.attributes["failsoft.error.class"] == "cancelled"


# What is wrong with a request.


async def test_what_is_wrong_is_named(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model=MODEL, messages=ASKED, n=2)

    assert refused.value.param == "n"
    assert refused.value.type == "invalid_request_error"


async def test_an_unknown_model_is_not_found(start_router: StartRouter, first: Upstream) -> None:
    policy = {
        "targets": {"first": openai_target(first)},
        "routes": {"chat": {"hops": ["first"]}},
    }
    router = await start_router(policy)

    async with client_of(router) as client:
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-99", messages=ASKED)
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-99")

    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
