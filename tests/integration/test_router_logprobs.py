"""The tokens of an answer, with their probabilities, on their way through routers and cache."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from router_under_test import (
    Router,
    StartRouter,
    Streamed,
    failsoft_target,
    hop_words,
    openai_target,
)

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

TELLING = ["logprobs", "top_logprobs"]
ASKED = chat_pb2.Sampling(temperature=0.0, logprobs=True, top_logprobs=2)


def policy(**targets: dict[str, object]) -> dict[str, object]:
    """A route over these targets, with a mock behind them."""
    return {
        "targets": targets,
        "routes": {"chat": {"default": True, "hops": [*targets, "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }


def telling(upstream: Upstream, **fields: object) -> dict[str, object]:
    return openai_target(upstream, capabilities=TELLING, **fields)


def text_of(tokens: Iterable[pb.TokenLogprob]) -> str:
    return b"".join(token.data for token in tokens).decode()


def told(streamed: Streamed) -> Sequence[pb.TokenLogprob]:
    """What a reader who obeys resets has been told in the end."""
    tokens: list[pb.TokenLogprob] = []
    for event in streamed.events:
        if event.HasField("stream_reset"):
            tokens.clear()
        tokens += event.delta.logprobs
    return tokens


async def ask_until_fresh(router: Router) -> pb.GenerateResponse:
    """Answers are stored in the background."""
    async with asyncio.timeout(5):
        while True:
            reply = await router.ask(sampling=ASKED)
            if reply.finished.cache_status == walk_pb2.CACHE_STATUS_HIT_FRESH:
                return reply


async def test_what_a_provider_tells_is_what_the_caller_is_told(
    start_router: StartRouter, first: Upstream
) -> None:
    router = await start_router(policy(first=telling(first, model="gpt-4.1-mini")))

    whole = await router.ask(sampling=ASKED)
    streamed = await router.stream(sampling=ASKED)

    (choice,) = whole.choices
    assert text_of(choice.logprobs) == choice.message.parts[0].text
    assert {len(token.top) for token in choice.logprobs} == {2}
    assert all(token.top[0].token == token.token for token in choice.logprobs)
    assert list(told(streamed)) == list(choice.logprobs)
    assert not whole.finished.dropped_parameters


async def test_a_stored_answer_is_told_as_the_first_time(
    start_router: StartRouter, first: Upstream, cache: str
) -> None:
    router = await start_router(policy(first=telling(first)), cache=cache)
    fresh = await router.ask(sampling=ASKED)

    stored = await ask_until_fresh(router)
    streamed = await router.stream(sampling=ASKED)

    assert list(stored.choices[0].logprobs) == list(fresh.choices[0].logprobs)
    assert streamed.finished.cache_status == walk_pb2.CACHE_STATUS_HIT_FRESH
    assert list(told(streamed)) == list(fresh.choices[0].logprobs)
    plain = await router.ask(sampling=chat_pb2.Sampling(temperature=0.0))
    assert plain.finished.cache_status == walk_pb2.CACHE_STATUS_MISS
    assert not plain.choices[0].logprobs


async def test_nothing_is_told_of_an_answer_that_was_taken_back(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """Else half of one answer would be told with the probabilities of another."""
    router = await start_router(
        policy(first=telling(first), second=telling(second, model="gpt-5-nano"))
    )
    await first.set_fault(faults.Cut(after=2))

    whole = await router.ask(sampling=ASKED)
    streamed = await router.stream(sampling=ASKED)

    assert text_of(whole.choices[0].logprobs) == whole.choices[0].message.parts[0].text
    assert text_of(told(streamed)) == streamed.text
    assert "gpt-5-nano" in streamed.text


async def test_two_routers_tell_what_one_tells(start_router: StartRouter, first: Upstream) -> None:
    inner = await start_router(policy(first=telling(first)))
    outer = await start_router(policy(inner=failsoft_target(inner, capabilities=TELLING)))

    whole = await outer.ask(sampling=ASKED)
    streamed = await outer.stream(sampling=ASKED)

    assert text_of(whole.choices[0].logprobs) == whole.choices[0].message.parts[0].text
    assert list(told(streamed)) == list(whole.choices[0].logprobs)


async def test_who_cannot_tell_is_not_asked(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """Also the mock, so that nobody gets made-up probabilities."""
    router = await start_router(policy(first=openai_target(first), second=telling(second)))
    reply = await router.ask(sampling=ASKED)
    await second.set_fault(faults.Status(status=503))

    refused = await router.stream(sampling=ASKED)

    assert hop_words(reply.finished.hops) == [
        ("first", "SKIPPED", "CAPABILITY"),
        ("second", "SERVED", ""),
    ]
    assert first.meter.calls == 0
    assert refused.error is not None
    assert from_rpc_error(refused.error).reason == "ROUTE_EXHAUSTED"


async def test_a_mock_is_one_of_the_choices(start_router: StartRouter, first: Upstream) -> None:
    router = await start_router(policy(first=openai_target(first)))
    form = chat_pb2.ResponseFormat(kind=chat_pb2.RESPONSE_FORMAT_KIND_CHOICE, choices=["yes", "no"])

    reply = await router.ask(response_format=form)

    assert reply.choices[0].message.parts[0].text in ("yes", "no")
    assert reply.finished.degradation == chat_pb2.DEGRADATION_MOCK
