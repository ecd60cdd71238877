"""A provider's key that is changed is used without a restart."""

import secrets
from typing import TYPE_CHECKING

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

SECONDS = 180.0
"""The kubelet looks at Secrets once a minute, and a half; questions take their time, too."""

NAME = "guarded"
FILE = f"/etc/failsoft/secrets/{NAME}"
ASKED = 4
"""Calls, which the routers' Service deals out to both of them."""


def test_a_rotated_provider_key_is_used_without_a_restart(
    release: "Release", callers: "Callers"
) -> None:
    """The provider takes the new key alone, so that the old one's quarantine is seen to end."""
    before = [pod["metadata"]["uid"] for pod in release.pods("router")], release.restarts("router")
    key = secrets.token_hex(16)
    callers.start_provider(NAME, "--api-key", key)
    refused = callers.ask("grpc", NAME)

    release.put_provider_key(NAME, key)
    there = eventually(lambda: is_there(release, key), within=SECONDS)
    used = eventually(lambda: is_used(callers), within=SECONDS)

    print(f"a key was in every router after {there:.0f} s, used {used:.0f} s later")  # noqa: T201
    assert refused.hops == [[NAME, "failed", "credential"], ["local-llama", "served", ""]]
    after = [pod["metadata"]["uid"] for pod in release.pods("router")], release.restarts("router")
    assert after == before


def is_there(release: "Release", key: str) -> bool:
    return all(release.read(pod, FILE) == key for pod in release.pods("router"))


def is_used(callers: "Callers") -> bool:
    return all(callers.ask("grpc", NAME).served_by == NAME for _ in range(ASKED))
