"""What values-gpu.yaml installs: it waits for a GPU, and its hop says so meanwhile."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from on_cluster.callers import neighbours_of
from on_cluster.kubectl import Namespace
from on_cluster.release import CHART, Release, image_options, new_release
from on_cluster.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

GPU = "nvidia.com/gpu"
SECONDS = 60.0

LITTLE = (
    "--set=router.replicas=1",
    "--set=router.resources.requests.cpu=20m",
    "--set=cache.resources.requests.cpu=20m",
    "--set=localLlm.resources.requests.cpu=20m",
    "--set=localLlm.resources.requests.memory=64Mi",
)
"""So that a node without the processors and the memory of one with a GPU lacks the GPU alone."""


@pytest.fixture
def gpu_release(cluster: None) -> Iterator[Release]:
    """Installed, with the routers ready; the model's image need not be there, so nothing runs."""
    values = f"--values={CHART / 'values-gpu.yaml'}"
    with new_release((values, *image_options(), *LITTLE)) as release:
        release.namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "failsoft-hub"},
                "stringData": {"token": "hf_none"},
            }
        )
        release.install(wait=False)
        release.wait_until_ready("router", "cache")
        yield release


def test_without_a_gpu_it_is_pending_and_with_one_it_is_scheduled(gpu_release: Release) -> None:
    """Without the providers' keys, and for who is allowed no mock, it leaves nobody to answer."""
    eventually(lambda: GPU in why_pending(gpu_release), within=SECONDS)
    with neighbours_of(gpu_release) as callers:
        answer = callers.ask("grpc", "chat")
    with a_gpu_on_the_node(gpu_release.namespace):
        eventually(lambda: "nodeName" in model_pod(gpu_release)["spec"], within=SECONDS)
        pod = model_pod(gpu_release)

    assert "local-llama skipped (no_ready_endpoint)" in answer.error
    assert {"key": GPU, "operator": "Exists", "effect": "NoSchedule"} in pod["spec"]["tolerations"]
    (container,) = pod["spec"]["containers"]
    assert container["image"].rpartition("/")[2].startswith("local-llm-gpu:")
    assert container["resources"]["limits"][GPU] == "1"
    volumes = volumes_by_path(pod)
    assert volumes["/dev/shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "2Gi"}  # noqa: S108
    assert volumes["/models"]["persistentVolumeClaim"] == {"claimName": "failsoft-models"}


def test_its_models_have_a_volume_which_a_job_fills(gpu_release: Release) -> None:
    """The Job alone may call the hub and has its token; the pod that serves reads what it left."""
    claim = gpu_release.namespace.get("pvc", "failsoft-models")
    (job,) = gpu_release.namespace.get("jobs", "--selector", PRELOAD)["items"]
    preload = job["spec"]["template"]
    volumes = volumes_by_path(preload)
    serving = volumes_by_path(model_pod(gpu_release))

    assert claim["spec"]["resources"]["requests"]["storage"] == "40Gi"
    (container,) = preload["spec"]["containers"]
    assert container["args"][:3] == ["llama-3.1-8b-instruct", "--to", "/models"]
    assert GPU not in container["resources"]["limits"]
    assert volumes["/models"]["persistentVolumeClaim"] == {"claimName": "failsoft-models"}
    assert volumes["/etc/failsoft"]["secret"]["secretName"] == "failsoft-hub"
    assert serving["/models"]["persistentVolumeClaim"] == {"claimName": "failsoft-models"}
    assert "failsoft-hub" not in json.dumps(serving)


PRELOAD = "app.kubernetes.io/component=preload"


def model_pod(release: Release) -> dict[str, Any]:
    (pod,) = release.pods("local-llm")
    return pod


def why_pending(release: Release) -> str:
    """What the scheduler says of the model's pod; empty: it has a node, or nobody looked yet."""
    conditions = model_pod(release)["status"].get("conditions", [])
    return "".join(each.get("message", "") for each in conditions if each["status"] == "False")


def volumes_by_path(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is mounted where in its first container."""
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    return {mount["mountPath"]: volumes[mount["name"]] for mount in mounts}


@contextmanager
def a_gpu_on_the_node(namespace: Namespace) -> Iterator[None]:
    """The first node says that it has one, while the block lasts."""
    node = namespace.get("nodes")["items"][0]["metadata"]["name"]

    def say(count: str | None) -> None:
        there = {GPU: count}
        patch = json.dumps({"status": {"capacity": there, "allocatable": there}})
        namespace.kubectl(
            "patch", f"node/{node}", "--subresource=status", "--type=merge", f"--patch={patch}"
        )

    say("1")
    try:
        yield
    finally:
        say(None)
