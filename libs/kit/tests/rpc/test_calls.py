"""Around every call: ids, spans, errors with details, and no word about the request."""
# ruff: noqa: ANN401 - servicers that misbehave have no proper types

import asyncio
import math
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft_kit import call
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.channel import outgoing_metadata
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.names import CALL_DURATION, CALLS_REFUSED, RPC_NAMES
from failsoft_kit.rpc.service import Service
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.telemetry import Kind, NameRegistry, SpanContext, Tracer, current_span
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, UNARY, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_kit.testing.metrics import distribution, number, said
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_model.errors import Code, Overloaded

pytestmark = pytest.mark.integration

SECRET = "what-the-user-asked"


@pytest.fixture
def spans() -> RecordedSpans:
    return RecordedSpans()


@pytest.fixture
def tracer(spans: RecordedSpans) -> Tracer:
    names = NameRegistry(strict=True)
    names.register(RPC_NAMES)
    return Tracer(clock=SystemClock(), sink=spans, names=names)


def serving(echo: Echo, tracer: Tracer) -> Service:
    return service_of(echo.register, access=OPEN_TO_TENANTS, tracer=tracer)


async def refusal_of(
    service: Service, request: bytes = b"", **options: Any
) -> grpc.aio.AioRpcError:
    """The error that a unary call with that body ends with."""
    async with channel_to(service) as channel:
        raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{UNARY}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await raw(request, **options)
    return refused.value


async def test_calls_are_measured_by_method_and_status(tracer: Tracer) -> None:
    """Health checks are not: they are many, quick, and nobody's request."""

    async def refuse(request: StringValue, context: Any) -> StringValue:
        raise Overloaded("full")

    service = serving(Echo(unary=refuse), tracer)
    async with channel_to(service) as channel:
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError):
                await EchoStub(channel).unary(StringValue(value="hello"))
        health: Any = health_pb2_grpc.HealthStub(channel)
        await health.Check(health_pb2.HealthCheckRequest())

    meter, refused = service.telemetry.meter, ("grpc", UNARY, "RESOURCE_EXHAUSTED")
    assert list(said(meter, CALL_DURATION)) == [refused]
    assert sum(distribution(meter, CALL_DURATION, *refused).counts) == 2


async def test_a_call_is_answered_and_leaves_a_span(tracer: Tracer, spans: RecordedSpans) -> None:
    async with channel_to(serving(Echo(), tracer)) as channel:
        reply = await EchoStub(channel).unary(StringValue(value="hello"))
    assert reply.value == "hello"
    span = spans.one(UNARY)
    assert span.kind is Kind.SERVER
    assert span.parent is None
    assert span.error is None
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": UNARY,
        "rpc.status_code": "OK",
        "failsoft.tenant.id": "default",
        "failsoft.request.id": f"{span.context.trace_id:032x}",
    }


async def test_a_servicer_knows_its_call(tracer: Tracer) -> None:
    seen: list[call.Call] = []

    async def look(request: StringValue, context: object) -> StringValue:
        seen.append(call.current())
        assert current_span() is call.current().span
        return request

    metadata = outgoing_metadata(
        span=SpanContext(trace_id=7, span_id=9, sampled=True, state="vendor=value"),
        request_id="my-id",
        attempt_id="walk/1/2",
        depth=3,
    )
    async with channel_to(serving(Echo(unary=look), tracer)) as channel:
        stub = EchoStub(channel)
        await stub.unary(StringValue(), metadata=metadata, timeout=60.0)
        await stub.unary(StringValue())
    full, bare = seen
    assert full.method == UNARY
    assert full.principal.tenant == "default"
    assert full.request_id == "my-id"
    assert full.attempt_id == "walk/1/2"
    assert full.depth == 3
    assert full.span.context.trace_id == 7
    assert full.span.context.state == "vendor=value"
    assert 0.0 < full.deadline.left(SystemClock().now()) <= 60.0
    assert bare.deadline.at == math.inf
    assert bare.attempt_id is None
    assert bare.depth == 0
    assert bare.request_id == bare.span.context.trace_hex


async def test_there_is_no_call_outside_of_one() -> None:
    with pytest.raises(LookupError):
        call.current()
    assert call.depth() == 0


@pytest.mark.parametrize("garbage", ["", "-1", "1.5", "many", "12345"])
async def test_a_depth_that_is_none_is_the_first(tracer: Tracer, garbage: str) -> None:
    seen: list[int] = []

    async def look(request: StringValue, context: object) -> StringValue:
        seen.append(call.depth())
        return request

    async with channel_to(serving(Echo(unary=look), tracer)) as channel:
        metadata = (("failsoft-depth", garbage),)
        await EchoStub(channel).unary(StringValue(), metadata=metadata)
    assert seen == [0]


async def test_a_request_id_that_could_do_harm_is_replaced(tracer: Tracer) -> None:
    """It ends up in logs, spans and errors, so it must not be a text of the caller's choice."""
    seen: list[str] = []

    async def look(request: StringValue, context: object) -> StringValue:
        seen.append(call.current().request_id)
        return request

    async with channel_to(serving(Echo(unary=look), tracer)) as channel:
        for harmful in ("", "a b", "x" * 129, "{evil}"):
            metadata = (("x-request-id", harmful),)
            await EchoStub(channel).unary(StringValue(), metadata=metadata)
    assert all(len(request_id) == 32 for request_id in seen)


async def test_an_error_of_ours_keeps_its_details(tracer: Tracer, spans: RecordedSpans) -> None:
    async def refuse(request: StringValue, context: object) -> StringValue:
        raise Overloaded("the queue is full", retry_after=2.5, metadata={"queueLength": "9"})

    metadata = (("x-request-id", "my-id"),)
    remote = from_rpc_error(
        await refusal_of(serving(Echo(unary=refuse), tracer), metadata=metadata)
    )
    assert remote.code is Code.RESOURCE_EXHAUSTED
    assert remote.reason == "OVERLOADED"
    assert remote.message == "the queue is full"
    assert remote.retry_after == 2.5
    assert remote.metadata == {"queueLength": "9"}
    assert remote.request_id == "my-id"
    span = spans.one(UNARY)
    assert span.attributes["rpc.status_code"] == "RESOURCE_EXHAUSTED"
    assert span.attributes["failsoft.reason"] == "OVERLOADED"
    assert span.error is None, "an overload is no fault of the server's code"


async def test_a_service_adds_details_of_its_own(tracer: Tracer) -> None:
    async def refuse(request: StringValue, context: object) -> StringValue:
        raise Overloaded("full")

    plain = serving(Echo(unary=refuse), tracer)
    service = Service(
        name="test",
        listeners=plain.listeners,
        clock=plain.clock,
        telemetry=plain.telemetry,
        health=Health(),
        error_details=lambda error, *, room: [StringValue(value=error.reason)],
    )
    (detail,) = from_rpc_error(await refusal_of(service)).details
    mine = StringValue()
    assert detail.Unpack(mine)
    assert mine.value == "OVERLOADED"


async def test_an_unexpected_error_tells_the_caller_an_id_and_nothing_else(
    tracer: Tracer, spans: RecordedSpans, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(request: StringValue, context: object) -> StringValue:
        try:
            raise ValueError(request.value)
        except ValueError as error:
            raise RuntimeError(f"cannot answer {request.value}") from error

    request = StringValue(value=SECRET).SerializeToString()
    metadata = (("x-request-id", "my-id"),)
    error = await refusal_of(serving(Echo(unary=crash), tracer), request, metadata=metadata)
    remote = from_rpc_error(error)
    assert remote.code is Code.INTERNAL
    assert remote.reason == "INTERNAL"
    assert remote.request_id == "my-id"
    assert SECRET not in str(error)
    span = spans.one(UNARY)
    assert span.error == "RuntimeError"
    assert SECRET not in str(span)
    logged = capsys.readouterr()
    assert SECRET not in logged.out + logged.err


@pytest.mark.parametrize("body", [b"\x0a\x02\xff\xfe", b"\xff", b"\x0a\x7f"])
async def test_a_body_that_cannot_be_read_is_the_callers_fault(
    tracer: Tracer, spans: RecordedSpans, body: bytes
) -> None:
    """Invalid UTF-8 in a string, no protobuf at all, and a field that is cut."""
    remote = from_rpc_error(await refusal_of(serving(Echo(), tracer), body))
    assert remote.code is Code.INVALID_ARGUMENT
    assert remote.reason == "INVALID_REQUEST"
    assert "google.protobuf.StringValue" in remote.message
    assert spans.one(UNARY).attributes["rpc.status_code"] == "INVALID_ARGUMENT"


async def test_a_body_of_nine_mebibytes_is_refused(tracer: Tracer) -> None:
    request = StringValue(value="x" * 9 * 1024 * 1024).SerializeToString()
    error = await refusal_of(serving(Echo(), tracer), request)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in (error.details() or "")


async def test_a_body_of_seven_mebibytes_is_taken(tracer: Tracer) -> None:
    async with channel_to(serving(Echo(), tracer)) as channel:
        reply = await EchoStub(channel).unary(StringValue(value="x" * 7 * 1024 * 1024))
    assert len(reply.value) == 7 * 1024 * 1024


async def test_a_servicer_that_answers_with_nothing_is_a_crash(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    async def forget(request: StringValue, context: object) -> Any:
        return None

    error = await refusal_of(serving(Echo(unary=forget), tracer))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert spans.one(UNARY).error == "TypeError"


async def test_a_servicer_may_still_abort_by_itself(tracer: Tracer, spans: RecordedSpans) -> None:
    async def abort(request: StringValue, context: Any) -> StringValue:
        await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        return request

    error = await refusal_of(serving(Echo(unary=abort), tracer))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "not here"
    assert spans.one(UNARY).attributes["rpc.status_code"] == "NOT_FOUND"


async def test_calls_beyond_the_bound_are_refused_with_a_hint_until_one_ends(
    tracer: Tracer,
) -> None:
    """Without a bound an overload grows until the process dies, and with it every running call."""
    arrived, release = asyncio.Semaphore(0), asyncio.Event()

    async def wait(request: StringValue, context: object) -> StringValue:
        arrived.release()
        await release.wait()
        return request

    service = serving(Echo(unary=wait), tracer)
    service = replace(service, listeners=[replace(service.listeners[0], max_calls=2)])
    async with channel_to(service) as channel:
        stub = EchoStub(channel)
        running = [stub.unary(StringValue()) for _ in range(2)]
        await arrived.acquire()
        await arrived.acquire()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.unary(StringValue())
        health: Any = health_pb2_grpc.HealthStub(channel)
        healthy = await health.Check(health_pb2.HealthCheckRequest())
        release.set()
        await asyncio.gather(*running)
        await stub.unary(StringValue())

    error = from_rpc_error(refused.value)
    assert (error.code, error.reason) == (Code.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert error.retry_after == 1.0
    assert number(service.telemetry.meter, CALLS_REFUSED) == 1
    assert healthy.status == health_pb2.HealthCheckResponse.SERVING
