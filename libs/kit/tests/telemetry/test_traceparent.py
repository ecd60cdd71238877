"""Trace context travels as W3C wrote it down, and nothing that only looks like it is believed."""

import pytest

from failsoft_kit.telemetry import SpanContext, format_traceparent, parse_traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def test_a_sampled_parent_is_read() -> None:
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert context == SpanContext(int(TRACE, 16), int(SPAN, 16), sampled=True)


def test_only_the_lowest_flag_says_sampled() -> None:
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-fe")
    assert context is not None
    assert not context.sampled


def test_what_is_written_can_be_read() -> None:
    context = SpanContext(trace_id=1, span_id=2, sampled=True)
    assert parse_traceparent(format_traceparent(context)) == context


def test_a_later_version_may_say_more() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01 ",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
        f"00-{TRACE}0-{SPAN}-01",
    ],
)
def test_anything_else_is_no_parent(header: str) -> None:
    assert parse_traceparent(header) is None
