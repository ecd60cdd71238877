"""Trace context travels as W3C wrote it down, and nothing that only looks like it is believed."""

import pytest

from failsoft_kit.telemetry import (
    SpanContext,
    carrier_of,
    context_of,
    format_traceparent,
    parse_traceparent,
)
from failsoft_kit.telemetry.context import MAX_STATE_CHARACTERS, MAX_STATE_MEMBERS

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


PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "state",
    [
        "vendor=value",
        "one=1,two=2",
        "tenant@system=a/b:c;d",
        "0digit=x",
        ",".join(f"k{number}=v" for number in range(MAX_STATE_MEMBERS)),
        "k=" + "v" * 256,
    ],
)
def test_a_state_goes_on_as_it_came(state: str) -> None:
    context = context_of({"traceparent": PARENT, "tracestate": state})

    assert context is not None
    assert carrier_of(context) == {"traceparent": PARENT, "tracestate": state}


@pytest.mark.parametrize(
    "state", ["one=1 , two=2", "one=1,,two=2", "one=1,\ttwo=2", "\tone=1,two=2\t", " ,one=1,two=2,"]
)
def test_what_http_allows_around_members_is_not_passed_on_to_grpc(state: str) -> None:
    """gRPC refuses a call whose metadata has a tab: a header would cost the caller its answer."""
    context = context_of({"traceparent": PARENT, "tracestate": state})

    assert context is not None
    assert carrier_of(context) == {"traceparent": PARENT, "tracestate": "one=1,two=2"}


@pytest.mark.parametrize(
    "state",
    [
        "",
        ",",
        "no value",
        "Upper=x",
        "key=",
        "key=a=b",
        "key=line\nbreak",
        "key=\u00e9",
        "k=" + "v" * 257,
        ",".join(f"k{number}=v" for number in range(MAX_STATE_MEMBERS + 1)),
        ",".join(f"k{number:03}={'v' * 200}" for number in range(3)),
        b"vendor=value",
    ],
)
def test_a_state_that_is_none_is_left_out_and_its_span_counts(state: str | bytes) -> None:
    context = context_of({"traceparent": PARENT, "tracestate": state})

    assert context == parse_traceparent(PARENT)


def test_the_longest_state_goes_on() -> None:
    state = f"a={'v' * 200},b={'v' * 200},c={'v' * (MAX_STATE_CHARACTERS - 408)}"
    assert len(state) == MAX_STATE_CHARACTERS

    context = context_of({"traceparent": PARENT, "tracestate": state})
    assert context is not None
    assert context.state == state
    assert context_of({"traceparent": PARENT, "tracestate": f"{state}v"}) == context._replace(
        state=""
    )


@pytest.mark.parametrize("carrier", [{}, {"traceparent": "nonsense"}, {"traceparent": b"bytes"}])
def test_a_state_alone_names_no_span(carrier: dict[str, str | bytes]) -> None:
    assert context_of({**carrier, "tracestate": "vendor=value"}) is None
