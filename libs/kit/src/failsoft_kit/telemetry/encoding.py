"""Spans as OTLP protobuf, written without the OpenTelemetry SDK's intermediate objects."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Attributes, Kind, Span, Value

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
_SCOPE = "failsoft"
_SPANS_PER_TURN = 32
_KEPT_ATTRIBUTES = 2048
_SCALARS = (str, bool, int, float)
_NANOSECONDS = 1_000_000_000
_SAMPLED_FLAG = 0x01
_KINDS = {
    Kind.INTERNAL: trace_pb2.Span.SPAN_KIND_INTERNAL,
    Kind.SERVER: trace_pb2.Span.SPAN_KIND_SERVER,
    Kind.CLIENT: trace_pb2.Span.SPAN_KIND_CLIENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A batch for a collector."""

    request: bytes
    """A serialized `ExportTraceServiceRequest`."""
    unencodable: tuple[Span, ...]
    """Spans that are not in it, because OTLP has no way to say what they hold."""


class Encoder:
    """Encodes spans of one process.

    Most attributes say the same again and again, and to build one costs as much as to
    copy ten, so the latest ones are kept.

    Args:
        resource: What the process is: `service.name` and the like.
    """

    def __init__(self, resource: Mapping[str, str]) -> None:
        self._attribute = lru_cache(maxsize=_KEPT_ATTRIBUTES, typed=True)(_attribute)
        self._resource = Resource(attributes=self._attributes(resource))

    async def encode(self, spans: Sequence[Span]) -> Encoded:
        """One request of all spans that can be encoded; lets the loop turn in between."""
        request = ExportTraceServiceRequest()
        of_resource = request.resource_spans.add(resource=self._resource, schema_url=SCHEMA_URL)
        of_scope = of_resource.scope_spans.add(
            scope=InstrumentationScope(name=_SCOPE), schema_url=SCHEMA_URL
        )
        unencodable: list[Span] = []
        for start in range(0, len(spans), _SPANS_PER_TURN):
            for span in spans[start : start + _SPANS_PER_TURN]:
                try:
                    of_scope.spans.append(self._span(span))
                except Exception:
                    unencodable.append(span)
            await asyncio.sleep(0)
        return Encoded(request=request.SerializeToString(), unencodable=tuple(unencodable))

    def _span(self, span: Span) -> trace_pb2.Span:
        encoded = trace_pb2.Span(
            trace_id=span.context.trace_id.to_bytes(16, "big"),
            span_id=span.context.span_id.to_bytes(8, "big"),
            parent_span_id=span.parent_id.to_bytes(8, "big") if span.parent_id else b"",
            flags=_SAMPLED_FLAG,
            name=span.name,
            kind=_KINDS[span.kind],
            start_time_unix_nano=_nanoseconds(span.start_time),
            end_time_unix_nano=_nanoseconds(span.end_time),
            attributes=self._attributes(span.attributes),
        )
        if span.events is not None:
            encoded.events.extend(self._event(*event) for event in span.events)
        if span.links is not None:
            encoded.links.extend(self._link(*link) for link in span.links)
        if span.error_type is not None:
            encoded.status.code = trace_pb2.Status.STATUS_CODE_ERROR
            encoded.status.message = span.description
        return encoded

    def _event(self, name: str, at: float, attributes: Attributes) -> trace_pb2.Span.Event:
        return trace_pb2.Span.Event(
            name=name, time_unix_nano=_nanoseconds(at), attributes=self._attributes(attributes)
        )

    def _link(self, context: SpanContext, attributes: Attributes) -> trace_pb2.Span.Link:
        return trace_pb2.Span.Link(
            trace_id=context.trace_id.to_bytes(16, "big"),
            span_id=context.span_id.to_bytes(8, "big"),
            flags=_SAMPLED_FLAG if context.sampled else 0,
            attributes=self._attributes(attributes),
        )

    def _attributes(self, attributes: Attributes) -> list[KeyValue]:
        return [
            self._attribute(key, value if isinstance(value, _SCALARS) else tuple(value))
            for key, value in attributes.items()
        ]


def _attribute(key: str, value: Value) -> KeyValue:
    return KeyValue(key=key, value=_value(value))


def _value(value: Value) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            items = [AnyValue(string_value=item) for item in value]
            return AnyValue(array_value=ArrayValue(values=items))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
