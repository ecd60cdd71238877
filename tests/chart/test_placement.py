"""Where pods go, and which images they run."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.chart


class TestGpu:
    """`localLlm.gpu.count` decides where the model runs."""

    @staticmethod
    def pod(manifests: list[dict[str, Any]]) -> dict[str, Any]:
        [deployment] = [
            manifest
            for manifest in manifests
            if manifest["kind"] == "Deployment"
            and manifest["metadata"]["name"] == "failsoft-local-llm"
        ]
        pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
        return pod

    def test_without_one_the_pod_fits_any_node(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        pod = self.pod(
            defaults("--set", "localLlm.gpu.runtimeClassName=nvidia,localLlm.gpu.nodeSelector.a=b")
        )

        assert not {"tolerations", "nodeSelector", "runtimeClassName"} & pod.keys()
        assert "nvidia.com/gpu" not in pod["containers"][0]["resources"]["limits"]

    def test_with_one_the_pod_goes_where_gpus_are(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        pod = self.pod(
            defaults(
                "--set",
                "localLlm.gpu.count=2,localLlm.gpu.runtimeClassName=nvidia,"
                "localLlm.gpu.nodeSelector.zone=gpus",
            )
        )

        limits = pod["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == 2
        assert limits["memory"]
        assert pod["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]
        assert pod["nodeSelector"] == {"zone": "gpus"}
        assert pod["runtimeClassName"] == "nvidia"

    def test_a_roll_frees_the_gpu_first(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        """Where every GPU is in use a new pod beside the old one would wait for ever."""
        [strategy] = [
            manifest["spec"]["strategy"]["rollingUpdate"]
            for manifest in defaults("--set", "localLlm.gpu.count=1")
            if manifest["metadata"]["name"] == "failsoft-local-llm"
            and manifest["kind"] == "Deployment"
        ]

        assert strategy == {"maxUnavailable": 1, "maxSurge": 0}

    def test_a_share_of_one_has_a_name_of_its_own(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        share = "nvidia.com/mig-3g.20gb"
        pod = self.pod(defaults("--set", f"localLlm.gpu.count=1,localLlm.gpu.resource={share}"))

        limits = pod["containers"][0]["resources"]["limits"]
        assert limits[share] == 1
        assert "nvidia.com/gpu" not in limits


@pytest.mark.parametrize(
    ("values", "components"),
    [
        ("router", {"router", "test", "preflight"}),
        ("cache", {"cache"}),
        ("localLlm", {"local-llm", "preload"}),
        ("valkey.own", {"valkey"}),
        ("telemetry.jaeger", {"jaeger"}),
        ("telemetry.collector", {"collector"}),
    ],
)
def test_every_pod_goes_to_the_nodes_of_its_values(
    defaults: Callable[..., list[dict[str, Any]]], values: str, components: set[str]
) -> None:
    affinity = "nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
    made = defaults(
        "--set",
        "valkey.own.enabled=true,telemetry.jaeger.enabled=true,telemetry.collector.enabled=true,"
        "localLlm.models.storage=1Gi,localLlm.model=a,localLlm.preload.enabled=true,"
        f"{values}.nodeSelector.pool=ours,{values}.tolerations[0].key=ours,"
        f"{values}.affinity.{affinity}.matchFields[0].key=ours",
    )

    placed = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in made
        for pod in [each if each["kind"] == "Pod" else each.get("spec", {}).get("template", {})]
        if pod.get("spec", {}).get("nodeSelector") == {"pool": "ours"}
        and pod["spec"]["tolerations"] == [{"key": "ours"}]
        and "ours" in str(pod["spec"]["affinity"]["nodeAffinity"])
    }

    assert placed == components


class TestImages:
    """Where images come from and which ones."""

    @staticmethod
    def images(manifests: list[dict[str, Any]]) -> list[str]:
        return sorted(
            container["image"]
            for manifest in manifests
            if manifest["kind"] == "Deployment"
            for container in manifest["spec"]["template"]["spec"]["containers"]
        )

    def test_are_of_the_charts_own_version(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        """Never `latest`, which is another one tomorrow."""
        assert self.images(defaults()) == [
            "failsoft/cache:0.1.0",
            "failsoft/local-llm:0.1.0",
            "failsoft/router:0.1.0",
        ]

    def test_come_from_the_registry_and_a_digest_wins_over_the_tag(
        self, defaults: Callable[..., list[dict[str, Any]]]
    ) -> None:
        digest = "sha256:" + "a" * 64
        made = defaults(
            "--set", f"image.registry=here:5000/x,image.tag=v1,image.digest.router={digest}"
        )

        assert self.images(made) == [
            "here:5000/x/failsoft/cache:v1",
            "here:5000/x/failsoft/local-llm:v1",
            f"here:5000/x/failsoft/router@{digest}",
        ]
