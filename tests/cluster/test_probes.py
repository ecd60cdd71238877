"""What Kubernetes is told by probes: a frozen process is replaced, a hampered one is not."""

from typing import TYPE_CHECKING

import pytest
from on_cluster.release import COMPONENTS, is_ready
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.node import Node
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

BUSY_SECONDS = 60
"""Longer than a liveness probe fails before it has consequences."""

NOTICE_SECONDS = 30.0
"""The cache's own reconnection to Valkey, and the router's look at the cache every 5 s."""


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_frozen_process_is_replaced(
    release: "Release", callers: "Callers", node: "Node", component: str
) -> None:
    victim, *_ = release.pods(component)

    node.signal(victim, "STOP")

    release.wait_until_restarted(victim)


@pytest.mark.parametrize(
    ("component", "calling"),
    [
        ("local-llm", {"local": 12}),
        # Half of a processor and more for each router, on a node that has two.
        ("router", {"grpc": 60, "headless": 60, "http": 60}),
    ],
)
def test_a_busy_process_is_not_restarted(
    release: "Release", callers: "Callers", component: str, calling: dict[str, int]
) -> None:
    before = release.restarts(component)
    load = callers.start_load(**calling, seconds=BUSY_SECONDS)

    seen = load.result()
    assert all(streams.whole > 0 for streams in seen.values())
    assert release.restarts(component) == before


def test_the_router_stays_ready_with_every_provider_down(
    release: "Release", callers: "Callers"
) -> None:
    callers.let_provider_fail("status=500")
    release.scale("local-llm", 0)
    try:
        answer = callers.ask("grpc", "chat")
        ready = [is_ready(pod) for pod in release.pods("router")]
    finally:
        release.scale("local-llm", 1)

    assert "UNAVAILABLE" in answer.error
    assert ready == [True, True]


def test_the_cache_stays_ready_without_valkey_and_says_that_it_is_degraded(
    release: "Release", callers: "Callers"
) -> None:
    def is_degraded() -> bool:
        (cache,) = [each for each in callers.health()["services"] if each["name"] == "cache"]
        return bool(cache["ready"] and cache["degraded"])

    release.scale("valkey", 0)
    try:
        eventually(is_degraded, within=NOTICE_SECONDS)
        answer = callers.ask("grpc", "chat")
        ready = [is_ready(pod) for pod in release.pods("cache")]
    finally:
        release.scale("valkey", 1)

    assert answer.served_by == "cloud"
    assert ready == [True]
    eventually(lambda: not is_degraded(), within=NOTICE_SECONDS)
