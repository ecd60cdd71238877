"""Whatever is rolled at noon, nobody who asks then notices it."""

from typing import TYPE_CHECKING

import pytest
from on_cluster.load import nothing_was_lost
from on_cluster.release import COMPONENTS

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

CALLING = {"grpc": 2, "headless": 2, "http": 2, "local": 1}
"""Workers of each kind."""

DRAINED_SECONDS = 15
"""More than the preStop of 10 s, so that such a stream goes on when its router is told to end."""


@pytest.mark.parametrize("component", ["cache", "local-llm"])
def test_a_roll_loses_no_stream(release: "Release", callers: "Callers", component: str) -> None:
    load = callers.start_load(**CALLING)

    release.restart(component)

    nothing_was_lost(load.stop())


def test_a_roll_of_routers_waits_for_long_streams_too(
    release: "Release", callers: "Callers"
) -> None:
    load = callers.start_load(**CALLING, long=2)

    release.restart("router")

    seen = load.stop()
    nothing_was_lost(seen)
    assert seen["long"].longest > DRAINED_SECONDS


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
    load = callers.start_load(grpc=2, headless=2, http=2, long=1)

    for pod in release.pods(component):
        {"delete": release.delete, "evict": release.evict}[how](pod)
        release.wait_until_ready(component)

    nothing_was_lost(load.stop())
