"""Names are declared before they are used, so that the documentation cannot lag behind."""

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.telemetry import (
    AttributeName,
    EventName,
    NameRegistry,
    SpanName,
    Tracer,
    UnregisteredName,
    Value,
    ValueType,
)
from failsoft_kit.testing.spans import RecordedSpans

CHAT = SpanName(name="chat {model}", description="One attempt.")
RETRY = EventName(name="failsoft.retry", description="Another attempt follows.")
TARGET = AttributeName(name="failsoft.target", type=ValueType.STRING, description="Who.")
OUTCOME = AttributeName(
    name="failsoft.outcome",
    type=ValueType.STRING,
    allowed=("served", "failed"),
    description="How it ended.",
)


@pytest.fixture
def registry() -> NameRegistry:
    registry = NameRegistry(strict=True)
    registry.register([CHAT, RETRY, TARGET, OUTCOME])
    return registry


@pytest.fixture
def tracer(registry: NameRegistry) -> Tracer:
    return Tracer(clock=SystemClock(), sink=RecordedSpans(), names=registry)


def test_declared_names_pass(tracer: Tracer) -> None:
    span = tracer.start("chat meta-llama/Llama-3", attributes={"failsoft.target": "a"})
    span.set("failsoft.outcome", "served")
    span.event("failsoft.retry", {"failsoft.target": "b"})
    span.link(span.context, {"failsoft.target": "c"})
    span.end()


def test_an_undeclared_span_is_refused(tracer: Tracer) -> None:
    with pytest.raises(UnregisteredName):
        tracer.start("chat")


@pytest.mark.parametrize(
    ("key", "value"),
    [("failsoft.tarhet", "a"), ("failsoft.target", 1), ("failsoft.outcome", "perhaps")],
)
def test_an_undeclared_attribute_is_refused(tracer: Tracer, key: str, value: Value) -> None:
    span = tracer.start("chat x")
    with pytest.raises(UnregisteredName):
        span.set(key, value)
    with pytest.raises(UnregisteredName):
        span.link(span.context, {key: value})
    with pytest.raises(UnregisteredName):
        span.event("failsoft.retry", {key: value})
    with pytest.raises(UnregisteredName):
        tracer.start("chat x", attributes={key: value})


def test_an_undeclared_event_is_refused(tracer: Tracer) -> None:
    with pytest.raises(UnregisteredName):
        tracer.start("chat x").event("retry")


@pytest.mark.parametrize(
    ("declared", "fits", "fits_not"),
    [
        (ValueType.STRING, "a", 1),
        (ValueType.INT, 1, True),
        (ValueType.FLOAT, 1, "1"),
        (ValueType.BOOL, True, 1),
        (ValueType.STRINGS, ("a", "b"), "ab"),
    ],
)
def test_a_value_has_the_declared_type(declared: ValueType, fits: Value, fits_not: Value) -> None:
    registry = NameRegistry()
    registry.register([AttributeName(name="key", type=declared, description="Any.")])
    registry.check_attributes({"key": fits})
    with pytest.raises(UnregisteredName):
        registry.check_attributes({"key": fits_not})


def test_two_declarations_of_one_name_must_agree(registry: NameRegistry) -> None:
    registry.register([CHAT, OUTCOME])
    with pytest.raises(ValueError):
        registry.register([SpanName(name="chat {model}", description="Something else.")])


def test_production_does_not_check() -> None:
    """A forgotten declaration is a gap in the documentation, no reason to fail a request."""
    spans = RecordedSpans()
    Tracer(clock=SystemClock(), sink=spans, names=NameRegistry()).start("anything").end()
    assert len(spans.all()) == 1


def test_all_names_are_told_in_order(registry: NameRegistry) -> None:
    assert registry.names() == (CHAT, RETRY, OUTCOME, TARGET)


def test_the_names_of_rpc_agree_with_each_other() -> None:
    NameRegistry().register(RPC_NAMES)
