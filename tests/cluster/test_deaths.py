"""A process that dies takes at most its own streams with it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.node import Node
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

STREAMS = {"grpc": 2, "headless": 2, "http": 2}


def test_a_killed_router_loses_its_own_streams_and_no_other(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    victim, *_ = release.pods("router")
    load = callers.start_load(**STREAMS)

    node.signal(victim, "KILL")

    release.wait_until_restarted(victim)
    seen = load.stop()
    lost = [what for streams in seen.values() for _, what in streams.lost]
    print(f"lost: {lost}, whole: {sum(streams.whole for streams in seen.values())}")  # noqa: T201
    assert len(lost) <= sum(STREAMS.values())
    assert all(streams.whole > 0 for streams in seen.values())
