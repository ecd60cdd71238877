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


def nothing_was_lost(seen: Mapping[str, "Streams"]) -> None:
    """Of each kind there were streams, and all of them were the best answer, whole."""
    for kind, streams in seen.items():
        print(f"{kind}: {streams.whole} whole, longest {streams.longest} s")  # noqa: T201
        assert streams.whole > 0
        assert (streams.lost, streams.degraded) == ([], {}), kind
