"""Pods stay apart, leave one at a time, and follow the load where that is asked for."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

KEDA = ("--api-versions", "keda.sh/v1alpha1")


def of_kind(manifests: Manifests, kind: str) -> Manifests:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def router(manifests: Manifests) -> dict[str, Any]:
    [found] = [
        each
        for each in of_kind(manifests, "Deployment")
        if each["metadata"]["name"] == "failsoft-router"
    ]
    return found


def test_every_deployment_gives_up_one_pod_at_a_time(
    manifests: Manifests, deployments: Manifests
) -> None:
    """And none that keeps a node from being drained: `maxUnavailable`, also with one replica."""
    budgets = of_kind(manifests, "PodDisruptionBudget")

    for deployment in deployments:
        selector = deployment["spec"]["selector"]
        [budget] = [each["spec"] for each in budgets if each["spec"]["selector"] == selector]
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_of_a_deployment_stay_apart_and_start_all_the_same(deployments: Manifests) -> None:
    for deployment in deployments:
        constraints = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in constraints} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        for constraint in constraints:
            assert constraint["labelSelector"] == deployment["spec"]["selector"]
            assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
            assert constraint["matchLabelKeys"] == ["pod-template-hash"]


def test_every_pod_has_the_priority_of_the_values(defaults: Render) -> None:
    made = defaults("--set", "priorityClassName=critical")

    for deployment in of_kind(made, "Deployment"):
        assert deployment["spec"]["template"]["spec"]["priorityClassName"] == "critical"
    assert "priorityClassName" not in str(defaults())


class TestAutoscaling:
    """`router.autoscaling` decides how many routers there are."""

    ON = "router.autoscaling.enabled=true,router.autoscaling.maxReplicas=7"

    def test_without_it_the_number_is_the_values(self, defaults: Render) -> None:
        made = defaults("--set", "router.replicas=3")

        assert router(made)["spec"]["replicas"] == 3
        assert of_kind(made, "HorizontalPodAutoscaler") == []

    def test_with_it_the_chart_leaves_the_number_alone(self, defaults: Render) -> None:
        """Else every upgrade would throw the routers back to that number."""
        made = defaults("--set", self.ON)

        [scaler] = of_kind(made, "HorizontalPodAutoscaler")
        assert "replicas" not in router(made)["spec"]
        assert scaler["spec"]["scaleTargetRef"]["name"] == router(made)["metadata"]["name"]
        assert scaler["spec"]["maxReplicas"] == 7
        [metric] = scaler["spec"]["metrics"]
        assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}

    def test_caches_follow_their_cpu_by_themselves(self, defaults: Render) -> None:
        made = defaults("--set", "cache.autoscaling.enabled=true,cache.autoscaling.maxReplicas=4")

        [scaler] = of_kind(made, "HorizontalPodAutoscaler")
        assert scaler["spec"]["scaleTargetRef"]["name"] == "failsoft-cache"
        assert scaler["spec"]["maxReplicas"] == 4
        [cache] = [
            each["spec"]
            for each in of_kind(made, "Deployment")
            if each["metadata"]["name"] == "failsoft-cache"
        ]
        assert "replicas" not in cache
        assert router(made)["spec"]["replicas"] == 2

    @pytest.mark.parametrize("component", ["router", "cache"])
    def test_more_at_least_than_at_most_is_refused(
        self, helm: Callable[..., CompletedProcess[str]], chart: Path, component: str
    ) -> None:
        scaling = f"{component}.autoscaling"
        made = helm(
            *("template", "failsoft", chart, "--set"),
            f"{scaling}.enabled=true,{scaling}.minReplicas=30",
        )

        assert made.returncode != 0
        assert f"{scaling}: minReplicas is more than maxReplicas" in made.stderr

    def test_keda_counts_calls_in_flight_too(self, defaults: Render) -> None:
        """One scaler only: two that disagree would take turns."""
        made = defaults(
            "--set", f"{self.ON},router.autoscaling.prometheus=http://prometheus:9090", *KEDA
        )

        [scaled] = of_kind(made, "ScaledObject")
        assert of_kind(made, "HorizontalPodAutoscaler") == []
        assert scaled["spec"]["scaleTargetRef"]["name"] == router(made)["metadata"]["name"]
        calls = scaled["spec"]["triggers"][1]["metadata"]
        assert calls["serverAddress"] == "http://prometheus:9090"
        assert 'namespace="failsoft"' in calls["query"]

    @pytest.mark.parametrize(
        "arguments",
        [
            KEDA,
            ("--set", "router.autoscaling.prometheus=http://prometheus:9090"),
        ],
        ids=["no-prometheus", "no-keda"],
    )
    def test_without_keda_or_without_prometheus_cpu_alone_counts(
        self, defaults: Render, arguments: tuple[str, ...]
    ) -> None:
        made = defaults("--set", self.ON, *arguments)

        assert len(of_kind(made, "HorizontalPodAutoscaler")) == 1
        assert of_kind(made, "ScaledObject") == []
