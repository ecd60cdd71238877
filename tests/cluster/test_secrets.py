"""A Secret that is changed is used without a restart."""

import base64
import json
import secrets
from typing import TYPE_CHECKING

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

THERE_SECONDS = 120.0
"""The kubelet looks at Secrets once a minute."""
USED_SECONDS = 120.0
"""A call between pods of which one had the new token and one the old may have been refused."""

SECRET = "secret/failsoft-service-token"
FILE = "/etc/failsoft/keys/service-token"
SERVICES = ("router", "local-llm")


def test_a_rotated_service_token_is_used_without_a_restart(
    release: "Release", callers: "Callers"
) -> None:
    """It is put back, because Helm rolls nothing back over somebody else's change."""
    restarts = [release.restarts(component) for component in SERVICES]
    before = release.namespace.get(SECRET)["data"]["token"]

    try:
        rotate(release, callers, secrets.token_hex(32))
    finally:
        rotate(release, callers, base64.b64decode(before).decode())

    assert [release.restarts(component) for component in SERVICES] == restarts


def rotate(release: "Release", callers: "Callers", token: str) -> None:
    """Change the Secret; returns when every pod has it and the model answers."""

    def is_there() -> bool:
        pods = [pod for component in SERVICES for pod in release.pods(component)]
        return all(release.read(pod, FILE) == token for pod in pods)

    def is_used() -> bool:
        return callers.ask("grpc", "local").served_by == "local-llama"

    patch = json.dumps({"stringData": {"token": token}})
    release.namespace.kubectl("patch", SECRET, f"--patch={patch}")
    there = eventually(is_there, within=THERE_SECONDS)
    used = eventually(is_used, within=USED_SECONDS)
    print(f"a token was in every pod after {there:.0f} s, used {used:.0f} s later")  # noqa: T201
