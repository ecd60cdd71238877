"""However a stream ends, every span of it does, and nobody who leaves is an error."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import grpc
import pytest
from router_under_test import Router, StartRouter, chat, openai_target

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.testing.span_tree import TreeText
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

RPC = "failsoft.inference.v1.InferenceService/StreamGenerate"
HTTP = "POST /v1/chat/completions"
REQUEST = pb.StreamGenerateRequest(chat=chat("What is soft?"))
Asked = Callable[[], Awaitable[None]]
"""Returns once the provider has been asked."""
SOON = 30.0
"""Seconds within which spans end; each takes a moment."""


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream) -> Router:
    """A route over one provider."""
    return await start_router(
        {
            "targets": {"first": openai_target(first)},
            "routes": {"chat": {"default": True, "hops": ["first"]}},
        }
    )


@pytest.fixture
def asked(first: Upstream) -> Asked:
    return lambda: first.meter.wait_until(lambda meter: meter.in_flight == 1)


def tree(router: Router) -> list[str]:
    """Each span as a line, without what it says of itself."""
    lines = TreeText().write(router.spans.tree()).splitlines()
    return [line for line in lines if line.split()[0].isdigit()]


async def ended_tree(router: Router, door: str) -> list[str]:
    """The lines once the front door's span has ended, and with it all that is below."""
    async with asyncio.timeout(SOON):
        await router.spans.until(lambda: bool(router.spans.named(door)))
    return tree(router)


def whole(door: str) -> list[str]:
    """A request that nothing was wrong with, or whose caller left."""
    return [
        f"1 SERVER {door}",
        "  2 INTERNAL failsoft.walk",
        "    3 INTERNAL failsoft.hop",
        "      4 CLIENT chat gpt-5-mini",
    ]


async def cancel(router: Router, asked: Asked) -> None:
    call = router.stub.StreamGenerate(REQUEST)
    await asked()
    call.cancel()


async def cancel_mid_answer(router: Router, _: Asked) -> None:
    call = router.stub.StreamGenerate(REQUEST)
    async for event in call:
        if event.delta.text:
            break
    call.cancel()


async def break_the_connection(router: Router, asked: Asked) -> None:
    async with open_channel(router.address) as channel:
        call = pb_grpc.InferenceServiceStub(channel).StreamGenerate(REQUEST)
        await asked()
        assert not call.done()


@pytest.mark.parametrize(
    ("leave", "fault"),
    [
        (cancel, faults.Hang()),
        (cancel_mid_answer, faults.Stall(after=2)),
        (break_the_connection, faults.Hang()),
    ],
    ids=["before content", "in mid-answer", "broken connection"],
)
async def test_who_leaves_a_grpc_stream_leaves_no_span_open(
    router: Router,
    first: Upstream,
    asked: Asked,
    leave: Callable[[Router, Asked], Awaitable[None]],
    fault: faults.Fault,
) -> None:
    await first.set_fault(fault)

    await leave(router, asked)

    assert await ended_tree(router, RPC) == whole(RPC)
    assert router.spans.one(RPC).attributes["rpc.status_code"] == "CANCELLED"
    hop = router.spans.one("failsoft.hop")
    assert hop.attributes["failsoft.error.class"] == "cancelled"


async def test_a_stream_that_nobody_reads_ends_with_its_answer(router: Router) -> None:
    call = router.stub.StreamGenerate(REQUEST)

    assert await ended_tree(router, RPC) == whole(RPC)
    assert router.spans.one(RPC).attributes["rpc.status_code"] == "OK"
    call.cancel()


async def test_a_stream_whose_deadline_passes_leaves_no_span_open(
    router: Router, first: Upstream
) -> None:
    await first.set_fault(faults.Stall(after=2))
    with suppress(grpc.aio.AioRpcError):
        async for _ in router.stub.StreamGenerate(REQUEST, timeout=3.0):
            pass

    lines = await ended_tree(router, RPC)

    # Who notices first, we or the caller, decides which of them are errors.
    assert [line.removesuffix(" ERROR") for line in lines] == whole(RPC)
    assert router.spans.one(RPC).attributes["rpc.status_code"] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("fault", [faults.Hang(), faults.Stall(after=2)], ids=["silent", "stalled"])
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_who_hangs_up_over_http_leaves_no_span_open(
    router: Router, first: Upstream, asked: Asked, fault: faults.Fault, *, stream: bool
) -> None:
    await first.set_fault(fault)
    messages = [{"role": "user", "content": "What is soft?"}]
    body = {"model": "chat", "messages": messages, "stream": stream}

    async def ask() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{router.base_url}/chat/completions", json=body) as reply,
        ):
            await reply.read()

    async with asyncio.timeout(SOON), asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask())
        await asked()
        asking.cancel()

    assert await ended_tree(router, HTTP) == whole(HTTP)
    assert router.spans.one("failsoft.walk").error is None
