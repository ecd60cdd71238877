"""How the pods run: as nobody, within limits, told apart by probes, and stopped without a cut."""

from collections.abc import Callable
from typing import Any

import pytest

from failsoft.cache.v1 import cache_service_pb2
from failsoft.inference.v1 import inference_service_pb2
from failsoft_kit.rpc.health import LIVENESS

pytestmark = pytest.mark.chart

SERVING = {
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in [
        (cache_service_pb2, "CacheService"),
        (inference_service_pb2, "InferenceService"),
    ]
}
"""What the services call themselves in their health."""

SCRATCH = {
    "router": {"/tmp"},  # noqa: S108
    "cache": {"/tmp"},  # noqa: S108
    "local-llm": {"/tmp", "/cache", "/dev/shm"},  # noqa: S108
}
"""Where a service may write."""

PORTS = {
    "failsoft-router": {"grpc": 50050, "grpc-admin": 50060, "http": 50080},
    "failsoft-cache": {"grpc": 50052},
    "failsoft-local-llm": {"grpc": 50051},
}


def pods(deployments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [deployment["spec"]["template"]["spec"] for deployment in deployments]


def containers(deployments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [container for pod in pods(deployments) for container in pod["containers"]]


def test_each_service_is_a_deployment(deployments: list[dict[str, Any]]) -> None:
    components = [
        deployment["metadata"]["labels"]["app.kubernetes.io/component"]
        for deployment in deployments
    ]

    assert sorted(components) == ["cache", "local-llm", "router"]


def test_only_scratch_can_be_written_and_it_is_bounded(deployments: list[dict[str, Any]]) -> None:
    for pod in pods(deployments):
        bounded = {
            volume["name"]
            for volume in pod["volumes"]
            if volume.get("emptyDir", {}).get("sizeLimit")
        }
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            writable = [mount for mount in container["volumeMounts"] if not mount.get("readOnly")]
            assert {mount["mountPath"] for mount in writable} <= SCRATCH[container["name"]]
            assert {mount["name"] for mount in writable} <= bounded


def test_every_port_of_a_service_has_a_name_and_a_protocol(
    manifests: list[dict[str, Any]],
) -> None:
    """Helm 4 applies on the server's side, where a port is merged by number and protocol."""
    services = [manifest for manifest in manifests if manifest["kind"] == "Service"]
    ports = [port for service in services for port in service["spec"]["ports"]]

    assert ports
    assert all(port["name"] and port["protocol"] == "TCP" for port in ports)


def test_probes_are_native_grpc_on_a_port_of_the_container(
    deployments: list[dict[str, Any]],
) -> None:
    for container in containers(deployments):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["grpc"]["port"] == ports.get("health", ports["grpc"])


def test_liveness_asks_less_than_readiness(deployments: list[dict[str, Any]]) -> None:
    """A loading or draining service is alive; killing it would only make things worse."""
    for container in containers(deployments):
        assert container["livenessProbe"]["grpc"]["service"] == LIVENESS
        assert container["readinessProbe"]["grpc"]["service"] in SERVING
        assert container["startupProbe"]["grpc"] == container["readinessProbe"]["grpc"]


def test_a_frozen_process_is_not_given_the_time_of_a_drain(
    deployments: list[dict[str, Any]],
) -> None:
    """It drains nothing, and without a word of its own a probe waits for the pod's grace period."""
    for container in containers(deployments):
        assert container["livenessProbe"]["terminationGracePeriodSeconds"] <= 30


def test_the_startup_budget_follows_the_values(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    """A pod may not end before its engine has given up; a whole period is never cut off."""
    budgets = {
        container["name"]: container["startupProbe"]["periodSeconds"]
        * container["startupProbe"]["failureThreshold"]
        for container in containers(
            [
                manifest
                for manifest in defaults("--set", "localLlm.startupSeconds=125")
                if manifest["kind"] == "Deployment"
            ]
        )
    }

    assert budgets["local-llm"] == 126 + 60


def test_services_listen_where_the_table_of_ports_says(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    deployments = [manifest for manifest in defaults() if manifest["kind"] == "Deployment"]

    listening = {
        deployment["metadata"]["name"]: {
            port["name"]: port["containerPort"]
            for container in containers([deployment])
            for port in container["ports"]
        }
        for deployment in deployments
    }

    assert listening == PORTS


def test_every_service_finds_pods_that_have_its_ports(manifests: list[dict[str, Any]]) -> None:
    deployments = [each for each in manifests if each["kind"] in {"Deployment", "StatefulSet"}]
    for service in (manifest for manifest in manifests if manifest["kind"] == "Service"):
        found = [
            deployment
            for deployment in deployments
            if service["spec"]["selector"].items()
            <= deployment["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(found) == 1
        ports = {port["name"]: port["containerPort"] for port in containers(found)[0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]


def test_what_routers_balance_over_is_headless_and_the_admin_port_never_behind_one_address(
    manifests: list[dict[str, Any]],
) -> None:
    """Behind one address an operator would see the breakers of a random replica."""
    for service in (manifest for manifest in manifests if manifest["kind"] == "Service"):
        ports = {port["name"] for port in service["spec"]["ports"]}
        component = service["metadata"]["labels"]["app.kubernetes.io/component"]
        if component != "router" or "grpc-admin" in ports:
            assert service["spec"]["clusterIP"] == "None"


def test_sigkill_comes_after_the_sleep_and_the_drain(
    deployments: list[dict[str, Any]],
) -> None:
    for pod in pods(deployments):
        [container] = pod["containers"]
        sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert sleep > 0
        assert pod["terminationGracePeriodSeconds"] > sleep


def test_the_grace_follows_the_values(defaults: Callable[..., list[dict[str, Any]]]) -> None:
    graces = {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"][
            "terminationGracePeriodSeconds"
        ]
        for manifest in defaults("--set", "preStopSeconds=7,router.drainSeconds=100")
        if manifest["kind"] == "Deployment"
    }

    assert graces["failsoft-router"] == 7 + 100 + 15


def test_a_roll_takes_no_pod_away_before_a_new_one_is_ready(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    for manifest in defaults():
        if manifest["kind"] == "Deployment":
            assert manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def startup_seconds(container: dict[str, Any]) -> int:
    """How long it may take to start."""
    probe = container["startupProbe"]
    budget: int = probe["periodSeconds"] * probe["failureThreshold"]
    return budget


def test_no_roll_counts_as_failed_while_a_pod_may_still_end_or_start(
    manifests: list[dict[str, Any]],
) -> None:
    """Kubernetes' own ten minutes are less than a drain, and than the start of a big model."""
    rolled = [manifest for manifest in manifests if manifest["kind"] == "Deployment"]
    for spec in (deployment["spec"] for deployment in rolled):
        pod = spec["template"]["spec"]
        grace = pod.get("terminationGracePeriodSeconds", 30)
        start = max(startup_seconds(container) for container in pod["containers"])
        assert spec["progressDeadlineSeconds"] >= grace + start + 600


def test_a_roll_waits_as_the_values_say(defaults: Callable[..., list[dict[str, Any]]]) -> None:
    """For images from far away, and for pods that end as soon as they are ready."""
    for settings, ready, fetch in [
        ("minReadySeconds=10", 10, 600),
        ("minReadySeconds=0,image.pullSeconds=60", 0, 60),
    ]:
        [spec] = [
            each["spec"]
            for each in defaults("--set", settings)
            if each["kind"] == "Deployment" and each["metadata"]["name"] == "failsoft-cache"
        ]
        assert spec["minReadySeconds"] == ready
        assert spec["progressDeadlineSeconds"] == 10 + 15 + 15 + 60 + fetch + ready


def test_selectors_never_change_with_the_version(manifests: list[dict[str, Any]]) -> None:
    """A Deployment's selector cannot be changed, and a new version label would roll GPU pods."""
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert manifest["spec"]["selector"]["matchLabels"] == labels
            assert not any("version" in label or "chart" in label for label in labels)


def test_a_change_of_the_policy_reaches_the_router_and_replaces_no_pod(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    """A volume follows its ConfigMap, unless a part of it is mounted by `subPath`."""
    before, after = (
        {(each["kind"], each["metadata"]["name"]): each for each in made}
        for made in (defaults(), defaults("--set", "router.policy=edited"))
    )

    changed = [name for name, manifest in after.items() if manifest != before[name]]
    router = after["Deployment", "failsoft-router"]["spec"]["template"]["spec"]["containers"][0]

    assert ("ConfigMap", "failsoft-router-policy") in changed
    assert [kind for kind, _ in changed if kind == "Deployment"] == []
    assert not any("subPath" in mount for mount in router["volumeMounts"])
