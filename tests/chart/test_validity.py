"""What the chart renders is something that Kubernetes accepts."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytestmark = pytest.mark.chart

KUBERNETES = ["1.30", "1.34", "1.37"]
"""The oldest that the chart allows, the newest whose schemas we have, and one between."""


FOREIGN = {
    "cert-manager.io/v1",
    "gateway.networking.k8s.io/v1",
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
}
"""What is no part of Kubernetes, and has no schema there."""


def test_the_chart_passes_helms_strict_lint_with_every_values_file(
    helm: Callable[..., CompletedProcess[str]], chart: Path, ci_values: Path
) -> None:
    lint = helm("lint", "--strict", chart, "--values", ci_values)

    assert lint.returncode == 0, lint.stdout + lint.stderr


NEWER = {"models-image": "1.30"}
"""Values files that ask for more than that version has."""


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_fits_the_schemas_of_kubernetes(
    ci_values: Path, manifests: list[dict[str, Any]], version: str
) -> None:
    """Strictly: an unknown field is one that Kubernetes would silently drop."""
    if NEWER.get(ci_values.name.removesuffix("-values.yaml")) == version:
        pytest.skip(f"Kubernetes {version} does not know what {ci_values.name} asks for")
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate",
        reason="kubernetes-validate is not here: `make test-chart` installs it",
    )

    for manifest in manifests:
        if manifest["apiVersion"] not in FOREIGN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_every_object_says_its_namespace(manifests: list[dict[str, Any]]) -> None:
    """Whoever applies what was rendered need not say it, and a Role stays with its pods."""
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"failsoft"}


def test_an_unknown_field_does_not_fit() -> None:
    """Shows that the check above can fail."""
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate",
        reason="kubernetes-validate is not here: `make test-chart` installs it",
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"clusterIp": "None"},
    }

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES[0], strict=True)


def test_an_older_kubernetes_is_refused_with_the_version_that_is_needed(
    helm: Callable[..., CompletedProcess[str]], chart: Path
) -> None:
    """Without the preStop sleep every roll would cut answers."""
    made = helm("template", "failsoft", chart, "--kube-version", "1.29.9")

    assert made.returncode != 0
    assert ">=1.30.0-0" in made.stderr


def test_no_object_is_rendered_twice(manifests: list[dict[str, Any]]) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]

    assert len(names) == len(set(names))


def test_names_fit_a_dns_label(manifests: list[dict[str, Any]]) -> None:
    """A Service's name is one; Helm's own limit on release names is no help with long suffixes."""
    assert all(len(manifest["metadata"]["name"]) <= 63 for manifest in manifests)
