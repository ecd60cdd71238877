"""Which span a piece of work belongs to, and how that travels: W3C Trace Context.

`traceparent` names the span. `tracestate` is what other tracing systems want to find again
downstream; we read nothing of it and pass its members on as they came, to our own services only.
The same two names are HTTP headers, gRPC metadata and fields of a Valkey stream's entry.
Baggage is read from nowhere and passed on to nobody: what our services have to know of a
caller travels by verified identity, not by a header that anybody may write.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

MAX_STATE_CHARACTERS = 512
"""What W3C asks everybody to pass on; a longer state is left out."""
MAX_STATE_MEMBERS = 32

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<rest>-.*)?"
)
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_*/@-]{0,255}"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_SAMPLED = 0x01


class SpanContext(NamedTuple):
    """Names one span of one trace. A tuple, because every span needs a new one.

    `trace_id` has 128 bits, `span_id` 64; neither is ever 0.
    `sampled` says that somebody keeps records of this trace, not that we do.
    `state` is the `tracestate` that the trace came with; empty: none that can be passed on.
    """

    trace_id: int
    span_id: int
    sampled: bool
    state: str = ""

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


def context_of(carrier: Mapping[str, str | bytes]) -> SpanContext | None:
    """The span that these headers, or this metadata, come from; None: they name none.

    A state that is malformed or too long is left out, and the span counts all the same.
    """
    traceparent = carrier.get(TRACEPARENT)
    context = parse_traceparent(traceparent) if isinstance(traceparent, str) else None
    if context is None:
        return None
    state = carrier.get(TRACESTATE)
    if isinstance(state, str) and (goes_on := _to_pass_on(state)):
        return context._replace(state=goes_on)
    return context


def carrier_of(context: SpanContext) -> dict[str, str]:
    """The headers, the metadata or the fields that make what follows a child of `context`."""
    carrier = {TRACEPARENT: format_traceparent(context)}
    if context.state:
        carrier[TRACESTATE] = context.state
    return carrier


def context_of_entry(fields: Mapping[bytes, bytes]) -> SpanContext | None:
    """The span that wrote this entry of a Valkey stream, `carrier_of` it among the fields.

    Args:
        fields: As a client reads them that decodes nothing.
    """
    names = (TRACEPARENT, TRACESTATE)
    found = {name: fields[key] for name in names if (key := name.encode()) in fields}
    return context_of({name: value.decode("latin-1") for name, value in found.items()})


def _to_pass_on(state: str) -> str:
    """Its members, without what is around them; empty: it is none that can be passed on.

    HTTP allows a tab between members. gRPC does not, and would refuse the whole call for it.
    """
    if len(state) > MAX_STATE_CHARACTERS:
        return ""
    members = [member.strip(" \t") for member in state.split(",")]
    named = [member for member in members if member]
    if len(named) > MAX_STATE_MEMBERS or not all(map(_MEMBER.fullmatch, named)):
        return ""
    return ",".join(named)
