"""A collector of OpenTelemetry's spans, which keeps what it gets."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass(slots=True, kw_only=True)
class Collector:
    """Where spans are sent over gRPC."""

    endpoint: str = ""
    received: queue.Queue[Span] = field(default_factory=queue.Queue)

    def export(
        self, request: otlp.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> otlp.ExportTraceServiceResponse:
        """Keep every span of a batch."""
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.received.put(span)
        return otlp.ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs on threads of its own for as long as the block lasts."""
    collector = Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        collector.export,
        otlp.ExportTraceServiceRequest.FromString,
        otlp.ExportTraceServiceResponse.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),)
    )
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=None).wait()
