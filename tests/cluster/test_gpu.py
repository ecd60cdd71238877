"""A model that wants a GPU waits for one, and its hop says so meanwhile."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.kubectl import Namespace
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

GPU = "nvidia.com/gpu"
SECONDS = 60.0


def test_without_a_gpu_it_is_pending_and_with_one_it_is_scheduled(
    release: "Release", callers: "Callers"
) -> None:
    """Its image is not there, so that it never runs: scheduling is all that is looked at."""
    with wants_a_gpu(release):
        eventually(lambda: is_pending(release), within=SECONDS)
        answer = callers.ask("grpc", "local")
        with a_gpu_on_the_node(release.namespace):
            eventually(lambda: not is_pending(release), within=SECONDS)
        (pod,) = release.pods("local-llm")

    assert "no_ready_endpoint" in answer.error
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"][GPU] == "1"
    tolerated = [each["key"] for each in pod["spec"]["tolerations"] if "key" in each]
    assert GPU in tolerated
    assert {"etc", "tmp", "scratch"} <= {volume["name"] for volume in pod["spec"]["volumes"]}


@contextmanager
def wants_a_gpu(release: "Release") -> Iterator[None]:
    release.upgrade("--set=localLlm.gpu.count=1", wait=False)
    try:
        yield
    finally:
        release.upgrade()


def is_pending(release: "Release") -> bool:
    """Its only pod is the new one, and has no node."""
    pods = release.pods("local-llm")
    return len(pods) == 1 and "nodeName" not in pods[0]["spec"]


@contextmanager
def a_gpu_on_the_node(namespace: "Namespace") -> Iterator[None]:
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
