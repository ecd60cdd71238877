"""A process that dies or freezes takes at most its own streams with it, and comes back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.clock import SystemClock

if TYPE_CHECKING:
    from on_cluster.callers import Callers, Streams
    from on_cluster.node import Node
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

CALLING = {"grpc": 2, "headless": 2, "http": 2}
"""Workers of each kind; each has one stream at a time."""

MIDST = "in its midst"


def test_a_killed_router_loses_no_stream_but_its_own(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    seen = lose("router", "KILL", release, callers, node)

    lost = [what for streams in seen.values() for _, what in streams.lost]
    assert len([what for what in lost if what.startswith(MIDST)]) <= sum(CALLING.values())
    assert all(streams.whole > 0 for streams in seen.values())


@pytest.mark.cluster_full
@pytest.mark.parametrize("component", ["cache", "local-llm"])
@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_who_is_not_needed_for_an_answer_takes_none_along(
    release: "Release", callers: "Callers", node: "Node", component: str, signal: str
) -> None:
    seen = lose(component, signal, release, callers, node)

    assert {kind: streams.lost for kind, streams in seen.items()} == {kind: [] for kind in CALLING}


@pytest.mark.cluster_full
def test_of_a_frozen_router_its_callers_are_answered_again_once_it_is_replaced(
    release: "Release", callers: "Callers", node: "Node"
) -> None:
    """A caller that holds a connection to it waits until its own deadline: nobody tells it."""
    lose("router", "STOP", release, callers, node)

    assert callers.ask("grpc", "chat").served_by == "cloud"


def lose(
    component: str, signal: str, release: "Release", callers: "Callers", node: "Node"
) -> Mapping[str, "Streams"]:
    """Signal one pod's processes under streams; what became of these until it is back."""
    victim, *_ = release.pods(component)
    load = callers.start_load(**CALLING)
    clock = SystemClock()

    began = clock.now()
    node.signal(victim, signal)
    release.wait_until_restarted(victim)
    took = clock.now() - began

    seen = load.stop()
    print(f"\n{component}, {signal}: back after {took:.0f} s")  # noqa: T201 - for who asks by -s
    for kind, streams in seen.items():
        print(f"  {kind}: {streams.told()}")  # noqa: T201
    return seen
