"""A process that dies or freezes takes at most its own streams with it, and comes back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from failsoft_kit.clock import SystemClock

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.load import Streams
    from on_cluster.node import Node
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

CALLING = {"grpc": 2, "headless": 2, "http": 2}
"""Workers of each kind; each has one stream at a time."""

EACH = 2
"""Workers over gRPC that ask one router alone, and as many over HTTP."""


@pytest.mark.parametrize("signal", ["KILL", pytest.param("STOP", marks=pytest.mark.cluster_full)])
def test_a_router_that_is_lost_loses_no_stream_but_its_own(
    release: "Release", callers: "Callers", node: "Node", signal: str
) -> None:
    """Callers of a frozen one wait until it is replaced, or for their deadline: nobody tells them.

    It keeps its address, so that what is asked of it until it is back is lost as well.
    """
    routers = release.pods("router")
    victim, *others = [pod["status"]["podIP"] for pod in routers]

    seen = lose(routers[0], signal, release, callers, node, each=EACH)

    assert set(seen) == {victim, *others}
    assert all(streams.whole > 0 for streams in seen.values())
    assert [seen[other].lost for other in others] == [[] for _ in others]
    assert len(seen[victim].lost) > 0
    assert seen[victim].lost_in_their_midst <= 2 * EACH
    assert callers.ask("grpc", "chat").served_by == "cloud"


@pytest.mark.cluster_full
def test_callers_of_a_killed_router_that_are_led_to_any_lose_few(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    """At most what ran: each connection of the routers' Service leads to the other one next."""
    victim, *_ = release.pods("router")

    seen = lose(victim, "KILL", release, callers, node, **CALLING)

    assert all(streams.whole > 0 for streams in seen.values())
    assert sum(each.lost_in_their_midst for each in seen.values()) <= sum(CALLING.values())


@pytest.mark.cluster_full
@pytest.mark.parametrize("component", ["cache", "local-llm"])
@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_who_is_not_needed_for_an_answer_takes_none_along(
    release: "Release", callers: "Callers", node: "Node", component: str, signal: str
) -> None:
    victim, *_ = release.pods(component)

    seen = lose(victim, signal, release, callers, node, **CALLING)

    assert {kind: streams.lost for kind, streams in seen.items()} == {kind: [] for kind in CALLING}


def lose(
    victim: Mapping[str, Any],
    signal: str,
    release: "Release",
    callers: "Callers",
    node: "Node",
    **calling: int,
) -> Mapping[str, "Streams"]:
    """Signal one pod's processes under streams; what became of these until it is back."""
    load = callers.start_load(**calling)
    clock = SystemClock()

    began = clock.now()
    node.signal(victim, signal)
    release.wait_until_restarted(victim)
    took = clock.now() - began

    seen = load.stop()
    name = victim["metadata"]["name"]
    print(f"\n{name}, {signal}: back after {took:.0f} s")  # noqa: T201 - for who asks by -s
    for kind, streams in seen.items():
        print(f"  {kind}: {streams.told()}")  # noqa: T201
    return seen
