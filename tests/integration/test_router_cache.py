"""The cache behind a router is everybody's: no request takes it from the others."""

import asyncio

import pytest
from router_under_test import Router, StartRouter, openai_target, two_hops

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

LARGEST_IMAGE = 5 * 1024 * 1024
AT_ZERO = chat_pb2.Sampling(temperature=0.0)


async def seeing(router: Router, size: int) -> pb.GenerateResponse:
    """An answer about an image of that many bytes."""
    parts = [
        chat_pb2.Part(text="What is it?"),
        chat_pb2.Part(image=chat_pb2.Image(data=bytes(size), mime_type="image/png")),
    ]
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=parts)
    chat = chat_pb2.ChatRequest(messages=[message], sampling=AT_ZERO)
    return await router.stub.Generate(pb.GenerateRequest(chat=chat))


async def ask_until_fresh(router: Router, question: str) -> pb.GenerateResponse:
    """Answers are stored in the background, and the cache's connection is made there."""
    async with asyncio.timeout(5):
        while True:
            reply = await router.ask(question, sampling=AT_ZERO)
            if reply.finished.cache_status == walk_pb2.CACHE_STATUS_HIT_FRESH:
                return reply


async def test_the_largest_images_are_cached_like_anything_else(
    start_router: StartRouter, first: Upstream, cache: str
) -> None:
    """Their canonical form was twice their size, and three of them switched the cache off."""
    policy = {
        "targets": {
            "first": openai_target(first, capabilities=["vision"], limits={"first_content": "9s"})
        },
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }
    router = await start_router(policy, cache=cache)
    await ask_until_fresh(router, "What is soft?")

    statuses = [(await seeing(router, LARGEST_IMAGE)).finished.cache_status for _ in range(4)]

    assert statuses[0] == walk_pb2.CACHE_STATUS_MISS
    assert statuses[-1] == walk_pb2.CACHE_STATUS_HIT_FRESH
    again = await router.ask("What is soft?", sampling=AT_ZERO)
    assert again.finished.cache_status == walk_pb2.CACHE_STATUS_HIT_FRESH


async def test_a_fallbacks_answer_does_not_take_a_better_ones_place(
    start_router: StartRouter, first: Upstream, second: Upstream, cache: str
) -> None:
    policy = two_hops(first, second, breaker={"consecutive_failures": 100})
    route = {
        "default": True,
        "hops": ["first", "second", "cache"],
        "cache": {"fresh_hits": "never"},
    }
    policy["routes"] = {"chat": route}
    router = await start_router(policy, cache=cache)
    for _ in range(3):
        await router.ask()
    await first.set_fault(faults.Status(status=503))
    for _ in range(3):
        assert (await router.ask()).finished.served_by == "second"
    await second.set_fault(faults.Status(status=503))

    reply = await router.ask()

    assert reply.finished.degradation == chat_pb2.DEGRADATION_STALE_CACHE
    assert "gpt-5-mini" in reply.choices[0].message.parts[0].text
