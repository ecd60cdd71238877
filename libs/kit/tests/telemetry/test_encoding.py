"""What leaves is OTLP that any collector reads."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import Attributes, Kind, Span, SpanContext, Tracer
from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.telemetry.span import MOST_EVENTS


class Kept:
    """A sink that keeps the spans themselves."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def record(self, span: Span) -> None:
        self.spans.append(span)


async def encoded(*spans: Span) -> ExportTraceServiceRequest:
    body = (await Encoder({"service.name": "router"}).encode(spans)).request
    return ExportTraceServiceRequest.FromString(body)


async def test_a_span_is_encoded_whole() -> None:
    kept = Kept()
    tracer = Tracer(clock=SystemClock(), sink=kept)
    parent = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)
    attributes: Attributes = {
        "text": "a",
        "yes": True,
        "count": 3,
        "share": 0.5,
        "list": ["a", "b"],
    }
    span = tracer.start("work", kind=Kind.CLIENT, parent=parent, attributes=attributes)
    span.event("happened", {"n": 1})
    span.link(SpanContext(trace_id=5, span_id=6, sampled=True), {"why": "failed"})
    span.fail("stall", "said nothing for 15 s")
    span.end()

    request = await encoded(*kept.spans)

    (of_resource,) = request.resource_spans
    (service,) = of_resource.resource.attributes
    assert (service.key, service.value.string_value) == ("service.name", "router")
    (of_scope,) = of_resource.scope_spans
    (sent,) = of_scope.spans
    assert sent.trace_id == (0xABC).to_bytes(16, "big")
    assert sent.span_id == span.context.span_id.to_bytes(8, "big")
    assert sent.parent_span_id == (0xDEF).to_bytes(8, "big")
    assert sent.name == "work"
    assert sent.kind == trace_pb2.Span.SPAN_KIND_CLIENT
    assert 0 <= sent.end_time_unix_nano - sent.start_time_unix_nano < 10**9
    assert sent.start_time_unix_nano == int(span.start_time * 1e9)
    values = {entry.key: entry.value for entry in sent.attributes}
    assert values["text"].string_value == "a"
    assert values["yes"].bool_value
    assert values["count"].int_value == 3
    assert values["share"].double_value == 0.5
    assert [item.string_value for item in values["list"].array_value.values] == ["a", "b"]
    assert values["error.type"].string_value == "stall"
    (event,) = sent.events
    assert (event.name, event.attributes[0].key) == ("happened", "n")
    assert sent.start_time_unix_nano <= event.time_unix_nano <= sent.end_time_unix_nano
    (link,) = sent.links
    assert (link.trace_id[-1], link.span_id[-1]) == (5, 6)
    assert link.attributes[0].value.string_value == "failed"
    assert sent.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert sent.status.message == "said nothing for 15 s"


async def test_a_first_span_that_went_well_has_no_parent_and_no_status() -> None:
    kept = Kept()
    Tracer(clock=SystemClock(), sink=kept).start("work").end()

    request = await encoded(*kept.spans)

    sent = request.resource_spans[0].scope_spans[0].spans[0]
    assert sent.parent_span_id == b""
    assert sent.status.code == trace_pb2.Status.STATUS_CODE_UNSET


async def test_a_span_keeps_its_first_events_and_says_how_many_it_has_left_out() -> None:
    kept = Kept()
    span = Tracer(clock=SystemClock(), sink=kept).start("work")
    for number in range(MOST_EVENTS + 3):
        span.event("happened", {"n": number})
    span.end()

    request = await encoded(*kept.spans)

    sent = request.resource_spans[0].scope_spans[0].spans[0]
    told = [event.attributes[0].value.int_value for event in sent.events]
    assert told == list(range(MOST_EVENTS))
    assert sent.dropped_events_count == 3


async def test_many_spans_stay_in_order() -> None:
    kept = Kept()
    tracer = Tracer(clock=SystemClock(), sink=kept)
    for number in range(100):
        tracer.start(str(number)).end()

    request = await encoded(*kept.spans)

    sent = request.resource_spans[0].scope_spans[0].spans
    assert [span.name for span in sent] == [str(number) for number in range(100)]


async def test_values_that_are_equal_in_python_keep_their_types() -> None:
    kept = Kept()
    tracer = Tracer(clock=SystemClock(), sink=kept)
    for value in (1, True, 1.0):
        tracer.start("work", attributes={"key": value}).end()

    request = await encoded(*kept.spans)

    sent = request.resource_spans[0].scope_spans[0].spans
    kinds = [span.attributes[0].value.WhichOneof("value") for span in sent]
    assert kinds == ["int_value", "bool_value", "double_value"]


async def test_a_span_that_cannot_be_encoded_leaves_no_half_of_itself() -> None:
    kept = Kept()
    tracer = Tracer(clock=SystemClock(), sink=kept)
    tracer.start("before").end()
    bad = tracer.start("bad")
    bad.event("with half a surrogate pair", {"key": "\ud83d"})
    bad.end()
    tracer.start("after").end()

    made = await Encoder({"service.name": "test"}).encode(kept.spans)

    request = ExportTraceServiceRequest.FromString(made.request)
    sent = request.resource_spans[0].scope_spans[0].spans
    assert [span.name for span in sent] == ["before", "after"]
    assert made.unencodable == (bad,)
