"""A trace is written as a tree that reads the same each time."""

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import Kind, Tracer
from failsoft_kit.testing.span_tree import TreeText
from failsoft_kit.testing.spans import RecordedSpans


def test_a_tree_tells_everything_but_ids_and_times() -> None:
    spans = RecordedSpans()
    tracer = Tracer(clock=SystemClock(), sink=spans)
    with tracer.start("call", kind=Kind.SERVER) as call:
        with tracer.start("first", parent=call, attributes={"place": 1}) as first:
            first.event("spoke", {"seconds": 0.25})
            first.fail("stall")
        with tracer.start("second", parent=call) as second:
            second.link(first.context, {"why": "first failed"})
            second.set("reasons", ("a", "b"))
            second.set("late", value=True)

    assert TreeText().write(spans.tree()) == (
        "1 SERVER call\n"
        "  2 INTERNAL first ERROR\n"
        "      error.type=stall  place=1\n"
        "      event spoke  seconds=0.25\n"
        "  3 INTERNAL second\n"
        "      late=true  reasons=a,b\n"
        "      link to 2  why=first failed\n"
    )


def test_a_span_whose_parent_has_not_ended_is_marked() -> None:
    spans = RecordedSpans()
    tracer = Tracer(clock=SystemClock(), sink=spans)
    above = tracer.start("above")
    below = tracer.start("below", parent=above)
    below.link(above.context)
    below.end()

    assert TreeText().write(spans.tree()) == "1 INTERNAL below ORPHAN\n    link to nowhere\n"


def test_what_differs_each_time_can_be_masked_or_left_out() -> None:
    spans = RecordedSpans()
    tracer = Tracer(clock=SystemClock(), sink=spans)
    tracer.start("call", attributes={"id": "4711", "seconds": 0.123, "status": 200}).end()

    text = TreeText(hidden={"id"}, masked={"seconds"}).write(spans.tree())

    assert text == "1 INTERNAL call\n    seconds=*  status=200\n"
