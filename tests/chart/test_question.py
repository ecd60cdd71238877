"""What `helm test` asks is answered by a real router, and told when it is not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from network_policy import Peer, may_reach, pod_of
from processes import free_ports, process, wait_until_serving

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

TOKEN = "t" * 64
POLICY = {
    "targets": {},
    "routes": {"chat": {"hops": ["mock"], "default": True}},
    "tenants": {"default": {"allow_mock": True}},
}


@pytest.fixture
def asking(defaults: Render) -> dict[str, Any]:
    """The pod of `helm test`."""
    [pod] = [each for each in defaults() if each["kind"] == "Pod"]
    return pod


@pytest.fixture
def router(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Where a router with only a mock serves gRPC and HTTP."""
    grpc, admin, http = (f"127.0.0.1:{port}" for port in free_ports(3))
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    settings = {
        "address": grpc,
        "admin_address": admin,
        "http_address": http,
        "policy_file": str(tmp_path / "policy.yaml"),
        "service_token_file": str(tmp_path / "token"),
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"router": settings}))
    arguments = ["-m", "failsoft_router", "--config", str(tmp_path / "config.yaml")]
    with process(arguments, folder=tmp_path):
        wait_until_serving(grpc, "failsoft.inference.v1.InferenceService")
        yield grpc, http


def ask(pod: dict[str, Any], token: Path, *addresses: str) -> subprocess.CompletedProcess[str]:
    """Run the pod's program as the pod does, with a token and addresses of this machine."""
    program = pod["spec"]["containers"][0]["args"][0]
    return subprocess.run(
        [sys.executable, "-c", program, str(token), *addresses],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_both_questions_are_answered(
    asking: dict[str, Any], router: tuple[str, str], tmp_path: Path
) -> None:
    done = ask(asking, tmp_path / "token", *router)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "gRPC: answered by mock, hops: 1",
        "HTTP: answered by mock",
    ]


def test_a_refusal_is_told_with_its_reason(
    asking: dict[str, Any], router: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("o" * 64)

    done = ask(asking, tmp_path / "other", *router)

    assert done.returncode == 1
    assert "gRPC: no answer: UNAUTHENTICATED" in done.stderr


def test_it_asks_the_router_of_the_release_and_may_reach_nobody_else(
    defaults: Render, asking: dict[str, Any]
) -> None:
    made = defaults()
    pod = Peer(namespace="failsoft", labels=asking["metadata"]["labels"])
    router, cache = (
        pod_of(each)
        for name in ("router", "cache")
        for each in made
        if each["kind"] == "Deployment" and each["metadata"]["name"] == f"failsoft-{name}"
    )

    assert asking["spec"]["containers"][0]["args"][2:] == [
        "failsoft-router:50050",
        "failsoft-router:50080",
    ]
    assert may_reach(made, pod, router, 50050)
    assert may_reach(made, pod, router, 50080)
    assert not may_reach(made, pod, router, 50060)
    assert not may_reach(made, pod, cache, 50052)


def test_it_leaves_nothing_behind(asking: dict[str, Any]) -> None:
    """What a hook makes is not taken away with the release."""
    annotations = asking["metadata"]["annotations"]

    assert annotations["helm.sh/hook"] == "test"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
