"""What is observed is what is read, and no label gets a value that nobody declared."""

import pytest

from failsoft_kit.telemetry import (
    Meter,
    MetricName,
    MetricType,
    NameRegistry,
    SpanContext,
    UnregisteredName,
)
from failsoft_kit.testing.metrics import DURATION, OPEN, UP, WALKS, distribution, said

SAMPLED = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)
UNSAMPLED = SAMPLED._replace(sampled=False)


def test_a_counter_adds_up_by_its_labels(meter: Meter) -> None:
    walks = meter.counter(WALKS, {"failsoft.target": ["a", "b"]})
    walks.cell("served", "a").add()
    walks.cell("served", "a").add(2)
    walks.cell("failed", "b").add()
    assert said(meter, WALKS) == {("served", "a"): 3, ("failed", "b"): 1}


def test_a_gauge_is_what_it_was_set_to_last(meter: Meter) -> None:
    up, opened = meter.gauge(UP).cell(), meter.gauge(OPEN).cell()
    up.set(1)
    up.set(0)
    opened.add(3)
    opened.add(-1)
    assert said(meter, UP) == {(): 0}
    assert said(meter, OPEN) == {(): 2}


def test_a_cell_that_was_bound_and_never_used_is_read_as_nothing(meter: Meter) -> None:
    """An alert on the first failure needs the 0 before it."""
    meter.counter(WALKS).cell("failed", "")
    meter.histogram(DURATION).cell("failed")
    assert said(meter, WALKS) == {("failed", ""): 0}
    assert distribution(meter, DURATION, "failed").counts == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("value", "bucket"),
    [(0.0, 0), (0.1, 0), (0.11, 1), (1.0, 1), (600.0, 2), (600.1, 3)],
)
def test_a_value_is_in_the_first_bucket_that_it_does_not_exceed(
    meter: Meter, value: float, bucket: int
) -> None:
    meter.histogram(DURATION).cell("served").observe(value)
    read = distribution(meter, DURATION, "served")
    assert read.counts.index(1) == bucket
    assert sum(read.counts) == 1
    assert read.sum == value


def test_a_bucket_keeps_the_last_sampled_trace_of_its_values(meter: Meter) -> None:
    cell = meter.histogram(DURATION).cell("served")
    cell.observe(0.01, SAMPLED._replace(span_id=1))
    cell.observe(0.02, SAMPLED)
    cell.observe(0.03, UNSAMPLED)
    cell.observe(0.04)
    cell.observe(0.5, UNSAMPLED)
    first, *others = distribution(meter, DURATION, "served").exemplars
    assert first == (0.02, SAMPLED, 1_800_000_000.0)
    assert others == [None, None, None]


def test_an_undeclared_label_is_an_error_in_tests(meter: Meter) -> None:
    walks = meter.counter(WALKS, {"failsoft.target": ["a"]})
    with pytest.raises(UnregisteredName):
        walks.cell("perhaps", "a")
    with pytest.raises(UnregisteredName):
        walks.cell("served", "z")


def test_undeclared_labels_are_one_series_in_production(lenient: Meter) -> None:
    """Whatever callers send, the number of series stays what it was planned to be."""
    walks = lenient.counter(WALKS, {"failsoft.target": ["a"]})
    for number in range(1000):
        walks.cell("served", f"made-up-{number}").add()
    assert said(lenient, WALKS) == {("served", "other"): 1000}


def test_a_label_may_not_apply(meter: Meter) -> None:
    meter.counter(WALKS).cell("failed", "").add()
    assert said(meter, WALKS) == {("failed", ""): 1}


@pytest.mark.parametrize("labels", [(), ("served",), ("served", "a", "b")])
def test_labels_are_as_many_as_declared(lenient: Meter, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        lenient.counter(WALKS).cell(*labels)


def test_a_metric_that_is_made_twice_is_one_with_the_labels_of_both(meter: Meter) -> None:
    """Two ports of a service measure their calls in one histogram."""
    first = meter.counter(WALKS, {"failsoft.target": ["a"]})
    second = meter.counter(WALKS, {"failsoft.target": ["b"]})
    first.cell("served", "b").add()
    second.cell("served", "b").add()
    assert said(meter, WALKS) == {("served", "b"): 2}


def test_a_watched_metric_is_asked_at_each_reading(meter: Meter) -> None:
    now = [1.0]
    meter.watch(OPEN, lambda: {(): now[0]})
    assert said(meter, OPEN) == {(): 1}
    now[0] = 2.0
    assert said(meter, OPEN) == {(): 2}


def test_what_is_watched_is_bounded_too(lenient: Meter) -> None:
    lenient.watch(WALKS, lambda: {("served", "x"): 1, ("served", "y"): 2})
    assert said(lenient, WALKS) == {("served", "other"): 3}


def test_a_watch_that_breaks_costs_itself_alone(meter: Meter) -> None:
    def broken() -> dict[tuple[str, ...], float]:
        raise RuntimeError

    meter.watch(OPEN, broken)
    meter.gauge(UP).cell().set(1)
    assert [reading.name for reading in meter.read()] == [UP]


def test_an_undeclared_metric_is_an_error_in_tests(meter: Meter, lenient: Meter) -> None:
    unknown = MetricName(name="failsoft.new", type=MetricType.COUNTER, unit="", description="New.")
    with pytest.raises(UnregisteredName):
        meter.counter(unknown)
    lenient.counter(unknown)


def test_a_metric_is_made_as_it_is_declared(meter: Meter) -> None:
    with pytest.raises(ValueError):
        meter.gauge(WALKS)
    with pytest.raises(ValueError):
        meter.counter(OPEN)
    with pytest.raises(ValueError):
        meter.histogram(UP)
    with pytest.raises(ValueError):
        meter.watch(DURATION, dict)


def test_every_metric_that_was_made_is_told(meter: Meter) -> None:
    meter.counter(WALKS)
    meter.watch(OPEN, dict)
    assert meter.made() == {WALKS, OPEN}


@pytest.mark.parametrize(
    ("type_", "buckets"),
    [
        (MetricType.HISTOGRAM, ()),
        (MetricType.COUNTER, (1.0,)),
        (MetricType.HISTOGRAM, (1.0, 1.0)),
        (MetricType.HISTOGRAM, (2.0, 1.0)),
    ],
)
def test_a_histogram_has_rising_buckets(type_: MetricType, buckets: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):
        MetricName(name="failsoft.x", type=type_, unit="s", description="X.", buckets=buckets)


def test_a_metric_declares_its_labels(strict: NameRegistry) -> None:
    strict.check_attributes({"failsoft.outcome": "served", "failsoft.target": "a"})
