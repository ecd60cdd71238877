"""Clients of OpenAI's API that treat their sockets badly, and what others notice of them.

How heads and bodies are told apart is shown by the listener's own tests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson
import pytest
from router_under_test import Router, StartRouter, openai_target

from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

HOSTILE, WELL = "hostile", "well"


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream, second: Upstream) -> Router:
    """A route for the hostile, and one for those who are to be served beside them."""
    targets = {HOSTILE: openai_target(first), WELL: openai_target(second)}
    return await start_router(
        {"targets": targets, "routes": {name: {"hops": [name]} for name in targets}}
    )


def request(model: str, *headers: bytes) -> bytes:
    """A whole request, as bytes."""
    message = {"role": "user", "content": "What is soft?"}
    body = orjson.dumps({"model": model, "messages": [message]})
    head = (
        b"POST /v1/chat/completions HTTP/1.1",
        b"host: x",
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        *headers,
    )
    return b"\r\n".join((*head, b"", body))


@asynccontextmanager
async def connection(
    router: Router,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One that is closed with the block."""
    at = urlsplit(router.base_url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def assert_served(router: Router) -> None:
    """Somebody else asks, and is answered."""
    async with connection(router) as (reader, writer):
        writer.write(request(WELL, b"connection: close"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")


async def test_who_closes_half_of_the_connection_is_taken_for_gone(
    router: Router, first: Upstream
) -> None:
    """Nobody can tell it from one that hung up, and nobody pays for an answer to that one."""
    await first.set_fault(faults.Hang())

    async with connection(router) as (reader, writer):
        writer.write(request(HOSTILE))
        await first.meter.wait_until(lambda meter: meter.in_flight == 1)
        writer.write_eof()
        assert await reader.read() == b""

    await first.meter.wait_until(lambda meter: meter.cancelled == 1)
    await assert_served(router)


async def test_pipelined_questions_are_answered_one_after_the_other(
    router: Router, second: Upstream
) -> None:
    async with connection(router) as (reader, writer):
        writer.write(request(WELL) * 4 + request(WELL, b"connection: close"))
        replies = await reader.read()

    assert replies.count(b"HTTP/1.1 200 OK\r\n") == 5
    assert second.meter.max_in_flight == 1


async def test_who_waits_for_leave_to_send_is_given_it(router: Router) -> None:
    head, _, body = request(WELL, b"expect: 100-continue", b"connection: close").partition(
        b"\r\n\r\n"
    )
    async with connection(router) as (reader, writer):
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_flood_of_headers_is_refused(router: Router) -> None:
    flood = [b"x-%d: y" % number for number in range(100_000)]
    async with connection(router) as (reader, writer):
        writer.write(request(HOSTILE, *flood))
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 431 ")
    await assert_served(router)


async def test_a_question_that_is_cut_costs_no_provider_anything(
    router: Router, first: Upstream
) -> None:
    asked = request(HOSTILE)
    for end in range(1, len(asked), 16):
        async with connection(router) as (_, writer):
            writer.write(asked[:end])
            await writer.drain()

    await assert_served(router)
    assert first.meter.calls == 0
