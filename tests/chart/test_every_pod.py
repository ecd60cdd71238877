"""What every pod of the chart keeps to, whatever it is for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]
Pods = dict[str, dict[str, Any]]

TEMPLATED = {"Deployment", "StatefulSet", "Job"}
WITH_A_TOKEN = {"router"}
"""Components that may ask the Kubernetes API."""


def pods_of(manifests: Manifests) -> Pods:
    """Every pod spec, by its component."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: (
            each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        )
        for each in manifests
        if each["kind"] in {*TEMPLATED, "Pod"}
    }


@pytest.fixture
def pods(manifests: Manifests) -> Pods:
    """Those of one of the `ci` files, or of those for sizes."""
    return pods_of(manifests)


def containers(pods: Pods) -> Iterator[dict[str, Any]]:
    for pod in pods.values():
        yield from pod["containers"]
        yield from pod.get("initContainers", ())


def test_every_kind_of_pod_is_looked_at(defaults: Render) -> None:
    """A new kind that these tests do not know would pass them."""
    made = defaults(
        "--set",
        "valkey.own.enabled=true,telemetry.jaeger.enabled=true,telemetry.collector.enabled=true,"
        "localLlm.models.storage=1Gi,localLlm.model=a,localLlm.preload.enabled=true",
    )

    assert pods_of(made).keys() == {
        *("router", "cache", "local-llm", "valkey", "jaeger", "collector"),
        *("preload", "preflight", "test"),
    }
    with_containers = [each for each in made if "containers" in str(each.get("spec"))]
    assert {each["kind"] for each in with_containers} == {*TEMPLATED, "Pod"}


def test_it_meets_the_restricted_pod_security_standard(pods: Pods) -> None:
    for pod in pods.values():
        security = pod["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] == security["runAsGroup"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all("hostPath" not in volume for volume in pod["volumes"])
    for container in containers(pods):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security


def test_it_has_no_token_of_kubernetes_unless_it_asks_its_api(pods: Pods) -> None:
    for component, pod in pods.items():
        assert pod["automountServiceAccountToken"] in {False, component in WITH_A_TOKEN}


def test_it_gets_no_variables_of_other_services(pods: Pods) -> None:
    """Service links would look like settings: FAILSOFT_ROUTER_PORT and its like."""
    for pod in pods.values():
        assert pod["enableServiceLinks"] is False


def test_it_says_what_it_needs_and_where_it_ends(pods: Pods) -> None:
    for container in containers(pods):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


def test_its_ports_have_a_name_and_a_protocol(pods: Pods) -> None:
    """Helm 4 applies on the server's side, where a port is merged by number and protocol."""
    for container in containers(pods):
        for port in container.get("ports", ()):
            assert port["name"]
            assert port["protocol"] == "TCP"


def test_no_secret_is_in_its_variables(pods: Pods) -> None:
    for container in containers(pods):
        assert "envFrom" not in container
        for variable in container.get("env", ()):
            assert "secretKeyRef" not in variable.get("valueFrom", {})
