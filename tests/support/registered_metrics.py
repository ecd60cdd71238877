"""What a PromQL expression may look at: the metrics of all services as Prometheus has them."""

from collections.abc import Iterable, Iterator, Mapping

import promql_parser as promql

from failsoft_cache.telemetry import NAMES as CACHE_NAMES
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.telemetry import MetricName, MetricType
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.telemetry.prometheus import prometheus_label, prometheus_name
from failsoft_local_llm.telemetry import NAMES as LOCAL_LLM_NAMES
from failsoft_router.metric_names import FAILED
from failsoft_router.telemetry import NAMES as ROUTER_NAMES

REGISTERED = [
    name
    for names in (RPC_NAMES, HTTP_NAMES, PROCESS_NAMES, ROUTER_NAMES, CACHE_NAMES, LOCAL_LLM_NAMES)
    for name in names
    if isinstance(name, MetricName)
]

_OTHERS = ("up", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds")
"""Made by Prometheus and its library, with no labels of their own."""
_SCRAPED = ("job", "instance")
"""Labels that Prometheus gives to all series."""
_SUFFIXES: Mapping[MetricType, tuple[str, ...]] = {
    MetricType.COUNTER: ("_total",),
    MetricType.UP_DOWN_COUNTER: ("",),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
}

_Labels = Mapping[str, tuple[str, ...]]
"""The values that each may have; none for one that may have any."""


def problems_of(expression: str) -> list[str]:
    """What the expression looks at that no service tells, in words; empty: nothing.

    Raises:
        ValueError: it is no PromQL.
    """
    nodes: list[promql.Expr] = []
    promql.walk(promql.parse(expression), nodes.append)
    selectors = [node for node in nodes if isinstance(node, promql.VectorSelector)]
    series = _series()
    known = {label for each in selectors for label in series.get(each.name or "", {})}
    return [
        *(problem for each in selectors for problem in _problems(each, series)),
        *(f"no such label: {label}" for label in _joined_by(nodes) if label not in known),
        *(() if selectors else ("it looks at nothing",)),
    ]


def _series() -> Mapping[str, _Labels]:
    """The labels of all series, by name."""
    scraped: _Labels = dict.fromkeys(_SCRAPED, ())
    series = dict.fromkeys(_OTHERS, scraped)
    for metric in REGISTERED:
        labels = {
            **scraped,
            **{prometheus_label(label.name): label.allowed for label in metric.labels},
        }
        for suffix in _SUFFIXES[metric.type]:
            bound: _Labels = {"le": ()} if suffix == "_bucket" else {}
            series[prometheus_name(metric) + suffix] = {**labels, **bound}
    return series


def _problems(selector: promql.VectorSelector, series: Mapping[str, _Labels]) -> Iterator[str]:
    labels = series.get(selector.name or "")
    if labels is None:
        yield f"no such metric: {selector.name}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels:
            yield f"{selector.name} has no label {matcher.name}"
            continue
        allowed = labels[matcher.name]
        for value in matcher.value.split("|"):
            if allowed and not value.startswith("$") and value not in (*allowed, FAILED, ""):
                yield f"{selector.name}: {matcher.name} is never {value!r}"


def _joined_by(nodes: Iterable[promql.Expr]) -> Iterator[str]:
    """Labels by which series are added up or put together."""
    for node in nodes:
        match node:
            case promql.AggregateExpr(modifier=promql.AggModifier() as modifier):
                yield from modifier.labels
            case promql.BinaryExpr(
                modifier=promql.BinModifier(matching=promql.LabelModifier() as on)
            ):
                yield from on.labels
            case _:
                pass
