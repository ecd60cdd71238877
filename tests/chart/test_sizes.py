"""The values files for sizes ask for what they say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

UNITS = {"": 1.0, "m": 0.001, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def amount(quantity: object) -> float:
    """A quantity of Kubernetes in cores or bytes."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def requested(manifests: Manifests, resource: str) -> float:
    """What all pods ask for together; a scaler's fewest pods count."""
    return sum(pods * amount(request[resource]) for pods, request in _requests(manifests))


def _requests(manifests: Manifests) -> Iterator[tuple[int, dict[str, Any]]]:
    fewest = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"]
        for each in manifests
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    for each in manifests:
        match each["kind"]:
            case "Deployment" | "StatefulSet":
                spec, name = each["spec"]["template"]["spec"], each["metadata"]["name"]
                pods = each["spec"].get("replicas") or fewest.get(name, 0)
            case "Pod":
                spec, pods = each["spec"], 1
            case _:
                continue
        for container in spec["containers"]:
            yield pods, container["resources"]["requests"]


@pytest.fixture
def sized(chart: Path, render: Render) -> Callable[..., Manifests]:
    """What the chart makes of the values for a size, and of further arguments."""

    def make(size: str, *arguments: str) -> Manifests:
        return render(chart / f"values-{size}.yaml", *arguments)

    return make


def test_minimal_fits_a_laptop_with_all_it_needs(sized: Callable[..., Manifests]) -> None:
    made = sized("minimal")

    assert requested(made, "cpu") <= 1.0
    assert requested(made, "memory") <= 1.5 * 2**30
    workloads = [each for each in made if each["kind"] in {"Deployment", "StatefulSet"}]
    assert {each["spec"]["replicas"] for each in workloads} == {1}
    assert "failsoft-valkey" in {each["metadata"]["name"] for each in workloads}
    assert "nvidia.com/gpu" not in str(made)


def test_production_makes_no_secret_and_survives_the_loss_of_a_pod(
    sized: Callable[..., Manifests],
) -> None:
    """Its metrics token aside, which nobody but Prometheus shows."""
    made = sized("production")

    secrets = {each["metadata"]["name"] for each in made if each["kind"] == "Secret"}
    assert secrets == {"failsoft-metrics-token"}
    [scaler] = [each for each in made if each["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["minReplicas"] >= 2
    for each in made:
        if each["kind"] == "Deployment":
            assert each["spec"].get("replicas", 2) >= 2


def test_gpu_goes_with_any_other_size(chart: Path, sized: Callable[..., Manifests]) -> None:
    for made in (
        sized("gpu"),
        sized("production", "--values", str(chart / "values-gpu.yaml")),
    ):
        [model] = [
            each
            for each in made
            if each["kind"] == "Deployment" and each["metadata"]["name"] == "failsoft-local-llm"
        ]
        [container] = model["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert "failsoft/local-llm-gpu" in container["image"]
        jobs = [each["metadata"]["name"] for each in made if each["kind"] == "Job"]
        assert any(name.startswith("failsoft-preload-") for name in jobs)


@pytest.mark.parametrize(
    ("arguments", "row"),
    [
        ((), "values.yaml"),
        (("values-minimal.yaml",), "values-minimal.yaml"),
        (("values-production.yaml",), "values-production.yaml"),
    ],
    ids=["default", "minimal", "production"],
)
def test_the_readme_says_what_a_size_asks_for(
    chart: Path, render: Render, arguments: tuple[str, ...], row: str
) -> None:
    values = chart / (arguments[0] if arguments else "ci/default-values.yaml")
    made = [each for each in render(values) if each["kind"] != "Pod"]
    [told] = [
        line for line in (chart / "README.md").read_text().splitlines() if f"| `{row}` |" in line
    ]

    cpu, memory = requested(made, "cpu"), requested(made, "memory") / 2**30
    assert told.endswith(f"| {round(cpu, 2):g} CPU, {memory:.1f} GiB |")
