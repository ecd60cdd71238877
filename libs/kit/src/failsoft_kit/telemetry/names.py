"""The names that spans and metrics may use: declared once, documented, and checked in tests.

Each service declares its names in one module and registers them when it is wired;
docs/telemetry.md is generated from the registry. Production doesn't check, tests do.
"""

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar


class ValueType(enum.Enum):
    """What an attribute's value may be."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STRINGS = "strings"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanName:
    """A span's name; `{words}` in braces stand for values: `chat {model}`."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventName:
    """The name of an event on a span."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeName:
    """The key of an attribute of spans, events or links, or a metric's label.

    `unit` is written as UCUM does ("s", "By", "{token}"); None for what has none.
    `allowed` lists every value; empty if any value of the type may occur.
    """

    name: str
    type: ValueType
    description: str
    unit: str | None = None
    allowed: tuple[str, ...] = ()


class MetricType(enum.Enum):
    """How a metric's values are to be read."""

    COUNTER = "counter"
    """A sum that only rises."""
    UP_DOWN_COUNTER = "up-down counter"
    """A sum that rises and falls; that of several processes is their sum."""
    GAUGE = "gauge"
    """What is so now; that of several processes cannot be added up."""
    HISTOGRAM = "histogram"
    """How often there was a value of which size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricName:
    """The name of a metric.

    `unit` is written as UCUM does; empty for what has none, such as a yes or no.
    `labels` are all that it ever has. One that lists no allowed values gets them when the metric
    is made, from what is configured, so that their number is known in any case.
    `buckets` are a histogram's upper bounds, rising; what is greater has a bucket of its own.
    """

    name: str
    type: MetricType
    unit: str
    description: str
    labels: tuple[AttributeName, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if (self.type is MetricType.HISTOGRAM) != bool(self.buckets):
            raise ValueError(f"{self.name!r}: a histogram has buckets, and nothing else has")
        if list(self.buckets) != sorted(set(self.buckets)):
            raise ValueError(f"{self.name!r}: buckets must rise")


Name = SpanName | EventName | AttributeName | MetricName


class UnregisteredName(Exception):
    """A span or a metric used a name, or a value of it, that nobody declared."""


class NameRegistry:
    """All declared names of one process.

    Args:
        strict: Raise `UnregisteredName` where anything else is used. For tests.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._spans: dict[str, tuple[SpanName, re.Pattern[str]]] = {}
        self._events: dict[str, EventName] = {}
        self._attributes: dict[str, AttributeName] = {}
        self._metrics: dict[str, MetricName] = {}

    def register(self, names: Iterable[Name]) -> None:
        """Declare names, and the labels of metrics with them.

        The same declaration twice is fine; raises ValueError if they differ.
        """
        for name in names:
            match name:
                case SpanName():
                    _add(self._spans, name.name, (name, _pattern(name.name)))
                case EventName():
                    _add(self._events, name.name, name)
                case AttributeName():
                    _add(self._attributes, name.name, name)
                case MetricName():
                    _add(self._metrics, name.name, name)
                    self.register(name.labels)

    def names(self) -> tuple[Name, ...]:
        """Everything declared: spans, events, attributes, then metrics, each in order of name."""
        spans = [span for span, _ in self._spans.values()]
        declared: list[list[Name]] = [
            [*spans],
            [*self._events.values()],
            [*self._attributes.values()],
            [*self._metrics.values()],
        ]
        return tuple(name for group in declared for name in sorted(group, key=_name_of))

    def check_span(self, name: str) -> None:
        """Raise `UnregisteredName` unless a span may be called so."""
        if not any(pattern.fullmatch(name) for _, pattern in self._spans.values()):
            raise UnregisteredName(f"span name {name!r}")

    def check_event(self, name: str) -> None:
        """Raise `UnregisteredName` unless an event may be called so."""
        if name not in self._events:
            raise UnregisteredName(f"event name {name!r}")

    def check_attributes(self, attributes: Mapping[str, object]) -> None:
        """Raise `UnregisteredName` unless keys, types and values are as declared."""
        for key, value in attributes.items():
            declared = self._attributes.get(key)
            if declared is None:
                raise UnregisteredName(f"attribute {key!r}")
            if not _fits(value, declared.type):
                raise UnregisteredName(f"attribute {key!r} must be a {declared.type.value}")
            if declared.allowed and value not in declared.allowed:
                raise UnregisteredName(f"attribute {key!r} must be one of {declared.allowed}")

    def check_metric(self, name: MetricName) -> None:
        """Raise `UnregisteredName` unless that metric is declared, and so."""
        if self._metrics.get(name.name) != name:
            raise UnregisteredName(f"metric {name.name!r}")


_Entry = TypeVar("_Entry")


def _add(table: dict[str, _Entry], key: str, entry: _Entry) -> None:
    if table.setdefault(key, entry) != entry:
        raise ValueError(f"{key!r} is declared twice and differently")


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", template)
    return re.compile(".+".join(re.escape(part) for part in parts))


def _name_of(name: Name) -> str:
    return name.name


def _fits(value: object, declared: ValueType) -> bool:
    match declared:
        case ValueType.STRING:
            return isinstance(value, str)
        case ValueType.BOOL:
            return isinstance(value, bool)
        case ValueType.INT:
            return isinstance(value, int) and not isinstance(value, bool)
        case ValueType.FLOAT:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ValueType.STRINGS:
            return (
                isinstance(value, Sequence)
                and not isinstance(value, str)
                and all(isinstance(item, str) for item in value)
            )
