"""Whatever is rolled at noon, nobody who asks then notices it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from on_cluster.release import COMPONENTS

if TYPE_CHECKING:
    from on_cluster.callers import Callers, Streams
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

CALLING = {"grpc": 2, "headless": 2, "http": 2, "local": 1}
"""Workers of each kind."""


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_roll_loses_no_stream(release: "Release", callers: "Callers", component: str) -> None:
    load = callers.start_load(**CALLING)

    release.restart(component)

    nothing_was_lost(load.stop())


def test_an_upgrade_of_everything_at_once_loses_no_stream(
    release: "Release", callers: "Callers"
) -> None:
    old = [pod["metadata"]["name"] for each in COMPONENTS for pod in release.pods(each)]
    load = callers.start_load(**CALLING)

    release.upgrade("--set=preStopSeconds=11")

    release.wait_until_gone(old)
    nothing_was_lost(load.stop())


@pytest.mark.cluster_full
def test_a_rollback_loses_no_stream(release: "Release", callers: "Callers") -> None:
    release.upgrade("--set=preStopSeconds=12")
    old = [pod["metadata"]["name"] for each in COMPONENTS for pod in release.pods(each)]
    load = callers.start_load(**CALLING)

    release.rollback()

    release.wait_until_gone(old)
    nothing_was_lost(load.stop())


@pytest.mark.cluster_full
@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("how", ["delete", "evict"])
def test_a_pod_that_is_taken_away_takes_no_stream_along(
    release: "Release", callers: "Callers", how: str, component: str
) -> None:
    """The route's first target is a provider, so that no answer needs the model's only pod."""
    load = callers.start_load(grpc=2, headless=2, http=2)

    for pod in release.pods(component):
        {"delete": release.delete, "evict": release.evict}[how](pod)
        release.wait_until_ready(component)

    nothing_was_lost(load.stop())


def nothing_was_lost(seen: Mapping[str, "Streams"]) -> None:
    """Of each kind there were streams, and all of them were the best answer, whole."""
    for kind, streams in seen.items():
        print(f"\n  {kind}: {streams.told()}", end="")  # noqa: T201 - for who asks by -s
        assert streams.whole > 0
        assert (streams.lost, streams.degraded) == ([], {}), kind
