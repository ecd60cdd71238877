"""What pods may ask of Kubernetes: nothing, but for the router: its endpoints, and its events."""

from collections.abc import Callable
from typing import Any

import pytest
from network_policy import Peer, may_reach, pod_of

from failsoft_router.adapters.pod_events import pod_around

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

ALONE = "router.watchEndpoints=false"


def of_kind(manifests: Manifests, kind: str) -> Manifests:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def router(manifests: Manifests) -> dict[str, Any]:
    [found] = [
        each
        for each in of_kind(manifests, "Deployment")
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == "router"
    ]
    return found


def test_only_the_router_has_a_token_of_the_cluster(deployments: Manifests) -> None:
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        has_account = "serviceAccountName" in pod
        assert pod["automountServiceAccountToken"] is has_account
        assert not has_account or deployment == router(deployments)


def test_the_router_may_watch_endpoints_and_tell_events_of_its_namespace_and_nothing_else(
    defaults: Render,
) -> None:
    made = defaults()

    [account] = of_kind(made, "ServiceAccount")
    [role] = of_kind(made, "Role")
    [binding] = of_kind(made, "RoleBinding")
    name = account["metadata"]["name"]
    assert router(made)["spec"]["template"]["spec"]["serviceAccountName"] == name
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": name, "namespace": "failsoft"}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert role["rules"] == [
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    ]
    assert not of_kind(made, "ClusterRole") + of_kind(made, "ClusterRoleBinding")


@pytest.mark.parametrize("telemetry", ["", "http://collector:4317"])
def test_the_router_knows_which_pod_its_events_are_about(defaults: Render, telemetry: str) -> None:
    made = defaults("--set", f"telemetry.otlpEndpoint={telemetry}")

    [container] = router(made)["spec"]["template"]["spec"]["containers"]
    from_pod = {
        each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"]
        for each in container["env"]
        if "valueFrom" in each
    }
    assert from_pod == {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_UID": "metadata.uid",
    }
    assert pod_around(dict.fromkeys(from_pod, "something")) is not None


def test_without_watching_nobody_may_ask_anything(defaults: Render) -> None:
    made = defaults("--set", ALONE)

    for kind in ("ServiceAccount", "Role", "RoleBinding"):
        assert of_kind(made, kind) == []
    assert router(made)["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_the_api_server_is_reached_where_endpoints_are_watched(defaults: Render) -> None:
    api_server, metadata = Peer(address="10.96.0.5"), Peer(address="169.254.169.254")
    watching = defaults()
    alone = defaults("--set", ALONE)
    named = defaults("--set", "networkPolicy.apiServer[0].ipBlock.cidr=10.96.0.5/32")

    assert may_reach(watching, pod_of(router(watching)), api_server, 6443)
    assert not may_reach(watching, pod_of(router(watching)), metadata, 443)
    assert not may_reach(alone, pod_of(router(alone)), api_server, 6443)
    assert may_reach(named, pod_of(router(named)), api_server, 6443)
    assert not may_reach(named, pod_of(router(named)), Peer(address="10.96.0.6"), 6443)
