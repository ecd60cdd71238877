"""The metrics of all services can be read by one Prometheus, and reach as far as requests do."""

import re

import pytest

from failsoft_cache.telemetry import NAMES as CACHE_NAMES
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.telemetry import MetricName, MetricType
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.telemetry.prometheus import prometheus_name
from failsoft_local_llm.telemetry import NAMES as LOCAL_LLM_NAMES
from failsoft_router.telemetry import NAMES as ROUTER_NAMES

TEN_MINUTES = 600.0
METRICS = [
    name
    for names in (RPC_NAMES, HTTP_NAMES, PROCESS_NAMES, ROUTER_NAMES, CACHE_NAMES, LOCAL_LLM_NAMES)
    for name in names
    if isinstance(name, MetricName)
]


def test_no_two_metrics_have_one_name_there() -> None:
    names = [prometheus_name(metric) for metric in METRICS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_is_one_that_prometheus_takes(metric: MetricName) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", prometheus_name(metric))
    assert not prometheus_name(metric).endswith(("_total", "_bucket", "_count", "_sum"))


@pytest.mark.parametrize(
    "metric",
    [each for each in METRICS if each.type is MetricType.HISTOGRAM and "duration" in each.name],
    ids=lambda metric: metric.name,
)
def test_a_duration_is_told_from_a_longer_one_up_to_ten_minutes(metric: MetricName) -> None:
    assert metric.unit == "s"
    assert metric.buckets[-1] >= TEN_MINUTES
