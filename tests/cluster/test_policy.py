"""An edited policy is in force without a restart; one with a mistake changes nothing."""

from typing import TYPE_CHECKING, Any

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

LIVE_SECONDS = 90.0
"""The kubelet looks at ConfigMaps once a minute."""

POLICY = "configmap/failsoft-router-policy"


def test_an_edited_policy_is_live_without_a_restart(release: "Release", callers: "Callers") -> None:
    before = release.restarts("router")

    with release.edited(POLICY, "policy.yaml", "  local:", "  renamed:"):
        took = eventually(
            lambda: callers.ask("grpc", "renamed").served_by == "local-llama", within=LIVE_SECONDS
        )

    print(f"a policy was live after {took:.0f} s")  # noqa: T201 - for who asks by -s
    assert release.restarts("router") == before
    eventually(lambda: "PolicyLoaded" in {each["reason"] for each in events(release)}, within=30.0)


def test_a_bad_policy_is_refused_and_told_and_the_old_one_stays(
    release: "Release", callers: "Callers"
) -> None:
    with release.edited(POLICY, "policy.yaml", "default: true", "usual: true"):
        eventually(lambda: callers.health()["policy"]["refused"] is not None, within=LIVE_SECONDS)
        answer = callers.ask("grpc", "chat")
        health = callers.health()
        eventually(lambda: "PolicyRefused" in described(release), within=LIVE_SECONDS)

    assert answer.served_by == "cloud"
    assert health["status"] == "degraded"
    (refusal, *_) = [each for each in events(release) if each["reason"] == "PolicyRefused"]
    assert refusal["type"] == "Warning"
    assert "routes.chat.usual" in refusal["message"]


def events(release: "Release") -> list[dict[str, Any]]:
    """What the routers told Kubernetes."""
    told = release.namespace.get("events", "--field-selector=source=failsoft-router")
    found: list[dict[str, Any]] = told["items"]
    return found


def described(release: "Release") -> str:
    """What `kubectl describe` shows of the routers' pods; of several at once it shows no events."""
    names = [pod["metadata"]["name"] for pod in release.pods("router")]
    return "".join(release.namespace.kubectl("describe", "pod", name) for name in names)
