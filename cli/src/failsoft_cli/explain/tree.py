"""One walk as the tree of spans that a collector is sent of it, for where there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.console import harmless
from failsoft_cli.explain.words import at, attempt_result, told
from failsoft_cli.render import hop_reason
from failsoft_router.span_names import ATTEMPT, HOP, LOOK_UP_METHOD, WALK

_NO_LOOKUP = (walk_pb2.CACHE_STATUS_UNSPECIFIED, walk_pb2.CACHE_STATUS_BYPASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """What a tree is drawn with: beside a branch, beside the last, and beside what is below."""

    inner: str
    last: str
    beside: str
    under: str


PLAIN = Branches(inner="|-- ", last="`-- ", beside="|   ", under="    ")
DRAWN = Branches(inner="├── ", last="└── ", beside="│   ", under="    ")


@dataclass(frozen=True, slots=True)
class _Span:
    line: str
    below: list["_Span"] = field(default_factory=list)


def span_tree(walk: pb.Explanation, *, branches: Branches) -> Iterator[str]:
    """The caller's request, the walk, and what was done in it: names, links, status, times."""
    yield f"request {harmless(walk.request_id)} of {walk.tenant}"
    yield from _drawn([_walk(walk)], "", branches)


def _drawn(spans: Sequence[_Span], indent: str, branches: Branches) -> Iterator[str]:
    for span in spans:
        is_last = span is spans[-1]
        yield indent + (branches.last if is_last else branches.inner) + span.line
        deeper = indent + (branches.under if is_last else branches.beside)
        yield from _drawn(span.below, deeper, branches)


def _walk(walk: pb.Explanation) -> _Span:
    status = f"error {walk.end.error_reason}" if walk.end.error_reason else "ok"
    span = _Span(f"{WALK} {walk.walk_id} route {walk.route}: {status}, {at(walk.took)}")
    if walk.cache_status not in _NO_LOOKUP:
        said = told(walk_pb2.CacheStatus.DESCRIPTOR, walk.cache_status)
        span.below.append(_Span(f"{LOOK_UP_METHOD}: {said}"))
    before = 0
    for explained in walk.hops:
        span.below.append(_hop(explained.hop, before))
        before = explained.hop.position
    return span


def _hop(hop: walk_pb2.Hop, before: int) -> _Span:
    """
    Args:
        before: Position of the hop that this one replaces; 0: none.
    """
    outcome = told(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome)
    why = f" ({hop_reason(hop)})" if hop_reason(hop) else ""
    link = f", fallback of hop {before}" if before else ""
    times = f"{at(hop.started)} + {at(hop.latency)}"
    span = _Span(f"{HOP} {hop.position} {hop.target}: {outcome}{why}, {times}{link}")
    earlier = ""
    for attempt in hop.attempts:
        number = f"#{attempt.id.rpartition('/')[2]}"
        span.below.append(_attempt(attempt, number, earlier))
        earlier = number
    return span


def _attempt(attempt: walk_pb2.Attempt, number: str, earlier: str) -> _Span:
    """
    Args:
        earlier: The attempt that this one repeats; empty: none.
    """
    status = "error" if attempt.error_class else "ok"
    link = f", retry of {earlier}" if earlier else ""
    times = f"{at(attempt.started)} + {at(attempt.latency)}"
    result = attempt_result(attempt)
    return _Span(f"{ATTEMPT} {attempt.model} {number}: {status}, {result}, {times}{link}")
