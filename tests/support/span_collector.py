"""A collector of OpenTelemetry's spans and metrics, which keeps what it gets."""

import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as otlp_metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from failsoft_kit.telemetry import MetricName, NameRegistry, UnregisteredName

_TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
_METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"


@dataclass(slots=True, kw_only=True)
class Collector:
    """Where spans and metrics are sent over gRPC."""

    endpoint: str = ""
    received: queue.Queue[Span] = field(default_factory=queue.Queue)
    measured: queue.Queue[dict[str, Metric]] = field(default_factory=queue.Queue)
    """Batches of metrics, each by name."""
    batches: list[bytes] = field(default_factory=list)
    """Every batch as it came."""

    def export(
        self, request: otlp.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> otlp.ExportTraceServiceResponse:
        """Keep every span of a batch."""
        self.batches.append(request.SerializeToString())
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.received.put(span)
        return otlp.ExportTraceServiceResponse()

    def export_metrics(
        self, request: otlp_metrics.ExportMetricsServiceRequest, _context: grpc.ServicerContext
    ) -> otlp_metrics.ExportMetricsServiceResponse:
        """Keep a batch."""
        self.batches.append(request.SerializeToString())
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self.measured.put({metric.name: metric for metric in scope.metrics})
        return otlp_metrics.ExportMetricsServiceResponse()

    def heard(self, names: NameRegistry) -> "Heard":
        """What it got up to now, held against a strict registry; takes it all."""
        heard = Heard()
        while not self.received.empty():
            heard.take_span(self.received.get(), names)
        metrics = {each.name: each for each in names.names() if isinstance(each, MetricName)}
        while not self.measured.empty():
            for metric in self.measured.get().values():
                heard.take_metric(metric, metrics.get(metric.name))
        return heard


@dataclass(slots=True, kw_only=True)
class Heard:
    """The names that were emitted.

    Attributes:
        names: Each with its kind: `span failsoft.walk`.
        refused: What a strict registry refuses, in its words.
    """

    names: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def take_span(self, span: Span, names: NameRegistry) -> None:
        """A span, its events and its links."""
        self.names.add(f"span {span.name}")
        self.names.update(f"event {event.name}" for event in span.events)
        noted = [
            span.attributes,
            *(event.attributes for event in span.events),
            *(link.attributes for link in span.links),
        ]
        keys = {attribute.key for attributes in noted for attribute in attributes}
        self.names.update(f"attribute {key}" for key in keys)
        self.refused.update(_refused_of_span(span, names))

    def take_metric(self, metric: Metric, declared: MetricName | None) -> None:
        """A metric of a batch, and its labels."""
        self.names.add(f"metric {metric.name}")
        numbers = (*metric.sum.data_points, *metric.gauge.data_points)
        labels = [
            *(each.attributes for each in numbers),
            *(each.attributes for each in metric.histogram.data_points),
        ]
        self.names.update(f"attribute {label.key}" for each in labels for label in each)
        if declared is None or declared.unit != metric.unit:
            self.refused.add(f"metric {metric.name!r} in {metric.unit!r}")


def _refused_of_span(span: Span, names: NameRegistry) -> Iterator[str]:
    checks = [partial(names.check_span, span.name)]
    for event in span.events:
        checks += [
            partial(names.check_event, event.name),
            partial(names.check_attributes, _values(event.attributes)),
        ]
    for noted in (span.attributes, *(link.attributes for link in span.links)):
        checks.append(partial(names.check_attributes, _values(noted)))
    for check in checks:
        try:
            check()
        except UnregisteredName as refusal:
            yield f"{refusal} on {span.name!r}"


def _values(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(each) for each in value.array_value.values]
        case kind:
            return getattr(value, str(kind))


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs on threads of its own for as long as the block lasts."""
    collector = Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        collector.export,
        otlp.ExportTraceServiceRequest.FromString,
        otlp.ExportTraceServiceResponse.SerializeToString,
    )
    metrics_handler = grpc.unary_unary_rpc_method_handler(
        collector.export_metrics,
        otlp_metrics.ExportMetricsServiceRequest.FromString,
        otlp_metrics.ExportMetricsServiceResponse.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(_TRACES, {"Export": handler}),
            grpc.method_handlers_generic_handler(_METRICS, {"Export": metrics_handler}),
        )
    )
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=None).wait()
