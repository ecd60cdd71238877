"""The metrics of all services can be read by one Prometheus, and reach as far as requests do."""

import re

import pytest
from registered_metrics import REGISTERED

from failsoft_kit.telemetry import MetricName, MetricType
from failsoft_kit.telemetry.prometheus import prometheus_name

TEN_MINUTES = 600.0


def test_no_two_metrics_have_one_name_there() -> None:
    names = [prometheus_name(metric) for metric in REGISTERED]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("metric", REGISTERED, ids=lambda metric: metric.name)
def test_a_name_is_one_that_prometheus_takes(metric: MetricName) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", prometheus_name(metric))
    assert not prometheus_name(metric).endswith(("_total", "_bucket", "_count", "_sum"))


@pytest.mark.parametrize(
    "metric",
    [each for each in REGISTERED if each.type is MetricType.HISTOGRAM and "duration" in each.name],
    ids=lambda metric: metric.name,
)
def test_a_duration_is_told_from_a_longer_one_up_to_ten_minutes(metric: MetricName) -> None:
    assert metric.unit == "s"
    assert metric.buckets[-1] >= TEN_MINUTES
