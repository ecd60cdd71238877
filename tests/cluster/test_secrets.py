"""A Secret that is changed is used without a restart."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

THERE_SECONDS = 120.0
"""The kubelet looks at Secrets once a minute."""
USED_SECONDS = 60.0
FILE = "/etc/failsoft/keys/service-token"
SERVICES = ("router", "local-llm")


def test_a_rotated_service_token_is_used_without_a_restart(
    release: "Release", callers: "Callers"
) -> None:
    before = [release.restarts(component) for component in SERVICES]
    token = secrets.token_hex(32)

    def is_there() -> bool:
        pods = [pod for component in SERVICES for pod in release.pods(component)]
        return all(release.read(pod, FILE) == token for pod in pods)

    with rotated(release, token):
        there = eventually(is_there, within=THERE_SECONDS)
        used = eventually(
            lambda: callers.ask("grpc", "local").served_by == "local-llama", within=USED_SECONDS
        )

    print(f"a token was in every pod after {there:.0f} s, used {used:.0f} s later")  # noqa: T201
    assert [release.restarts(component) for component in SERVICES] == before


@contextmanager
def rotated(release: "Release", token: str) -> Iterator[None]:
    """Another token, while the block lasts: Helm rolls nothing back over somebody else's change."""
    before = release.namespace.get("secret/failsoft-service-token")["data"]["token"]

    def put(data: Mapping[str, Mapping[str, str]]) -> None:
        release.namespace.kubectl(
            *("patch", "secret/failsoft-service-token", f"--patch={json.dumps(data)}")
        )

    put({"stringData": {"token": token}})
    try:
        yield
    finally:
        put({"data": {"token": before}})
