"""Metrics as a collector gets them."""

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2

from failsoft_kit.telemetry import Meter, SpanContext
from failsoft_kit.telemetry.metrics_encoding import MetricsEncoder
from failsoft_kit.testing.metrics import DURATION, OPEN, UP, WALKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue


SAMPLED = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
START = 1_800_000_000 * 10**9
READ_AT = 1_800_000_060.0


def encoded(meter: Meter) -> dict[str, metrics_pb2.Metric]:
    encoder = MetricsEncoder({"service.name": "router"}, started_at=meter.started_at)
    request = ExportMetricsServiceRequest.FromString(encoder.encode(meter.read(), at=READ_AT))
    [of_resource] = request.resource_metrics
    assert attributes(of_resource.resource.attributes) == {"service.name": "router"}
    [of_scope] = of_resource.scope_metrics
    assert of_scope.scope.name == "failsoft"
    return {metric.name: metric for metric in of_scope.metrics}


def attributes(of: "Iterable[KeyValue]") -> dict[str, str]:
    return {each.key: each.value.string_value for each in of}


def test_a_counter_is_a_sum_since_the_start(meter: Meter) -> None:
    meter.counter(WALKS).cell("served", "").add(3)
    metric = encoded(meter)["failsoft.walks"]
    assert (metric.unit, metric.description) == ("{walk}", "Walks.")
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == CUMULATIVE
    [point] = metric.sum.data_points
    assert point.as_double == 3
    assert (point.start_time_unix_nano, point.time_unix_nano) == (START, START + 60 * 10**9)
    assert attributes(point.attributes) == {"failsoft.outcome": "served"}


def test_an_up_down_counter_is_a_sum_that_may_fall(meter: Meter) -> None:
    meter.gauge(OPEN).cell().add(2)
    metric = encoded(meter)["failsoft.open"]
    assert not metric.sum.is_monotonic
    assert metric.sum.data_points[0].as_double == 2


def test_a_gauge_is_a_gauge(meter: Meter) -> None:
    meter.gauge(UP).cell().set(1)
    assert encoded(meter)["failsoft.up"].gauge.data_points[0].as_double == 1


def test_a_histogram_has_one_count_more_than_bounds(meter: Meter) -> None:
    cell = meter.histogram(DURATION).cell("served")
    for value in (0.05, 2.0, 1000.0):
        cell.observe(value, SAMPLED if value == 2.0 else None)
    metric = encoded(meter)["failsoft.duration"]
    assert metric.histogram.aggregation_temporality == CUMULATIVE
    [point] = metric.histogram.data_points
    assert list(point.explicit_bounds) == [0.1, 1.0, 600.0]
    assert list(point.bucket_counts) == [1, 0, 1, 1]
    assert (point.count, point.sum) == (3, 1002.05)
    assert attributes(point.attributes) == {"failsoft.outcome": "served"}
    [exemplar] = point.exemplars
    assert exemplar.as_double == 2.0
    assert exemplar.time_unix_nano == START
    assert int.from_bytes(exemplar.trace_id, "big") == SAMPLED.trace_id
    assert int.from_bytes(exemplar.span_id, "big") == SAMPLED.span_id
