"""Spans say who did what for how long and how it ended, and never what was asked."""

import asyncio

import pytest

from failsoft_kit.telemetry import Kind, SpanContext, Tracer, current_span
from failsoft_kit.testing.spans import Event, Link, RecordedSpans
from failsoft_model.errors import Overloaded


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.wall = 1_800_000_000.0

    def now(self) -> float:
        return self.monotonic

    def unix(self) -> float:
        return self.wall

    def advance(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def spans() -> RecordedSpans:
    return RecordedSpans()


@pytest.fixture
def tracer(clock: HandClock, spans: RecordedSpans) -> Tracer:
    return Tracer(clock=clock, sink=spans)


def test_a_span_keeps_what_it_was_told(
    tracer: Tracer, spans: RecordedSpans, clock: HandClock
) -> None:
    before = tracer.start("before")
    before.end()
    span = tracer.start("work", kind=Kind.CLIENT, attributes={"a": 1})
    span.set("b", True)
    span.set("a", 2)
    span.event("retry", {"n": 1})
    span.link(before.context, {"why": "failed"})
    clock.advance(2.5)
    span.end()

    kept = spans.one("work")
    assert kept.kind is Kind.CLIENT
    assert kept.attributes == {"a": 2, "b": True}
    assert kept.events == (Event(name="retry", attributes={"n": 1}),)
    assert kept.links == (Link(to="before", attributes={"why": "failed"}),)
    assert kept.duration == 2.5
    assert kept.error is None


def test_a_span_is_a_child_of_the_active_one(tracer: Tracer, spans: RecordedSpans) -> None:
    with tracer.start("outer") as outer, outer.active():
        tracer.start("inner").end()
    tracer.start("later").end()

    inner = spans.one("inner")
    assert inner.parent == "outer"
    assert inner.context.trace_id == spans.one("outer").context.trace_id
    assert spans.one("later").parent is None
    assert current_span() is None


def test_a_parent_from_elsewhere_is_followed(tracer: Tracer, spans: RecordedSpans) -> None:
    remote = SpanContext(trace_id=7, span_id=9, sampled=True)
    span = tracer.start("work", parent=remote)
    span.end()
    assert span.context.trace_id == 7
    assert span.parent_id == 9


def test_what_the_parent_does_not_sample_is_not_recorded(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    span = tracer.start("work", parent=SpanContext(trace_id=7, span_id=9, sampled=False))
    assert not span.recording
    span.set("a", 1)
    span.event("b")
    span.link(SpanContext(1, 1, sampled=True))
    span.fail("c")
    span.end()
    assert spans.all() == ()


def test_without_a_sink_a_span_still_has_a_trace_to_name(clock: HandClock) -> None:
    tracer = Tracer(clock=clock)
    span = tracer.start("work")
    assert span.context.trace_id != 0
    assert not span.context.sampled
    assert not span.recording
    assert tracer.start("other").context.trace_id != span.context.trace_id


def test_without_a_sink_the_parents_sampling_is_handed_on(clock: HandClock) -> None:
    """Otherwise a service without a collector would cut the traces of those behind it."""
    parent = SpanContext(trace_id=7, span_id=9, sampled=True)
    assert Tracer(clock=clock).start("work", parent=parent).context.sampled


def test_an_unexpected_exception_is_an_error_without_its_text(
    tracer: Tracer, spans: RecordedSpans
) -> None:
    with pytest.raises(ValueError), tracer.start("work"):
        raise ValueError("what the user asked")
    kept = spans.one("work")
    assert kept.error == "ValueError"
    assert kept.attributes == {"error.type": "ValueError"}


def test_an_error_of_ours_is_named_by_its_reason(tracer: Tracer, spans: RecordedSpans) -> None:
    with pytest.raises(Overloaded), tracer.start("work"):
        raise Overloaded("full")
    assert spans.one("work").error == "OVERLOADED"


def test_a_failure_that_was_told_is_not_replaced(tracer: Tracer, spans: RecordedSpans) -> None:
    with pytest.raises(ValueError), tracer.start("work") as span:  # noqa: PT012
        span.fail("stall")
        raise ValueError
    assert spans.one("work").error == "stall"


def test_being_cancelled_is_no_error(tracer: Tracer, spans: RecordedSpans) -> None:
    with pytest.raises(asyncio.CancelledError), tracer.start("work"):
        raise asyncio.CancelledError
    kept = spans.one("work")
    assert kept.error is None
    assert kept.attributes == {}


def test_a_span_ends_once(tracer: Tracer, spans: RecordedSpans, clock: HandClock) -> None:
    span = tracer.start("work")
    span.end()
    clock.advance(1.0)
    span.set("late", 1)
    span.end()
    kept = spans.one("work")
    assert kept.duration == 0.0
    assert kept.attributes == {}


def test_a_wall_clock_that_jumps_back_makes_no_negative_duration(
    tracer: Tracer, spans: RecordedSpans, clock: HandClock
) -> None:
    span = tracer.start("work")
    clock.monotonic += 1.0
    clock.wall -= 3600.0
    span.end()
    assert spans.one("work").duration == 1.0


def test_ids_are_never_zero_and_never_shared(tracer: Tracer) -> None:
    contexts = [tracer.start("work").context for _ in range(1000)]
    assert len({context.trace_id for context in contexts}) == 1000
    assert len({context.span_id for context in contexts}) == 1000
    assert all(context.trace_id and context.span_id for context in contexts)


def test_a_reply_names_a_trace_that_somebody_keeps(tracer: Tracer, clock: HandClock) -> None:
    """The id of a trace that nobody keeps leads nowhere."""
    kept = tracer.start("kept")
    kept.end()
    unkept = Tracer(clock=clock).start("unkept")
    of_another = SpanContext(trace_id=0xABC, span_id=7, sampled=True)
    continued = Tracer(clock=clock).start("kept by the caller", parent=of_another)

    assert kept.trace_id == kept.context.trace_hex
    assert unkept.trace_id == ""
    assert continued.trace_id == f"{0xABC:032x}"
