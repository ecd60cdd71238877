"""Pods reach whom they need, and nobody else reaches them.

Every address is a number: a name that is not resolved would look like a wall.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from on_cluster.callers import CALLER, LOOKALIKE, LOOKALIKE_PORT
from on_cluster.release import workload

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.kubectl import Namespace
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

PORTS = {"router": 50050, "cache": 50052, "local-llm": 50051, "valkey": 6379}
ROUTER_HTTP, ROUTER_ADMIN = 50080, 50060


@pytest.fixture
def pods(release: "Release") -> Mapping[str, str]:
    """Where one pod of each component answers its callers."""
    return {
        component: f"{release.pods(component)[0]['status']['podIP']}:{port}"
        for component, port in PORTS.items()
    }


@pytest.fixture
def outside(release: "Release", callers: "Callers") -> Mapping[str, str]:
    """What is in the cluster besides: a provider, and the Kubernetes API by both its addresses."""
    behind = release.namespace.get("endpointslice/kubernetes", "--namespace=default")
    address, port = behind["endpoints"][0]["addresses"][0], behind["ports"][0]["port"]
    return {
        "provider": f"{cluster_ip(callers.namespace, LOOKALIKE)}:{LOOKALIKE_PORT}",
        "api": f"{cluster_ip(release.namespace, 'kubernetes', '--namespace=default')}:443",
        "api server": f"{address}:{port}",
    }


def test_a_stranger_reaches_the_front_doors_alone(
    callers: "Callers", pods: Mapping[str, str]
) -> None:
    router = pods["router"].partition(":")[0]
    doors = [pods["router"], f"{router}:{ROUTER_HTTP}"]
    walls = [f"{router}:{ROUTER_ADMIN}", *(pods[each] for each in ("cache", "local-llm", "valkey"))]

    reached = from_stranger(callers, [*doors, *walls])

    assert reached == {**dict.fromkeys(doors, True), **dict.fromkeys(walls, False)}


def test_the_model_reaches_nobody(
    release: "Release", callers: "Callers", pods: Mapping[str, str], outside: Mapping[str, str]
) -> None:
    """Whom nobody kept from it reaches each of them, so that all of them are there."""
    services = [pods[each] for each in ("router", "cache", "valkey")]
    others = [*services, *outside.values()]

    reached = from_component(release, "local-llm", others)

    assert reached == dict.fromkeys(others, False)
    strangers = [pods["router"], *outside.values()]
    assert from_stranger(callers, strangers) == dict.fromkeys(strangers, True)
    assert from_component(release, "router", [pods["cache"]]) == {pods["cache"]: True}
    assert from_component(release, "cache", [pods["valkey"]]) == {pods["valkey"]: True}


def test_the_router_reaches_whom_it_calls(
    release: "Release", pods: Mapping[str, str], outside: Mapping[str, str]
) -> None:
    others = [pods["cache"], pods["local-llm"], outside["provider"], outside["api"]]

    reached = from_component(release, "router", others)

    assert reached == dict.fromkeys(others, True)


def test_the_cache_reaches_valkey_alone(
    release: "Release", pods: Mapping[str, str], outside: Mapping[str, str]
) -> None:
    walls = [pods["router"], pods["local-llm"], *outside.values()]

    reached = from_component(release, "cache", [pods["valkey"], *walls])

    assert reached == {pods["valkey"]: True, **dict.fromkeys(walls, False)}


def cluster_ip(namespace: "Namespace", *service: str) -> str:
    return str(namespace.get("service", *service)["spec"]["clusterIP"])


def from_stranger(callers: "Callers", addresses: Sequence[str]) -> Mapping[str, bool]:
    """Which of them a pod can connect to that no policy holds."""
    reached: Mapping[str, bool] = json.loads(callers.python(CALLER, "-c", REACH, *addresses))
    return reached


def from_component(
    release: "Release", component: str, addresses: Sequence[str]
) -> Mapping[str, bool]:
    """Which of them a pod of that component can connect to."""
    said = release.namespace.kubectl(
        "exec", workload(component), "--", "python", "-c", REACH, *addresses
    )
    reached: Mapping[str, bool] = json.loads(said)
    return reached
