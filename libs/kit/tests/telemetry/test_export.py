"""Spans and metrics reach a collector over real sockets, as the standard environment says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.status import trailing_metadata
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Telemetry, telemetry_from
from failsoft_kit.telemetry.export import ExportFailed, Unwanted
from failsoft_kit.telemetry.otlp_grpc import GrpcExporter, Signal
from failsoft_kit.telemetry.otlp_http import HttpExporter
from failsoft_kit.telemetry.process_metrics import SPANS_DROPPED
from failsoft_kit.testing.metrics import number

pytestmark = pytest.mark.integration


def retry_hint(code: grpc.StatusCode, after: float | None) -> tuple[tuple[str, bytes], ...]:
    """Metadata that says when to come back, as a collector does."""
    if after is None:
        return ()
    status = status_pb2.Status(code=code.value[0])
    hint = error_details_pb2.RetryInfo()
    hint.retry_delay.FromMilliseconds(round(after * 1000))
    status.details.add().Pack(hint)
    return trailing_metadata(status)


def spans_refused(number: int) -> ExportTraceServiceResponse:
    """What a collector answers that took the others."""
    reply = ExportTraceServiceResponse()
    reply.partial_success.rejected_spans = number
    return reply


class GrpcCollector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the requests and the metadata that they came with."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.metadata: dict[str, str | bytes] = {}
        self.refusal: grpc.StatusCode | None = None
        self.after: float | None = None
        self.reply = ExportTraceServiceResponse()

    async def Export(  # noqa: N802 - the name is the contract's
        self,
        request: ExportTraceServiceRequest,
        context: grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse],
    ) -> ExportTraceServiceResponse:
        if self.refusal is not None:
            hint = retry_hint(self.refusal, self.after)
            await context.abort(self.refusal, trailing_metadata=hint)
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata() or ())
        return self.reply

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = grpc.aio.server()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield port
        finally:
            await server.stop(None)


@asynccontextmanager
async def listening(
    answer: Callable[[asyncio.StreamReader], Awaitable[bytes]],
) -> AsyncIterator[int]:
    """A TCP server that reads and answers so; gives its port, waits for its connections' ends."""
    connections: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = asyncio.get_running_loop().create_future()
        connections.append(over)
        writer.write(await answer(reader))
        writer.close()
        await writer.wait_closed()
        over.set_result(None)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*connections)


class HttpCollector:
    """Keeps what was posted; answers every request alike."""

    def __init__(self, status: int = 200, *, header: str = "", reply: bytes = b"") -> None:
        self.status = status
        self.header = f"{header}\r\n" if header else ""
        self.reply = reply
        self.head = ""
        self.body = b""

    async def answer(self, reader: asyncio.StreamReader) -> bytes:
        self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.partition(":")[2])
            for line in self.head.splitlines()
            if line.startswith("Content-Length:")
        )
        self.body = await reader.readexactly(length)
        head = f"{self.header}Content-Length: {len(self.reply)}\r\n"
        return f"HTTP/1.1 {self.status} X\r\n{head}\r\n".encode() + self.reply


def telemetry(environ: Mapping[str, str]) -> Telemetry:
    return telemetry_from(environ, service="router", clock=SystemClock())


async def export_one(environ: Mapping[str, str]) -> None:
    built = telemetry(environ)
    built.tracer.start("work").end()
    assert built.recorder is not None
    await built.recorder.close(within=5.0)


async def test_grpc_is_the_default() -> None:
    collector = GrpcCollector()
    async with collector.listening() as port:
        await export_one(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=a%20b",
                "OTEL_SERVICE_NAME": "my-router",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,team=a%2Cb",
            }
        )
    (request,) = collector.requests
    (of_resource,) = request.resource_spans
    assert of_resource.scope_spans[0].spans[0].name == "work"
    told = {entry.key: entry.value.string_value for entry in of_resource.resource.attributes}
    assert told.pop("service.instance.id")
    assert told.pop("service.version")
    assert told == {
        "service.name": "my-router",
        "deployment.environment.name": "prod",
        "team": "a,b",
    }
    assert collector.metadata["x-key"] == "a b"


async def test_http_posts_protobuf_to_the_usual_path() -> None:
    collector = HttpCollector()
    async with listening(collector.answer) as port:
        await export_one(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}/",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
            }
        )
    assert collector.head.startswith("POST /v1/traces HTTP/1.1\r\n")
    assert "\r\nContent-Type: application/x-protobuf\r\n" in collector.head
    assert "\r\nx-key: secret\r\n" in collector.head
    request = ExportTraceServiceRequest.FromString(collector.body)
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "work"


async def test_metrics_go_where_spans_go() -> None:
    collector = HttpCollector()
    async with listening(collector.answer) as port:
        built = telemetry(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            }
        )
        assert built.push is not None
        await built.push.close(within=5.0)
    assert collector.head.startswith("POST /v1/metrics HTTP/1.1\r\n")
    [of_resource] = ExportMetricsServiceRequest.FromString(collector.body).resource_metrics
    told = {entry.key: entry.value.string_value for entry in of_resource.resource.attributes}
    assert told["service.name"] == "router"
    metrics = {metric.name for metric in of_resource.scope_metrics[0].metrics}
    assert metrics == {"failsoft.build.info", "failsoft.telemetry.spans.dropped"}


async def test_an_endpoint_for_metrics_is_taken_as_it_is() -> None:
    collector = HttpCollector()
    async with listening(collector.answer) as port:
        built = telemetry(
            {
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://127.0.0.1:{port}/my/metrics",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            }
        )
        assert built.recorder is None
        assert built.push is not None
        await built.push.close(within=5.0)
    assert collector.head.startswith("POST /my/metrics HTTP/1.1\r\n")


async def test_a_collector_that_takes_no_metrics_gets_spans_alone() -> None:
    built = telemetry(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
        }
    )
    assert built.recorder is not None
    assert built.push is None


async def test_a_lost_span_is_counted_where_metrics_are_read() -> None:
    built = telemetry(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
    )
    assert built.recorder is not None
    for _ in range(8192 + 3):
        built.tracer.start("work").end()
    assert number(built.meter, SPANS_DROPPED) == 3


async def test_an_endpoint_for_traces_is_taken_as_it_is() -> None:
    collector = HttpCollector()
    async with listening(collector.answer) as port:
        await export_one(
            {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{port}/my/traces?a=b",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            }
        )
    assert collector.head.startswith("POST /my/traces?a=b HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("code", "after", "again"),
    [
        (grpc.StatusCode.UNAVAILABLE, None, True),
        (grpc.StatusCode.UNAVAILABLE, 2.5, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 2.5, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, None, False),
        (grpc.StatusCode.INVALID_ARGUMENT, None, False),
        (grpc.StatusCode.UNIMPLEMENTED, None, False),
    ],
)
async def test_a_grpc_collector_says_whether_and_when_to_come_back(
    code: grpc.StatusCode, after: float | None, again: bool
) -> None:
    collector = GrpcCollector()
    collector.refusal, collector.after = code, after
    async with collector.listening() as port:
        exporter = GrpcExporter(f"http://127.0.0.1:{port}", headers={}, timeout=5.0)
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(b"")
        await exporter.close()
    assert failed.value.again is again
    assert failed.value.after == after


async def test_a_grpc_collector_without_a_service_for_metrics_does_not_want_them() -> None:
    async with GrpcCollector().listening() as port:
        url = f"http://127.0.0.1:{port}"
        exporter = GrpcExporter(url, headers={}, timeout=5.0, signal=Signal.METRICS)
        with pytest.raises(Unwanted):
            await exporter.export(b"")
        await exporter.close()


async def test_a_grpc_collector_says_how_many_spans_it_refused() -> None:
    collector = GrpcCollector()
    collector.reply = spans_refused(3)
    async with collector.listening() as port:
        exporter = GrpcExporter(f"http://127.0.0.1:{port}", headers={}, timeout=5.0)
        assert await exporter.export(b"") == 3
        await exporter.close()


@pytest.mark.parametrize("headers", [{"k": "ü"}, {"k": "a\nb"}, {"no key": "v"}, {"k-bin": "v"}])
async def test_a_header_that_grpc_cannot_send_costs_spans_and_not_the_service(
    headers: Mapping[str, str],
) -> None:
    """They come from `OTEL_EXPORTER_OTLP_HEADERS`; what gRPC raised for them ended the process."""
    exporter = GrpcExporter("http://127.0.0.1:1", headers=headers, timeout=5.0)
    try:
        with pytest.raises(ExportFailed) as failure:
            await exporter.export(b"")
    finally:
        await exporter.close()

    assert not failure.value.again


@pytest.mark.parametrize(
    ("status", "header", "again", "after"),
    [
        (503, "", True, None),
        (503, "Retry-After: 7", True, 7.0),
        (429, "retry-after:7", True, 7.0),
        (503, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT", True, None),
        (400, "", False, None),
        (404, "", False, None),
    ],
)
async def test_an_http_collector_says_whether_and_when_to_come_back(
    status: int, header: str, again: bool, after: float | None
) -> None:
    collector = HttpCollector(status, header=header)
    async with listening(collector.answer) as port:
        exporter = HttpExporter(f"http://127.0.0.1:{port}/v1/traces", headers={}, timeout=5.0)
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(b"")
    assert failed.value.again is again
    assert failed.value.after == after


async def test_an_http_collector_without_a_path_for_metrics_does_not_want_them() -> None:
    async with listening(HttpCollector(404).answer) as port:
        exporter = HttpExporter(f"http://127.0.0.1:{port}/v1/metrics", headers={}, timeout=5.0)
        with pytest.raises(Unwanted):
            await exporter.export(b"")


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        (spans_refused(3), 3),
        (
            ExportMetricsServiceResponse(
                partial_success=ExportMetricsPartialSuccess(rejected_data_points=3)
            ),
            3,
        ),
        (spans_refused(-3), 0),
        (ExportTraceServiceResponse(), 0),
        (b"no protobuf", 0),
    ],
    ids=["spans", "points", "less than none", "none", "no reply of a collector"],
)
async def test_an_http_collector_says_how_much_it_refused(
    reply: Message | bytes, refused: int
) -> None:
    body = reply if isinstance(reply, bytes) else reply.SerializeToString()
    async with listening(HttpCollector(reply=body).answer) as port:
        exporter = HttpExporter(f"http://127.0.0.1:{port}/v1/traces", headers={}, timeout=5.0)
        assert await exporter.export(b"") == refused


async def test_a_hanging_http_collector_costs_its_timeout() -> None:
    async def say_nothing(reader: asyncio.StreamReader) -> bytes:
        return await reader.read() and b""

    async with listening(say_nothing) as port:
        exporter = HttpExporter(f"http://127.0.0.1:{port}/v1/traces", headers={}, timeout=0.05)
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(b"")
    assert failed.value.again


@pytest.mark.parametrize("answer", [b"", b"\r\n", b"hello\r\n", b"HTTP/1.1 ok\r\n"])
async def test_what_is_no_http_answer_is_a_failure(answer: bytes) -> None:
    async def answer_so(reader: asyncio.StreamReader) -> bytes:
        await reader.readuntil(b"\r\n\r\n")
        return answer

    async with listening(answer_so) as port:
        exporter = HttpExporter(f"http://127.0.0.1:{port}/v1/traces", headers={}, timeout=5.0)
        with pytest.raises(ExportFailed):
            await exporter.export(b"")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
async def test_without_an_endpoint_nothing_is_recorded(environ: Mapping[str, str]) -> None:
    built = telemetry(environ)
    assert built.recorder is None
    assert built.push is None
    assert not built.tracer.start("work").recording


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:99999"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://local host:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:secret@localhost:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "localhost:4317"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team"),
    ],
)
async def test_a_variable_that_says_nonsense_is_named(variable: str, value: str) -> None:
    with pytest.raises(StartupError) as refused:
        telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", variable: value})
    assert variable in str(refused.value)
    assert "secret" not in str(refused.value)
