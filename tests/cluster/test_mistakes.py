"""What an operator is shown who made a mistake; docs/operations.md says what to do about each."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from on_cluster.kubectl import CommandFailed, Namespace, run
from on_cluster.release import CHART, image_options
from on_cluster.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(300)]

SECONDS = 120.0
"""A node may try long to reach a registry that is not there."""

SMALL = (
    *(f"--values={CHART / 'values-minimal.yaml'}", "--set=localLlm.replicas=0"),
    *("--set=valkey.own.enabled=false", "--set=router.resources.requests.cpu=10m"),
    "--set=cache.resources.requests.cpu=10m",
)
"""Room is left for another release on the cluster."""

LATER = "--set=preflight.enabled=false"
NO_POLICY = """\
targets:
  openai: {provider: openai, modle: gpt-5-mini}
routes:
  chat: {default: true, hops: [openai, other]}
"""
MISTAKES = (
    "`targets.openai.modle` (/etc/failsoft/policy.yaml, line 2) is unknown; did you mean `model`?",
    "`routes.chat.hops[1]` (/etc/failsoft/policy.yaml, line 4) names `other`, which is no target",
)


@pytest.fixture
def namespace(cluster: None) -> Iterator[Namespace]:
    made = Namespace(name=f"failsoft-test-{secrets.token_hex(3)}")
    made.create({"pod-security.kubernetes.io/enforce": "restricted"})
    try:
        yield made
    finally:
        run("helm", "uninstall", "failsoft", "--namespace", made.name, "--ignore-not-found")
        made.kubectl("delete", "pods", "--all", "--grace-period=1")
        made.delete()


@pytest.fixture
def no_policy(tmp_path: Path) -> str:
    """The option for a policy with two mistakes."""
    file = tmp_path / "policy.yaml"
    file.write_text(NO_POLICY)
    return f"--set-file=router.policy={file}"


def install(namespace: Namespace, *options: str) -> None:
    """Without waiting for pods; raises `CommandFailed` with what Helm says."""
    run(
        *("helm", "install", "failsoft", str(CHART), "--namespace", namespace.name),
        *(*SMALL, *image_options(), *options),
    )


def refused(namespace: Namespace, *options: str) -> str:
    """What Helm says of an installation that fails, of which nothing is there."""
    with pytest.raises(CommandFailed) as failed:
        install(namespace, *options)
    assert namespace.get("deployments")["items"] == []
    return str(failed.value)


def events(namespace: Namespace, reason: str) -> str:
    """As `kubectl get events` and `kubectl describe` show them."""
    found = namespace.get("events", "--field-selector", f"reason={reason}")["items"]
    return "\n".join(event["message"] for event in found)


def router(namespace: Namespace) -> dict[str, Any]:
    """How the container of the only router is; nothing until its pod has a node."""
    for pod in namespace.pods("app.kubernetes.io/component=router"):
        for status in pod["status"].get("containerStatuses", ()):
            return dict(status)
    return {}


def test_secrets_that_are_missing_are_named_before_anything_is_made(namespace: Namespace) -> None:
    namespace.kubectl("create", "secret", "generic", "callers", "--from-literal=keys=x")

    told = refused(
        namespace,
        "--set=router.credentials.existingSecret=providers",
        "--set=router.apiKeys.existingSecret=callers",
    )

    assert "router.credentials.existingSecret: there is no Secret providers in namespace" in told
    assert "has no key api-keys; it has keys" in told
    assert "Make them first" in told


def test_pods_wait_for_secrets_that_come_later(namespace: Namespace) -> None:
    install(namespace, LATER, "--set=router.credentials.existingSecret=providers")

    eventually(
        lambda: 'secret "providers" not found' in events(namespace, "FailedMount"), within=SECONDS
    )
    assert router(namespace)["state"]["waiting"]["reason"] == "ContainerCreating"


def test_an_image_that_no_node_gets_ends_the_installation(namespace: Namespace) -> None:
    told = refused(namespace, "--set=image.tag=nowhere", "--set=preflight.seconds=10")

    assert f"Job/{namespace.name}/failsoft-check-image-and-policy" in told
    eventually(
        lambda: "failsoft/router:nowhere" in events(namespace, "Failed"),
        within=SECONDS,
    )


def test_a_volume_that_nobody_makes_keeps_the_model_pending(namespace: Namespace) -> None:
    install(
        namespace,
        *("--set=localLlm.replicas=1", "--set=localLlm.models.storage=1Gi"),
        "--set=localLlm.models.storageClassName=nowhere",
    )

    eventually(
        lambda: (
            'storageclass.storage.k8s.io "nowhere" not found'
            in events(namespace, "ProvisioningFailed")
        ),
        within=SECONDS,
    )
    assert "unbound immediate PersistentVolumeClaims" in events(namespace, "FailedScheduling")


def test_without_a_gpu_the_model_stays_pending(namespace: Namespace) -> None:
    install(namespace, "--set=localLlm.replicas=1", "--set=localLlm.gpu.count=1")

    eventually(
        lambda: "Insufficient nvidia.com/gpu" in events(namespace, "FailedScheduling"),
        within=SECONDS,
    )


def test_each_mistake_of_a_policy_is_told_where_helm_was_called(
    namespace: Namespace, no_policy: str
) -> None:
    told = refused(namespace, no_policy)

    assert all(mistake in told for mistake in MISTAKES)


def test_and_by_describe_pod_where_nobody_looked_before(
    namespace: Namespace, no_policy: str
) -> None:
    install(namespace, LATER, no_policy)

    eventually(lambda: "terminated" in router(namespace).get("lastState", {}), within=SECONDS)
    message = router(namespace)["lastState"]["terminated"]["message"]
    assert all(mistake in message for mistake in MISTAKES)
