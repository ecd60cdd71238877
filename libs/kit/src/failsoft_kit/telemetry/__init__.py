"""Spans and metrics: making them, naming them, handing them out off the request path."""

from failsoft_kit.telemetry.cells import Counter, Gauge, Histogram
from failsoft_kit.telemetry.context import SpanContext, format_traceparent, parse_traceparent
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
    "current_context",
    "current_span",
    "error_type_of",
    "format_traceparent",
    "parse_traceparent",
    "telemetry_from",
]
