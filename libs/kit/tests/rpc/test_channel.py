"""Calling another service: who we are, for whom, as part of what."""

import socket
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.server import Service, running
from failsoft_kit.telemetry import Kind, SpanContext, Tracer
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, STREAM, UNARY, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_kit.testing.spans import RecordedSpans


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef" * 4)
    return ServiceToken.from_file(path)


def test_metadata_says_who_for_whom_and_as_part_of_what(token: ServiceToken) -> None:
    metadata = outgoing_metadata(
        tenant="acme",
        span=SpanContext(trace_id=0xA, span_id=0xB, sampled=True),
        attempt_id="walk/0/1",
        request_id="my-id",
        token=token,
    )
    assert dict(metadata) == {
        "traceparent": f"00-{0xA:032x}-{0xB:016x}-01",
        "failsoft-tenant": "acme",
        "failsoft-attempt-id": "walk/0/1",
        "x-request-id": "my-id",
        "authorization": "Bearer " + "0123456789abcdef" * 4,
    }


def test_what_is_not_known_is_not_said() -> None:
    assert outgoing_metadata() == ()


@pytest.mark.integration
async def test_a_trace_goes_on_in_the_service_that_is_called() -> None:
    spans = RecordedSpans()
    tracer = Tracer(clock=SystemClock(), sink=spans)
    service = service_of(Echo().register, access=OPEN_TO_TENANTS, tracer=tracer)
    async with channel_to(service) as channel:
        with tracer.start("chat model", kind=Kind.CLIENT) as span:
            metadata = outgoing_metadata(span=span)
            await EchoStub(channel).unary(StringValue(), metadata=metadata)
    assert spans.one(UNARY).parent == "chat model"


@pytest.mark.integration
async def test_a_channel_shows_its_token_with_every_kind_of_call(token: ServiceToken) -> None:
    service = service_of(
        Echo().register, access={UNARY: Access.SERVICE, STREAM: Access.SERVICE}, token=token
    )
    async with channel_to(service, token=token) as channel:
        stub = EchoStub(channel)
        assert (await stub.unary(StringValue(value="a"))).value == "a"
        assert [reply.value async for reply in stub.stream(StringValue(value="ab"))] == ["a", "b"]
        assert channel.get_state() is grpc.ChannelConnectivity.READY


@pytest.mark.integration
async def test_a_channel_finds_a_peer_that_came_back() -> None:
    """gRPC's own backoff would keep a restarted service away from its callers for many seconds."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    service = listening_on(address)
    async with open_channel(address) as channel:
        stub = EchoStub(channel)
        for _ in range(10):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.unary(StringValue())
        async with running(service):
            await stub.unary(StringValue(), wait_for_ready=True, timeout=5.0)


@pytest.mark.integration
async def test_a_channel_that_wants_tls_says_nothing_in_the_clear(token: ServiceToken) -> None:
    """Nobody on the way can read the token, also where the peer has no TLS."""
    service = service_of(Echo().register, access={UNARY: Access.SERVICE}, token=token)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (listener,) = service.listeners
    tls = grpc.ssl_channel_credentials()
    async with (
        running(replace(service, listeners=[replace(listener, address=address)])),
        open_channel(address, token=token, tls=tls) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await EchoStub(channel).unary(StringValue(), timeout=5.0)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def listening_on(address: str) -> Service:
    service = service_of(Echo().register, access=OPEN_TO_TENANTS)
    (listener,) = service.listeners
    return replace(service, listeners=[replace(listener, address=address)])
