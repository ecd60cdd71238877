"""Spans as a collector gets them, for trees that are compared as text."""

import asyncio
import queue
from collections.abc import Callable, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from span_collector import Collector

from failsoft_kit.telemetry.span import Attributes, Value
from failsoft_kit.testing.span_tree import TreeSpan

_NANOSECONDS = 1e9


def otlp_span(span: Span) -> TreeSpan:
    """What a collector has got."""
    return TreeSpan(
        span_id=_id(span.span_id),
        parent_id=_id(span.parent_span_id),
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        is_error=span.status.code == Status.STATUS_CODE_ERROR,
        started=span.start_time_unix_nano / _NANOSECONDS,
        ended=span.end_time_unix_nano / _NANOSECONDS,
        attributes=_attributes(span.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        links=[(_id(link.span_id), _attributes(link.attributes)) for link in span.links],
    )


class ReceivedTraces:
    """The traces that a collector has got so far."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._spans: dict[int, list[TreeSpan]] = {}

    def of(self, trace_id: int) -> Sequence[TreeSpan]:
        """The spans of one, in the order of their coming."""
        return self._spans.get(trace_id, ())

    async def settle(self, is_whole: Callable[[], bool], *, within: float) -> None:
        """Take spans until all is there, or none has come for so many seconds."""
        while not is_whole():
            try:
                span = await asyncio.to_thread(self._collector.received.get, timeout=within)
            except queue.Empty:
                return
            self._spans.setdefault(_id(span.trace_id), []).append(otlp_span(span))


def _id(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _attributes(pairs: Sequence[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case _:
            return tuple(each.string_value for each in value.array_value.values)
