"""Valkey may die, freeze or be replaced at any time: no answer needs it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from on_cluster.load import nothing_was_lost
from on_cluster.release import is_ready, workload
from on_cluster.waiting import eventually

from failsoft_kit.clock import SystemClock

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.node import Node
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

REPLACED_SECONDS = 60.0
"""Its own grace period, and what Kubernetes takes to notice."""

NOTICE_SECONDS = 30.0
"""The cache's own reconnection to Valkey, and the router's look at the cache every 5 s."""


def test_a_killed_valkey_takes_no_stream_along(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    (valkey,) = release.pods("valkey")

    with under_streams(release, callers):
        node.signal(valkey, "KILL")
        release.wait_until_restarted(valkey)


def test_a_frozen_valkey_is_told_and_replaced_and_takes_no_stream_along(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    (valkey,) = release.pods("valkey")

    with under_streams(release, callers):
        node.signal(valkey, "STOP")
        eventually(lambda: is_degraded(callers), within=NOTICE_SECONDS)
        ready = [is_ready(pod) for pod in release.pods("cache")]
        release.wait_until_restarted(valkey)

    assert ready == [True]


@pytest.mark.parametrize("how", ["delete", "evict", "restart"])
def test_a_valkey_that_is_taken_away_takes_no_stream_along(
    release: "Release", callers: "Callers", how: str
) -> None:
    (valkey,) = release.pods("valkey")
    ways: dict[str, Callable[[], object]] = {
        "delete": lambda: release.delete(valkey),
        "evict": lambda: release.evict(valkey),
        "restart": lambda: release.namespace.kubectl("rollout", "restart", workload("valkey")),
    }

    def is_replaced() -> bool:
        """By another one of the same name."""
        now = release.pods("valkey")
        return [pod["metadata"]["uid"] != valkey["metadata"]["uid"] for pod in now] == [True]

    with under_streams(release, callers):
        ways[how]()
        eventually(is_replaced, within=REPLACED_SECONDS)
        release.wait_until_ready("valkey")


@contextmanager
def under_streams(release: "Release", callers: "Callers") -> Iterator[None]:
    """None is lost while the block lasts; then Valkey is used again, and nobody was restarted."""
    before = [release.restarts(each) for each in ("router", "cache")]
    load = callers.start_load(grpc=2, headless=2, http=2, local=1)
    clock = SystemClock()

    began = clock.now()
    yield
    took = clock.now() - began

    again = eventually(lambda: not is_degraded(callers), within=NOTICE_SECONDS)
    print(f"\n  valkey was back after {took:.0f} s, in use {again:.0f} s later")  # noqa: T201
    nothing_was_lost(load.stop())
    assert [release.restarts(each) for each in ("router", "cache")] == before


def is_degraded(callers: "Callers") -> bool:
    """Whether a router is told by the cache that it is without Valkey, and ready all the same."""
    (cache,) = [each for each in callers.health()["services"] if each["name"] == "cache"]
    assert cache["ready"], cache
    return bool(cache["degraded"])
