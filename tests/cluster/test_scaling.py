"""Under load there are more routers."""

from typing import TYPE_CHECKING

import pytest
from on_cluster.waiting import eventually

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

SECONDS = 240.0
"""metrics-server reads every 15 s and more, the autoscaler looks every 15 s."""


def test_routers_become_more_under_load(release: "Release", callers: "Callers") -> None:
    before = len(release.pods("router"))
    autoscaling = {"enabled": "true", "minReplicas": before, "maxReplicas": before + 1}
    release.upgrade(
        *(f"--set=router.autoscaling.{name}={value}" for name, value in autoscaling.items()),
        "--set=router.autoscaling.cpuPercent=10",
    )
    load = callers.start_load(grpc=20, headless=20)
    try:
        took = eventually(lambda: len(release.pods("router")) == before + 1, within=SECONDS)
        release.wait_until_ready("router")
    finally:
        seen = load.stop()
        release.upgrade()

    print(f"one router more after {took:.0f} s")  # noqa: T201 - for who asks by -s
    assert [streams.lost for streams in seen.values()] == [[], []]
