"""Spans as OTLP protobuf, written without the OpenTelemetry SDK's intermediate objects."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from failsoft_kit.telemetry.span import Attributes, Kind, Span, Value

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
SCOPE = "failsoft"
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

    Most attributes say the same again and again, so the latest ones are kept, as bytes:
    to read those into a span costs a fraction of copying the attribute there.

    Args:
        resource: What the process is: `service.name` and the like.
    """

    def __init__(self, resource: Mapping[str, str]) -> None:
        self._attribute = lru_cache(maxsize=_KEPT_ATTRIBUTES, typed=True)(_attribute)
        self._resource = encoded_resource(resource)

    async def encode(self, spans: Sequence[Span]) -> Encoded:
        """One request of all spans that can be encoded; lets the loop turn in between."""
        request = ExportTraceServiceRequest()
        of_resource = request.resource_spans.add(resource=self._resource, schema_url=SCHEMA_URL)
        of_scope = of_resource.scope_spans.add(
            scope=InstrumentationScope(name=SCOPE), schema_url=SCHEMA_URL
        )
        encoded = of_scope.spans
        unencodable: list[Span] = []
        for start in range(0, len(spans), _SPANS_PER_TURN):
            for span in spans[start : start + _SPANS_PER_TURN]:
                whole = len(encoded)
                try:
                    self._add(encoded, span)
                except Exception:
                    del encoded[whole:]
                    unencodable.append(span)
            await asyncio.sleep(0)
        return Encoded(request=request.SerializeToString(), unencodable=tuple(unencodable))

    def _add(self, to: "RepeatedCompositeFieldContainer[trace_pb2.Span]", span: Span) -> None:
        encoded = to.add(
            trace_id=span.context.trace_id.to_bytes(16, "big"),
            span_id=span.context.span_id.to_bytes(8, "big"),
            trace_state=span.context.state,
            parent_span_id=span.parent_id.to_bytes(8, "big") if span.parent_id else b"",
            flags=_SAMPLED_FLAG,
            name=span.name,
            kind=_KINDS[span.kind],
            start_time_unix_nano=nanoseconds(span.start_time),
            end_time_unix_nano=nanoseconds(span.end_time),
        )
        attributes = [
            self._attribute(key, value if isinstance(value, _SCALARS) else tuple(value))
            for key, value in span.attributes.items()
        ]
        encoded.MergeFromString(b"".join(attributes))
        for name, at, noted in span.events or ():
            event = encoded.events.add(name=name, time_unix_nano=nanoseconds(at))
            fill_attributes(event.attributes, noted)
        if span.events_left_out:
            encoded.dropped_events_count = span.events_left_out
        for context, noted in span.links or ():
            link = encoded.links.add(
                trace_id=context.trace_id.to_bytes(16, "big"),
                span_id=context.span_id.to_bytes(8, "big"),
                flags=_SAMPLED_FLAG if context.sampled else 0,
            )
            fill_attributes(link.attributes, noted)
        if span.error_type is not None:
            encoded.status.code = trace_pb2.Status.STATUS_CODE_ERROR
            encoded.status.message = span.description


def encoded_resource(resource: Mapping[str, str]) -> Resource:
    """What the process is."""
    encoded = Resource()
    fill_attributes(encoded.attributes, resource)
    return encoded


def _attribute(key: str, value: Value) -> bytes:
    """A span that is nothing but this attribute, as bytes."""
    span = trace_pb2.Span()
    _fill(span.attributes.add(key=key).value, value)
    return span.SerializeToString()


def fill_attributes(into: "RepeatedCompositeFieldContainer[KeyValue]", given: Attributes) -> None:
    """Add all of them."""
    for key, value in given.items():
        _fill(into.add(key=key).value, value)


def _fill(into: AnyValue, value: Value) -> None:
    match value:
        case str():
            into.string_value = value
        case bool():
            into.bool_value = value
        case int():
            into.int_value = value
        case float():
            into.double_value = value
        case _:
            into.array_value.SetInParent()
            for item in value:
                into.array_value.values.add(string_value=item)


def nanoseconds(seconds: float) -> int:
    """The same time as OTLP writes it."""
    return int(seconds * _NANOSECONDS)
