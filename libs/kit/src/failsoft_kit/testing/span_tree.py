"""A trace as text, for tests that compare whole trees and for people who read them.

    1 SERVER failsoft.inference.v1.InferenceService/Generate
        rpc.status_code=OK
      2 INTERNAL failsoft.walk
        3 INTERNAL failsoft.hop ERROR
            failsoft.hop.target=a  error.type=stall
            event failsoft.stall
        4 INTERNAL failsoft.hop
            failsoft.hop.target=b
            link to 3  failsoft.link=fallback_of

Ids are numbers in the order of reading, and times are not told.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from failsoft_kit.telemetry.span import Attributes, Span, Value

_ATTRIBUTES_DEPTH = 2
"""Steps by which what a span says stands deeper than its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSpan:
    """One ended span.

    Attributes:
        parent_id: 0: it is the first of its trace.
        kind: `SERVER`, `CLIENT` or `INTERNAL`.
        started: Seconds since the epoch, as `ended`; they give siblings their order.
        events: Names with attributes, in order.
        links: Ids of other spans with attributes.
    """

    span_id: int
    parent_id: int
    name: str
    kind: str
    is_error: bool
    started: float
    ended: float
    attributes: Attributes
    events: Sequence[tuple[str, Attributes]] = ()
    links: Sequence[tuple[int, Attributes]] = ()


def tree_span(span: Span) -> TreeSpan:
    """A span of a tracer of ours that has ended."""
    return TreeSpan(
        span_id=span.context.span_id,
        parent_id=span.parent_id,
        name=span.name,
        kind=span.kind.name,
        is_error=span.error_type is not None,
        started=span.start_time,
        ended=span.end_time,
        attributes=dict(span.attributes),
        events=[(name, attributes) for name, _, attributes in span.events or ()],
        links=[(context.span_id, attributes) for context, attributes in span.links or ()],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeText:
    """How trees are written.

    Attributes:
        hidden: Attributes that are not told, because they are the same in every tree.
        masked: Those of which only the presence is told, because the value differs each time.
    """

    hidden: Collection[str] = ()
    masked: Collection[str] = ()

    def write(self, spans: Iterable[TreeSpan]) -> str:
        """Every span below its parent, siblings in the order of their starts.

        One whose parent is none of them is marked `ORPHAN`: the parent did not end.
        """
        tree = _Tree(spans)
        numbers = {span.span_id: number for number, (span, _) in enumerate(tree.read(), 1)}
        lines: list[str] = []
        for span, depth in tree.read():
            lines += self._lines(span, depth, numbers, orphan=tree.is_orphan(span))
        return "".join(f"{line}\n" for line in lines)

    def _lines(
        self, span: TreeSpan, depth: int, numbers: Mapping[int, int], *, orphan: bool
    ) -> Iterator[str]:
        marks = f"{' ERROR' if span.is_error else ''}{' ORPHAN' if orphan else ''}"
        yield f"{'  ' * depth}{numbers[span.span_id]} {span.kind} {span.name}{marks}"
        margin = "  " * (depth + _ATTRIBUTES_DEPTH)
        if told := self._attributes(span.attributes):
            yield f"{margin}{told}"
        for name, attributes in span.events:
            yield f"{margin}event {name}  {self._attributes(attributes)}".rstrip()
        for linked, attributes in span.links:
            number = numbers.get(linked, "nowhere")
            yield f"{margin}link to {number}  {self._attributes(attributes)}".rstrip()

    def _attributes(self, attributes: Attributes) -> str:
        return "  ".join(
            f"{name}={'*' if name in self.masked else _text(value)}"
            for name, value in sorted(attributes.items())
            if name not in self.hidden
        )


@dataclass(slots=True)
class _Tree:
    """Spans by their parents."""

    spans: Iterable[TreeSpan]
    _known: set[int] = field(init=False)
    _below: dict[int, list[TreeSpan]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        ordered = sorted(self.spans, key=lambda span: (span.started, span.ended))
        self._known = {span.span_id for span in ordered}
        for span in ordered:
            above = span.parent_id if span.parent_id in self._known else 0
            self._below.setdefault(above, []).append(span)

    def is_orphan(self, span: TreeSpan) -> bool:
        return span.parent_id != 0 and span.parent_id not in self._known

    def read(self, above: int = 0, depth: int = 0) -> Iterator[tuple[TreeSpan, int]]:
        """Each span with its depth, parents first."""
        for span in self._below.get(above, ()):
            yield span, depth
            yield from self.read(span.span_id, depth + 1)


def _text(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case str() | int():
            return str(value)
        case _:
            return ",".join(value)
