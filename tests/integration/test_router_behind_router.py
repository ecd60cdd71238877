"""A router may be a target of another; what the inner one does is not lost on the way."""

import grpc
import pytest
from router_under_test import (
    Router,
    StartRouter,
    failsoft_target,
    hop_words,
    openai_target,
    two_hops,
)

from failsoft.inference.v1 import chat_pb2
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration


def behind(inner: Router, second: Upstream) -> dict[str, object]:
    """A route over another router, with a provider behind it."""
    return {
        "targets": {
            "inner": failsoft_target(inner),
            "second": openai_target(second, model="gpt-5-nano"),
        },
        "routes": {"chat": {"default": True, "hops": ["inner", "second"]}},
    }


async def test_the_inner_routers_answer_is_the_outer_ones(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    inner = await start_router(two_hops(first, second))
    outer = await start_router(behind(inner, second))

    reply = await outer.ask()

    assert hop_words(reply.finished.hops) == [("inner", "SERVED", "")]
    assert reply.finished.degradation == chat_pb2.DEGRADATION_NONE
    assert "gpt-5-mini" in reply.choices[0].message.parts[0].text


async def test_the_inner_routers_mock_never_looks_like_an_answer(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """The outer router has a real target left, and would store the mock as one's answer."""
    policy = two_hops(first, first)
    inner = await start_router(policy)
    outer = await start_router(behind(inner, second))
    await first.set_fault(faults.Status(status=503))

    reply = await outer.ask()

    assert hop_words(reply.finished.hops) == [
        ("inner", "FAILED", "TRANSIENT"),
        ("second", "SERVED", ""),
    ]
    assert reply.finished.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET


async def test_a_stream_that_the_inner_router_restarts_is_restarted(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    inner = await start_router(two_hops(first, second))
    outer = await start_router(behind(inner, second))
    await first.set_fault(faults.Cut(after=2))

    streamed = await outer.stream()

    assert streamed.error is None
    assert "gpt-5-nano" in streamed.text
    assert "gpt-5-mini" not in streamed.text
    assert hop_words(streamed.finished.hops) == [("inner", "SERVED", "")]


async def test_a_callers_own_fault_is_its_fault_through_two_routers(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    inner = await start_router(two_hops(first, second))
    outer = await start_router(behind(inner, second))
    body = '{"error": {"type": "invalid_request_error", "code": "invalid_value"}}'
    await first.set_fault(faults.Status(status=400, body=body))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outer.ask()

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
