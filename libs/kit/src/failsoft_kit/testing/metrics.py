"""Metrics as values, for tests; and one of each type, for tests of what carries them."""

from failsoft_kit.telemetry import AttributeName, Meter, MetricName, MetricType, ValueType
from failsoft_kit.telemetry.readings import Distribution, LabelValues

OUTCOME = AttributeName(
    name="failsoft.outcome",
    type=ValueType.STRING,
    allowed=("served", "failed"),
    description="How it ended.",
)
TARGET = AttributeName(name="failsoft.target", type=ValueType.STRING, description="Who.")

WALKS = MetricName(
    name="failsoft.walks",
    type=MetricType.COUNTER,
    unit="{walk}",
    description="Walks.",
    labels=(OUTCOME, TARGET),
)
OPEN = MetricName(
    name="failsoft.open", type=MetricType.UP_DOWN_COUNTER, unit="By", description="Open."
)
UP = MetricName(name="failsoft.up", type=MetricType.GAUGE, unit="", description="Up.")
DURATION = MetricName(
    name="failsoft.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="Took.",
    labels=(OUTCOME,),
    buckets=(0.1, 1.0, 600.0),
)


def said(meter: Meter, name: MetricName) -> dict[LabelValues, float | Distribution]:
    """What one metric says now, by its labels; nothing while it has no series."""
    return {
        point.labels: point.value
        for reading in meter.read()
        if reading.name == name
        for point in reading.points
    }


def number(meter: Meter, name: MetricName, *labels: str) -> float:
    """The value of one series; 0 while there is none."""
    value = said(meter, name).get(labels, 0.0)
    if isinstance(value, Distribution):
        raise AssertionError(f"{name.name} is a histogram")
    return value


def distribution(meter: Meter, name: MetricName, *labels: str) -> Distribution:
    """One series of a histogram; fails the test if there is none."""
    value = said(meter, name)[labels]
    if not isinstance(value, Distribution):
        raise AssertionError(f"{name.name} is no histogram")
    return value
