"""A caller's trace goes on inside our own services, and nothing of it leaves to a provider."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc
import pytest
from router_under_test import Router, StartRouter, chat, openai_target

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_upstream import Upstream

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {
    "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
    "tracestate": "vendor=canary-of-the-state",
    "baggage": "user=canary-of-the-baggage",
    "x-request-id": "canary-of-the-request",
    "failsoft-attempt-id": "canary-of-the-attempt/1/1",
    "x-canary": "canary-of-a-header",
}
NOT_SAMPLED = {**SENT, "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}

HTTP_ITSELF = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
ITS_KEY = {
    "openai": {"authorization"},
    "anthropic": {"x-api-key", "anthropic-version"},
    "gemini": {"x-goog-api-key"},
}
DOORS = ("rpc", "rpc stream", "http", "http stream")


def asking(provider: str, upstream: Upstream) -> dict[str, object]:
    """A policy with one target, which speaks that provider's dialect and has a key."""
    gemini = provider == "gemini"
    target = openai_target(
        upstream,
        provider=provider,
        endpoint=upstream.gemini_url if gemini else upstream.base_url,
        model={"anthropic": "claude-haiku-4-5", "gemini": "gemini-flash-latest"}.get(
            provider, "gpt-4.1-mini"
        ),
        credential={"env": "KEY"},
    )
    return {
        "targets": {"first": target},
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }


async def ask(router: Router, door: str, sent: Mapping[str, str]) -> None:
    """One request by that front door, with these headers; whatever comes of it."""
    metadata = tuple(sent.items())
    if door == "rpc":
        await router.stub.Generate(pb.GenerateRequest(chat=chat("hi")), metadata=metadata)
    elif door == "rpc stream":
        request = pb.StreamGenerateRequest(chat=chat("hi"))
        async for _ in router.stub.StreamGenerate(request, metadata=metadata):
            pass
    else:
        asked = {
            "model": "chat",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": door == "http stream",
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{router.base_url}/chat/completions", json=asked, headers=sent) as reply,
        ):
            await reply.read()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("provider", ITS_KEY)
async def test_a_provider_learns_nothing_of_its_callers_caller(
    start_router: StartRouter, first: Upstream, provider: str, door: str
) -> None:
    router = await start_router(asking(provider, first), environ={"KEY": "sk-key"})

    await ask(router, door, SENT)

    (received,) = first.received
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert headers.keys() - HTTP_ITSELF == ITS_KEY[provider]
    assert "canary" not in f"{headers} {received.path}"
    assert b"canary" not in received.body
    assert router.spans.one("failsoft.walk").context.trace_hex == TRACE


@dataclass(slots=True)
class Listener:
    """One of our own services as far as its callers see it; it refuses and keeps the metadata."""

    address: str = ""
    heard: list[Mapping[str, str | bytes]] = field(default_factory=list)

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        self.heard.append(dict(details.invocation_metadata or ()))

        async def refuse(_request: bytes, context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
            await context.abort(grpc.StatusCode.UNAVAILABLE)
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(refuse)


class Everything(grpc.GenericRpcHandler):
    """Hands every call to a listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        return self._listener.service(details)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener, server = Listener(), grpc.aio.server()
    server.add_generic_rpc_handlers((Everything(listener),))
    listener.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield listener
    finally:
        await server.stop(None)


async def heard_by_ours(
    start_router: StartRouter, sent: Mapping[str, str], door: str, **fields: object
) -> tuple[Mapping[str, str | bytes], Router]:
    """What another service of ours gets with an attempt of a walk."""
    async with listening() as inner:
        target = {"provider": "failsoft", "model": "m", "endpoint": inner.address, **fields}
        router = await start_router(
            {
                "targets": {"inner": {**target, "attempts": 1}},
                "routes": {"chat": {"default": True, "hops": ["inner"]}},
            }
        )
        await ignoring_failure(ask(router, door, sent))
        (heard,) = inner.heard
        return heard, router


async def ignoring_failure(asked: Awaitable[None]) -> None:
    try:
        await asked
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - what it fails with is the service's


@pytest.mark.parametrize("door", DOORS)
async def test_our_own_services_get_the_trace_and_what_they_need_and_nothing_else(
    start_router: StartRouter, door: str
) -> None:
    heard, router = await heard_by_ours(start_router, SENT, door)

    attempt = router.spans.one("chat m").context
    assert heard.keys() - {"user-agent"} == {
        *("traceparent", "tracestate", "x-request-id"),
        *("failsoft-tenant", "failsoft-attempt-id", "failsoft-depth"),
    }
    assert heard["x-request-id"] == SENT["x-request-id"]
    assert heard["traceparent"] == f"00-{TRACE}-{attempt.span_id:016x}-01"
    assert heard["tracestate"] == SENT["tracestate"]
    assert "canary-of-the-attempt" not in str(heard["failsoft-attempt-id"])


@pytest.mark.parametrize("door", DOORS)
async def test_a_router_of_somebody_else_gets_nothing_of_the_trace(
    start_router: StartRouter, door: str
) -> None:
    heard, _ = await heard_by_ours(start_router, SENT, door, external=True)

    assert heard.keys() - {"user-agent"} == {"failsoft-depth"}


@pytest.mark.parametrize("door", DOORS)
async def test_what_the_caller_does_not_record_leaves_no_span_and_keeps_its_ids(
    start_router: StartRouter, door: str
) -> None:
    heard, router = await heard_by_ours(start_router, NOT_SAMPLED, door)

    assert router.spans.all() == ()
    trace, flags = str(heard["traceparent"]).split("-")[1::2]
    assert (trace, flags) == (TRACE, "00")
    assert heard["tracestate"] == SENT["tracestate"]


@pytest.mark.parametrize("door", DOORS)
async def test_a_state_that_is_too_long_is_left_behind_and_the_trace_goes_on(
    start_router: StartRouter, door: str
) -> None:
    long = {**SENT, "tracestate": ",".join(f"k{number}={'v' * 200}" for number in range(3))}

    heard, _ = await heard_by_ours(start_router, long, door)

    assert "tracestate" not in heard
    assert TRACE in str(heard["traceparent"])
