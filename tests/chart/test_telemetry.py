"""Where metrics and spans go."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from network_policy import Peer, may_reach, pod_of

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
    names = [each["name"] for made in containers(defaults()) for each in made.get("env", ())]

    assert not [name for name in names if name.startswith("OTEL_")]


class TestOwnJaegerAndCollector:
    """`telemetry.jaeger` and `telemetry.collector` are for trying out."""

    JAEGER = "telemetry.jaeger.enabled=true"
    BOTH = f"{JAEGER},telemetry.collector.enabled=true"

    @staticmethod
    def deployment(manifests: list[dict[str, Any]], name: str) -> dict[str, Any]:
        [found] = [
            each
            for each in of_kind(manifests, "Deployment")
            if each["metadata"]["name"] == f"failsoft-{name}"
        ]
        return found

    @staticmethod
    def endpoints(manifests: list[dict[str, Any]]) -> set[str]:
        """Where the services send their spans."""
        return {
            each["value"]
            for container in containers(manifests)
            for each in container.get("env", ())
            if each["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT"
        }

    def test_neither_is_there_unless_it_is_asked_for(self, defaults: Render) -> None:
        names = {each["metadata"]["name"] for each in defaults()}

        assert not names & {"failsoft-jaeger", "failsoft-collector"}

    def test_spans_go_to_jaeger_and_with_a_collector_by_way_of_it(self, defaults: Render) -> None:
        alone, both = defaults("--set", self.JAEGER), defaults("--set", self.BOTH)

        assert self.endpoints(alone) == {"http://failsoft-jaeger:4317"}
        assert self.endpoints(both) == {"http://failsoft-collector:4317"}
        [collector] = self.deployment(both, "collector")["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in collector["env"]}
        assert told["TRACES_BACKEND"] == "failsoft-jaeger:4317"

    def test_over_http_they_go_to_the_port_for_that(self, defaults: Render) -> None:
        made = defaults("--set", f"{self.JAEGER},telemetry.protocol=http/protobuf")

        assert self.endpoints(made) == {"http://failsoft-jaeger:4318"}

    def test_every_service_reaches_them_and_no_stranger_does(self, defaults: Render) -> None:
        made = defaults("--set", self.BOTH)
        jaeger, collector, model = (
            pod_of(self.deployment(made, name)) for name in ("jaeger", "collector", "local-llm")
        )

        assert may_reach(made, model, collector, 4317)
        assert may_reach(made, collector, jaeger, 4317)
        for port in (4317, 16686):
            assert not may_reach(made, Peer(namespace="elsewhere"), jaeger, port)
        assert not may_reach(made, jaeger, Peer(address="104.18.7.192"), 443)

    @pytest.mark.parametrize("name", ["jaeger", "collector"])
    def test_probes_want_an_answer_of_the_program(self, defaults: Render, name: str) -> None:
        """The kernel takes connections for a process that is frozen."""
        pod = self.deployment(defaults("--set", self.BOTH), name)["spec"]["template"]["spec"]
        [container] = pod["containers"]

        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"] == {"port": "health", "path": "/status"}

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (f"{JAEGER},telemetry.otlpEndpoint=http://a:4317", "says where spans go"),
            ("telemetry.collector.enabled=true", "keeps no traces itself"),
        ],
    )
    def test_spans_that_would_go_nowhere_or_elsewhere_are_refused(
        self,
        helm: Callable[..., CompletedProcess[str]],
        chart: Path,
        settings: str,
        message: str,
    ) -> None:
        made = helm("template", "failsoft", chart, "--set", settings)

        assert made.returncode != 0
        assert message in made.stderr


def test_alerts_and_dashboard_are_shipped_as_they_are(defaults: Render, root: Path) -> None:
    """Both have braces of their own, which Helm must leave alone."""
    shipped = root / "deploy" / "observability"
    made = defaults(
        "--set",
        "metrics.enabled=true,metrics.alerts.enabled=true,metrics.dashboard.enabled=true",
        *OPERATOR,
    )

    [rule] = of_kind(made, "PrometheusRule")
    alerts = yaml.safe_load((shipped / "prometheus" / "alerts.yaml").read_text())
    assert rule["spec"] == alerts
    [dashboard] = [
        each
        for each in of_kind(made, "ConfigMap")
        if each["metadata"]["name"] == "failsoft-dashboard"
    ]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    text = (shipped / "grafana" / "failsoft.json").read_text()
    assert dashboard["data"]["failsoft.json"].strip() == text.strip()


def test_alerts_without_metrics_are_refused(
    helm: Callable[..., CompletedProcess[str]], chart: Path
) -> None:
    made = helm("template", "failsoft", chart, "--set", "metrics.alerts.enabled=true")

    assert made.returncode != 0
    assert "set metrics.enabled too" in made.stderr


def test_without_the_prometheus_operator_there_are_no_rules(defaults: Render) -> None:
    made = defaults("--set", "metrics.enabled=true,metrics.alerts.enabled=true")

    assert of_kind(made, "PrometheusRule") == []
