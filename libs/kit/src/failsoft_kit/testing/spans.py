"""Spans as values, for tests."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Kind, Span, Value
from failsoft_kit.testing.span_tree import TreeSpan, tree_span


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened during a span."""

    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A span that another one follows from; `to` is its name, None if it was not recorded."""

    to: str | None
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSpan:
    """One ended span.

    `parent` is the parent's name; None for the first span of a trace and where the
    parent was not recorded here. `error` is its `error.type`, None if it didn't fail.
    `duration` is in seconds.
    """

    name: str
    kind: Kind
    parent: str | None
    attributes: Mapping[str, Value]
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    error: str | None
    duration: float
    context: SpanContext


class RecordedSpans:
    """A sink that keeps spans: give it to a `Tracer`, then ask what was recorded."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._recorded = asyncio.Event()

    def record(self, span: Span) -> None:
        """Keep an ended span."""
        self._spans.append(span)
        self._recorded.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once this holds; it is asked again after each span that ends."""
        while not holds():
            self._recorded.clear()
            await self._recorded.wait()

    def all(self) -> tuple[RecordedSpan, ...]:
        """Every ended span, in the order of their ends."""
        return tuple(self._value(span) for span in self._spans)

    def named(self, name: str) -> tuple[RecordedSpan, ...]:
        """Every ended span of that name."""
        return tuple(span for span in self.all() if span.name == name)

    def one(self, name: str) -> RecordedSpan:
        """The one span of that name; fails the test if there is none or another."""
        found = self.named(name)
        if len(found) != 1:
            names = [span.name for span in self._spans]
            raise AssertionError(f"{len(found)} spans are named {name!r}; recorded: {names}")
        return found[0]

    def tree(self) -> tuple[TreeSpan, ...]:
        """Every ended span, as `TreeText` writes them."""
        return tuple(tree_span(span) for span in self._spans)

    def clear(self) -> None:
        """Forget everything."""
        self._spans.clear()

    def _value(self, span: Span) -> RecordedSpan:
        return RecordedSpan(
            name=span.name,
            kind=span.kind,
            parent=self._name_of(span.parent_id),
            attributes=dict(span.attributes),
            events=tuple(Event(name=name, attributes=kept) for name, _, kept in span.events or ()),
            links=tuple(
                Link(to=self._name_of(context.span_id), attributes=kept)
                for context, kept in span.links or ()
            ),
            error=span.error_type,
            duration=span.end_time - span.start_time,
            context=span.context,
        )

    def _name_of(self, span_id: int) -> str | None:
        return next((span.name for span in self._spans if span.context.span_id == span_id), None)
