"""Pods reach whom they need, and nobody else reaches them."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

REACH = """\
import json, socket, sys
def reached(address):
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        return False
    return True
print(json.dumps({address: reached(address) for address in sys.argv[1:]}))
"""


def test_a_stranger_reaches_the_front_doors_alone(release: "Release", callers: "Callers") -> None:
    space = release.namespace.name
    doors = [f"failsoft-router.{space}:50050", f"failsoft-router.{space}:50080"]
    walls = [
        f"failsoft-router-headless.{space}:50060",
        f"failsoft-cache.{space}:50052",
        f"failsoft-local-llm.{space}:50051",
        f"failsoft-valkey.{space}:6379",
    ]

    reached = json.loads(callers.python("caller", "-c", REACH, *doors, *walls))

    assert reached == {**dict.fromkeys(doors, True), **dict.fromkeys(walls, False)}


def test_the_model_reaches_nobody(release: "Release", callers: "Callers") -> None:
    space = release.namespace.name
    others = [
        f"failsoft-router.{space}:50050",
        f"failsoft-cache.{space}:50052",
        f"failsoft-valkey.{space}:6379",
        f"lookalike.{space}-callers:50070",
        "kubernetes.default:443",
    ]

    reached = from_component(release, "local-llm", others)

    assert reached == dict.fromkeys(others, False)


def test_the_router_reaches_whom_it_calls(release: "Release", callers: "Callers") -> None:
    """It says as well that what is reached by nobody above is there."""
    space = release.namespace.name
    others = [
        f"failsoft-cache.{space}:50052",
        f"failsoft-local-llm.{space}:50051",
        f"lookalike.{space}-callers:50070",
        "kubernetes.default:443",
    ]

    reached = from_component(release, "router", others)

    assert reached == dict.fromkeys(others, True)


def from_component(
    release: "Release", component: str, addresses: Sequence[str]
) -> Mapping[str, bool]:
    """Which of them a pod of that component can connect to."""
    said = release.namespace.kubectl(
        *("exec", f"deployment/failsoft-{component}", "--"),
        *("python", "-c", REACH, *addresses),
    )
    reached: Mapping[str, bool] = json.loads(said)
    return reached
