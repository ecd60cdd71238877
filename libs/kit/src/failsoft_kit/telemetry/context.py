"""Which span a piece of work belongs to, and how that travels: W3C `traceparent`."""

import re
from typing import NamedTuple

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<rest>-.*)?"
)
_SAMPLED = 0x01


class SpanContext(NamedTuple):
    """Names one span of one trace. A tuple, because every span needs a new one.

    `trace_id` has 128 bits, `span_id` 64; neither is ever 0.
    `sampled` says that somebody keeps records of this trace, not that we do.
    """

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def trace_hex(self) -> str:
        """The trace's id as people and other systems write it: 32 digits."""
        return f"{self.trace_id:032x}"


def parse_traceparent(header: str) -> SpanContext | None:
    """Read a `traceparent` header as strictly as W3C's recommendation says.

    None if anything is wrong with it: the caller then starts a trace of its own.
    Of a version after 00 only the part that 00 defines is read.
    """
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version = match["version"]
    if version == "ff" or (version == "00" and match["rest"] is not None):
        return None
    trace_id, span_id = int(match["trace"], 16), int(match["span"], 16)
    if trace_id == 0 or span_id == 0:
        return None
    return SpanContext(trace_id, span_id, bool(int(match["flags"], 16) & _SAMPLED))


def format_traceparent(context: SpanContext) -> str:
    """The `traceparent` header that makes what follows a child of `context`."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.sampled:02x}"
