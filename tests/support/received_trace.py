"""One trace of those that a collector has got, as a text tree and span by span."""

import queue
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from span_collector import Collector

_PATIENCE_SECONDS = 30.0
"""Spans are sent about once a second, by machines that have other things to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Its spans, in the order of their starts."""

    spans: Sequence[Span]

    @property
    def tree(self) -> list[str]:
        """A line for each span, indented below its parent: kind, name, and what was wrong."""
        known = {span.span_id for span in self.spans}
        tops = [span for span in self.spans if span.parent_span_id not in known]
        return [line for top in tops for line in self._lines(top, depth=0)]

    def one(self, name: str) -> Span:
        """The one span of that name."""
        [span] = [span for span in self.spans if span.name == name]
        return span

    def attributes(self, name: str) -> dict[str, object]:
        """Those of the one span of that name."""
        return {each.key: _value(each.value) for each in self.one(name).attributes}

    def _lines(self, span: Span, *, depth: int) -> Iterator[str]:
        failed = span.status.code == span.status.STATUS_CODE_ERROR
        wrong = {each.key: each.value.string_value for each in span.attributes}.get("error.type")
        kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        yield f"{'  ' * depth}{kind} {span.name}{f' ERROR {wrong}' if failed else ''}"
        for below in self.spans:
            if below.parent_span_id == span.span_id:
                yield from self._lines(below, depth=depth + 1)


def received_trace(collector: Collector, trace_id: int, *, names: Collection[str]) -> Trace:
    """That trace, once it has a span of each name; others that come meanwhile are thrown away.

    Fails the test when one of them never comes.
    """
    spans: list[Span] = []
    while not set(names) <= {span.name for span in spans}:
        try:
            span = collector.received.get(timeout=_PATIENCE_SECONDS)
        except queue.Empty:
            pytest.fail(f"of this trace came only {sorted(span.name for span in spans)}")
        if int.from_bytes(span.trace_id) == trace_id:
            spans.append(span)
    return Trace(spans=sorted(spans, key=lambda span: span.start_time_unix_nano))


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(each) for each in value.array_value.values)
    return None if kind is None else getattr(value, kind)
