"""Spans and metrics: making them, naming them, handing them out off the request path."""

from failsoft_kit.telemetry.cells import Counter, Gauge, Histogram
from failsoft_kit.telemetry.context import (
    SpanContext,
    carrier_of,
    context_of,
    context_of_entry,
    format_traceparent,
    parse_traceparent,
)
from failsoft_kit.telemetry.family import Family
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.names import (
    AttributeName,
    EventName,
    MetricName,
    MetricType,
    Name,
    NameRegistry,
    SpanName,
    UnregisteredName,
    ValueType,
)
from failsoft_kit.telemetry.recorder import Recorder
from failsoft_kit.telemetry.sampler import Sampler
from failsoft_kit.telemetry.setup import Telemetry, telemetry_from
from failsoft_kit.telemetry.span import (
    Attributes,
    Kind,
    Sink,
    Span,
    Value,
    activate,
    current_context,
    current_span,
    error_type_of,
)
from failsoft_kit.telemetry.tracer import Tracer

__all__ = [
    "AttributeName",
    "Attributes",
    "Counter",
    "EventName",
    "Family",
    "Gauge",
    "Histogram",
    "Kind",
    "Meter",
    "MetricName",
    "MetricType",
    "Name",
    "NameRegistry",
    "Recorder",
    "Sampler",
    "Sink",
    "Span",
    "SpanContext",
    "SpanName",
    "Telemetry",
    "Tracer",
    "UnregisteredName",
    "Value",
    "ValueType",
    "activate",
    "carrier_of",
    "context_of",
    "context_of_entry",
    "current_context",
    "current_span",
    "error_type_of",
    "format_traceparent",
    "parse_traceparent",
    "telemetry_from",
]
