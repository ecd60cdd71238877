"""What is looked at before an installation or an upgrade changes anything."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from network_policy import Peer, may_reach, pod_of

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]


def of_component(manifests: Manifests, kind: str, component: str) -> Manifests:
    return [
        each
        for each in manifests
        if each["kind"] == kind
        and each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]


@pytest.fixture
def job(manifests: Manifests) -> dict[str, Any]:
    """That of one of the `ci` files; the test is skipped where it is turned off."""
    found = of_component(manifests, "Job", "preflight")
    if not found:
        pytest.skip("preflight.enabled is false")
    return found[0]


def containers(manifests: Manifests) -> list[dict[str, Any]]:
    """Those of all pods."""
    specs = [
        each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet", "Job", "Pod"}
    ]
    return [container for spec in specs for container in spec["containers"]]


def test_it_runs_the_routers_image_on_the_routers_policy(
    manifests: Manifests, job: dict[str, Any]
) -> None:
    [deployment] = of_component(manifests, "Deployment", "router")
    [router] = deployment["spec"]["template"]["spec"]["containers"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    policies = [
        each["data"]["policy.yaml"]
        for each in manifests
        if each["kind"] == "ConfigMap" and "policy.yaml" in each["data"]
    ]

    assert container["image"] == router["image"]
    assert container["command"] == router["command"]
    assert len(policies) == 2
    assert policies[0] == policies[1]


def test_it_reaches_nobody(manifests: Manifests, job: dict[str, Any]) -> None:
    if not of_component(manifests, "NetworkPolicy", "router"):
        pytest.skip("there are no network policies")

    assert not may_reach(manifests, pod_of(job), Peer(address="18.164.174.118"), 443)


def test_it_comes_before_everything_and_leaves_nothing_when_all_is_well(
    manifests: Manifests,
) -> None:
    hooks = [each for each in manifests if "preflight" in str(each["metadata"]["labels"])]

    for hook in hooks:
        annotations = hook["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    for each in of_component(manifests, "Job", "preflight"):
        assert each["spec"]["ttlSecondsAfterFinished"] <= 3600


def test_what_it_runs_names_every_mistake_of_the_policy(defaults: Render, tmp_path: Path) -> None:
    def check(policy: str) -> CompletedProcess[str]:
        [job] = of_component(defaults(), "Job", "preflight")
        [container] = job["spec"]["template"]["spec"]["containers"]
        (tmp_path / "policy.yaml").write_text(policy)
        arguments = [*container["command"][1:], container["args"][0], tmp_path / "policy.yaml"]
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60
        )

    [good] = [
        each["data"]["policy.yaml"] for each in of_component(defaults(), "ConfigMap", "preflight")
    ]
    assert check(good).returncode == 0
    bad = yaml.safe_load(good)
    bad["routes"]["chat"]["hops"] = ["openai", "other"]
    bad["targets"]["openai"]["modle"] = "m"
    refused = check(yaml.safe_dump(bad))
    assert refused.returncode == 2
    assert "`routes.chat.hops[1]`" in refused.stderr
    assert "did you mean `model`?" in refused.stderr


def test_it_can_be_left_out(defaults: Render) -> None:
    made = defaults("--set", "preflight.enabled=false")

    assert "preflight" not in str(made)


def test_what_a_container_says_as_it_ends_is_shown_by_describe(manifests: Manifests) -> None:
    for container in containers(manifests):
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
