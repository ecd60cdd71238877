"""Where metrics and spans go."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.chart

Render = Callable[..., list[dict[str, Any]]]

OPERATOR = ("--api-versions", "monitoring.coreos.com/v1")
"""A cluster that has the Prometheus operator."""


def containers(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        container
        for manifest in manifests
        if manifest["kind"] == "Deployment"
        for container in manifest["spec"]["template"]["spec"]["containers"]
    ]


def of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def test_metrics_are_told_only_on_demand(defaults: Render) -> None:
    made = defaults(*OPERATOR)

    assert of_kind(made, "PodMonitor") == []
    assert "metrics" not in {port["name"] for each in containers(made) for port in each["ports"]}


def test_every_service_tells_its_metrics_to_who_has_the_token(defaults: Render) -> None:
    made = defaults("--set", "metrics.enabled=true", *OPERATOR)

    [monitor] = of_kind(made, "PodMonitor")
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    credentials = endpoint["authorization"]["credentials"]
    [token] = [
        secret
        for secret in of_kind(made, "Secret")
        if secret["metadata"]["name"] == credentials["name"]
    ]
    assert credentials["key"] in token["data"]
    for container in containers(made):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports[endpoint["port"]] == 9464


def test_the_monitor_finds_every_pod_of_ours_and_names_jobs_as_the_alerts_do(
    defaults: Render,
) -> None:
    made = defaults("--set", "metrics.enabled=true", *OPERATOR)

    [monitor] = of_kind(made, "PodMonitor")
    selector = monitor["spec"]["selector"]
    [expression] = selector["matchExpressions"]
    for deployment in of_kind(made, "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items()
        assert labels[expression["key"]] in expression["values"]
    [relabeling] = monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
    assert relabeling == {
        "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
        "targetLabel": "job",
        "replacement": "failsoft-$1",
    }


def test_without_the_prometheus_operator_there_is_no_monitor(defaults: Render) -> None:
    """The API server would refuse the whole release for a kind that it does not know."""
    assert of_kind(defaults("--set", "metrics.enabled=true"), "PodMonitor") == []


def test_spans_go_where_the_values_say(defaults: Render) -> None:
    made = defaults(
        "--set",
        "telemetry.otlpEndpoint=http://here:4318,telemetry.protocol=http/protobuf,"
        "telemetry.sampler=parentbased_traceidratio,telemetry.samplerShare=0.25",
    )

    for container in containers(made):
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://here:4318"
        assert told["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
        assert told["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
        assert told["OTEL_TRACES_SAMPLER_ARG"] == "0.25"


def test_without_a_collector_nothing_is_said_about_spans(defaults: Render) -> None:
    assert all("env" not in container for container in containers(defaults()))
