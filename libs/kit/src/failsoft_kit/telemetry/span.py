"""A span: one piece of work, who asked for it, how long it took, how it ended.

A recorded span is its own record: plain slots, handed to the sink at its end and
not copied. A span that nobody records still has ids, so that a reply can name its
trace, and ignores everything else that it is told.

How it ends is decided by three rules:

* It is an error only if `fail` was called or an exception left its `with` block.
* Being cancelled is no error: the caller went away.
* The text of an exception is never kept, because it may quote a prompt.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.names import NameRegistry
from failsoft_model.errors import FailsoftError

Value: TypeAlias = str | int | float | bool | Sequence[str]
Attributes: TypeAlias = Mapping[str, Value]

MOST_EVENTS = 128
"""Of one span, as in OpenTelemetry's own libraries: how many happen may be a peer's doing."""

_current: ContextVar["Span | None"] = ContextVar("failsoft_span", default=None)


class Kind(enum.Enum):
    """Which side of a call a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Sink(Protocol):
    """Where ended spans go."""

    def record(self, span: "Span") -> None:
        """Keep an ended span. Never waits and never raises."""
        ...


class Desk:
    """What all spans of one tracer share: the clock, the sink, the names to check."""

    __slots__ = ("clock", "names", "sink")

    def __init__(self, *, clock: Clock, sink: Sink | None, names: NameRegistry | None) -> None:
        self.clock = clock
        self.sink = sink
        self.names = names


class Span:
    """One piece of work. Not thread-safe; made by `Tracer.start`.

    Times are seconds since the epoch; `end_time` is 0.0 until the end.
    """

    __slots__ = (
        "_desk",
        "_recording",
        "_started",
        "attributes",
        "context",
        "description",
        "end_time",
        "error_type",
        "events",
        "events_left_out",
        "kind",
        "links",
        "name",
        "parent_id",
        "start_time",
    )

    def __init__(
        self,
        *,
        desk: Desk,
        name: str,
        kind: Kind,
        context: SpanContext,
        parent_id: int,
        attributes: Attributes | None,
    ) -> None:
        """
        Args:
            parent_id: 0 if this span is the first of its trace.
        """
        self.context = context
        self._recording = context.sampled and desk.sink is not None
        if not self._recording:
            return
        self._desk = desk
        self.name = name
        self.kind = kind
        self.parent_id = parent_id
        self.attributes: dict[str, Value] = {} if attributes is None else dict(attributes)
        self.events: list[tuple[str, float, Attributes]] | None = None
        self.events_left_out = 0
        self.links: list[tuple[SpanContext, Attributes]] | None = None
        self.error_type: str | None = None
        self.description = ""
        self._started = desk.clock.now()
        self.start_time = desk.clock.unix()
        self.end_time = 0.0
        if desk.names is not None:
            desk.names.check_span(name)
            desk.names.check_attributes(self.attributes)

    @property
    def recording(self) -> bool:
        """Whether what the span is told is kept; ask before computing something dear."""
        return self._recording

    @property
    def trace_id(self) -> str:
        """The trace as replies name it, 32 hex digits; empty: nobody keeps records of it."""
        return self.context.trace_hex if self.context.sampled else ""

    def set(self, key: str, value: Value) -> None:
        """Set an attribute; the last value counts."""
        if self._recording:
            if self._desk.names is not None:
                self._desk.names.check_attributes({key: value})
            self.attributes[key] = value

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        """Note that something happened now; only the first `MOST_EVENTS` are kept."""
        if not self._recording:
            return
        noted: Attributes = attributes or {}
        if self._desk.names is not None:
            self._desk.names.check_event(name)
            self._desk.names.check_attributes(noted)
        if self.events is None:
            self.events = []
        if len(self.events) < MOST_EVENTS:
            self.events.append((name, self._unix_now(), noted))
        else:
            self.events_left_out += 1

    def link(self, context: SpanContext, attributes: Attributes | None = None) -> None:
        """Say that this span follows from another one that is not its parent."""
        if not self._recording:
            return
        noted: Attributes = attributes or {}
        if self._desk.names is not None:
            self._desk.names.check_attributes(noted)
        if self.links is None:
            self.links = []
        self.links.append((context, noted))

    def fail(self, error_type: str, description: str = "") -> None:
        """Mark the work as failed.

        Args:
            error_type: Of few, known values: a reason, a status code, a class name.
            description: A constant for people who look at the trace; never text of a request.
        """
        if self._recording:
            self.error_type = error_type
            self.description = description
            self.attributes["error.type"] = error_type

    def end(self) -> None:
        """The work is over. A second call changes nothing."""
        if self._recording:
            self._recording = False
            self.end_time = self._unix_now()
            sink = self._desk.sink
            if sink is not None:
                sink.record(self)

    @contextmanager
    def active(self) -> Iterator[Self]:
        """Make this the current span, the parent of those started inside."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, Exception) and self._recording and self.error_type is None:
            self.fail(error_type_of(exc))
        self.end()

    def _unix_now(self) -> float:
        """Now, in the span's own time: never before its start, however the wall clock jumps."""
        return self.start_time + (self._desk.clock.now() - self._started)


def error_type_of(error: BaseException) -> str:
    """The `error.type` of an exception: its reason if it is ours, else its class."""
    if isinstance(error, FailsoftError):
        return error.reason
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def current_span() -> Span | None:
    """The span that is active here; None outside of any."""
    return _current.get()


def current_context() -> SpanContext | None:
    """Names the span that is active here, as the log wants it; None outside of any."""
    span = _current.get()
    return None if span is None else span.context


def activate(span: Span) -> None:
    """Make `span` current for the rest of this task.

    For the top of a task that ends with its span; elsewhere use `Span.active`.
    """
    _current.set(span)
