"""What Prometheus reads is what was observed, by the names that it expects."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from failsoft_kit.telemetry import Meter, MetricName, MetricType, SpanContext
from failsoft_kit.telemetry.prometheus import MeterCollector, prometheus_name
from failsoft_kit.testing.metrics import DURATION, OPEN, UP, WALKS

SAMPLED = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)

TEXT = """\
# HELP failsoft_walks_total Walks.
# TYPE failsoft_walks_total counter
failsoft_walks_total{failsoft_outcome="served",failsoft_target="a"} 3.0
# HELP failsoft_open_bytes Open.
# TYPE failsoft_open_bytes gauge
failsoft_open_bytes 2.0
# HELP failsoft_up Up.
# TYPE failsoft_up gauge
failsoft_up 1.0
# HELP failsoft_duration_seconds Took.
# TYPE failsoft_duration_seconds histogram
failsoft_duration_seconds_bucket{failsoft_outcome="served",le="0.1"} 1.0
failsoft_duration_seconds_bucket{failsoft_outcome="served",le="1.0"} 1.0
failsoft_duration_seconds_bucket{failsoft_outcome="served",le="600.0"} 3.0
failsoft_duration_seconds_bucket{failsoft_outcome="served",le="+Inf"} 4.0
failsoft_duration_seconds_count{failsoft_outcome="served"} 4.0
failsoft_duration_seconds_sum{failsoft_outcome="served"} 1012.05
"""


@pytest.fixture
def registry(meter: Meter) -> CollectorRegistry:
    """After some observations."""
    meter.counter(WALKS, {"failsoft.target": ["a"]}).cell("served", "a").add(3)
    meter.gauge(OPEN).cell().add(2)
    meter.gauge(UP).cell().set(1)
    duration = meter.histogram(DURATION).cell("served")
    for value in (0.05, 2.0, 10.0, 1000.0):
        duration.observe(value, SAMPLED if value == 2.0 else None)
    registry = CollectorRegistry()
    registry.register(MeterCollector(meter.read))
    return registry


def test_the_text_is_as_prometheus_reads_it(registry: CollectorRegistry) -> None:
    assert generate_latest(registry).decode() == TEXT


def test_a_label_that_does_not_apply_is_no_label(meter: Meter) -> None:
    """To Prometheus an empty value and an absent label are the same."""
    meter.counter(WALKS).cell("failed", "").add()
    registry = CollectorRegistry()
    registry.register(MeterCollector(meter.read))
    [walks] = parse(generate_latest(registry).decode())
    [sample] = walks.samples
    assert {key: value for key, value in sample.labels.items() if value} == {
        "failsoft_outcome": "failed"
    }


def test_an_exemplar_leads_to_its_trace(registry: CollectorRegistry) -> None:
    text = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert families["failsoft_duration_seconds"].unit == "seconds"
    examples = [
        (sample.labels["le"], sample.exemplar)
        for sample in families["failsoft_duration_seconds"].samples
        if sample.exemplar is not None
    ]
    [(bound, exemplar)] = examples
    assert bound == "600.0"
    assert exemplar.labels == {"trace_id": f"{0xABC:032x}", "span_id": f"{0xDEF:016x}"}
    assert (exemplar.value, float(exemplar.timestamp)) == (2.0, 1_800_000_000.0)


@pytest.mark.parametrize(
    ("name", "unit", "word"),
    [
        ("gen_ai.server.request.duration", "s", "gen_ai_server_request_duration_seconds"),
        ("failsoft.queue.length", "{request}", "failsoft_queue_length"),
        ("failsoft.kv.used", "1", "failsoft_kv_used_ratio"),
        ("failsoft.engine.up", "", "failsoft_engine_up"),
    ],
)
def test_a_name_ends_with_its_unit(name: str, unit: str, word: str) -> None:
    metric = MetricName(name=name, type=MetricType.GAUGE, unit=unit, description="Any.")
    assert prometheus_name(metric) == word
