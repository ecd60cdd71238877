"""Whoever watches the hops is told of each, or of how many were lost."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.errors import Overloaded, ShuttingDown
from failsoft_model.walk import Hop, HopOutcome
from failsoft_router.app.telling.audience import MOST_FOLLOWERS
from failsoft_router.app.telling.hop_feed import QUEUE_HOPS, EndedHop, HopFeed


def ended(position: int = 1, *, tenant: str = "acme", route: str = "chat") -> EndedHop:
    return EndedHop(
        hop=Hop(position=position, target="a", outcome=HopOutcome.SERVED),
        walk_id="walk-1",
        route=route,
        tenant=tenant,
        request_id="req-1",
        trace_id="",
    )


@virtual_time.test
async def test_hops_come_in_their_order() -> None:
    feed = HopFeed()
    with feed.following(tenant="", route="") as follower:
        feed.tell(ended(1))
        feed.tell(ended(2))

        assert await feed.next_for(follower) == (ended(1), 0)
        assert await feed.next_for(follower) == (ended(2), 0)


@virtual_time.test
async def test_a_watcher_waits_for_the_next_hop() -> None:
    feed = HopFeed()
    with feed.following(tenant="", route="") as follower:
        asyncio.get_running_loop().call_later(60.0, feed.tell, ended())

        assert await feed.next_for(follower) == (ended(), 0)


@virtual_time.test
async def test_a_slow_watcher_loses_the_oldest_and_is_told_how_many() -> None:
    feed = HopFeed()
    with feed.following(tenant="", route="") as follower:
        for position in range(QUEUE_HOPS + 3):
            feed.tell(ended(position))

        assert await feed.next_for(follower) == (ended(3), 3)
        assert await feed.next_for(follower) == (ended(4), 0)


@virtual_time.test
async def test_a_slow_watcher_costs_the_others_nothing() -> None:
    feed = HopFeed()
    with (
        feed.following(tenant="", route="") as slow,
        feed.following(tenant="", route="") as quick,
    ):
        for position in range(2 * QUEUE_HOPS):
            feed.tell(ended(position))
            assert await feed.next_for(quick) == (ended(position), 0)

        assert await feed.next_for(slow) == (ended(QUEUE_HOPS), QUEUE_HOPS)


@virtual_time.test
async def test_who_wants_one_tenant_or_one_route_is_told_of_no_other() -> None:
    feed = HopFeed()
    mine, others = ended(1), (ended(2, tenant="globex"), ended(3, route="code"))
    with (
        feed.following(tenant="acme", route="") as of_tenant,
        feed.following(tenant="", route="chat") as of_route,
        feed.following(tenant="acme", route="chat") as of_both,
    ):
        for each in (*others, mine):
            feed.tell(each)

        assert [await feed.next_for(of_tenant) for _ in range(2)] == [(others[1], 0), (mine, 0)]
        assert [await feed.next_for(of_route) for _ in range(2)] == [(others[0], 0), (mine, 0)]
        assert await feed.next_for(of_both) == (mine, 0)


@virtual_time.test
async def test_what_is_not_wanted_is_not_missed() -> None:
    feed = HopFeed()
    with feed.following(tenant="acme", route="") as follower:
        for _ in range(2 * QUEUE_HOPS):
            feed.tell(ended(tenant="globex"))
        feed.tell(ended())

        assert await feed.next_for(follower) == (ended(), 0)


@virtual_time.test
async def test_nobody_follows_who_has_left() -> None:
    feed = HopFeed()
    with feed.following(tenant="", route=""):
        assert len(feed.followers) == 1

    assert not feed.followers


@virtual_time.test
async def test_there_is_room_for_a_few() -> None:
    feed = HopFeed()
    with ExitStack() as stack:
        for _ in range(MOST_FOLLOWERS):
            stack.enter_context(feed.following(tenant="", route=""))

        with pytest.raises(Overloaded), feed.following(tenant="", route=""):
            pass

    with feed.following(tenant="", route=""):
        assert len(feed.followers) == 1


@virtual_time.test
async def test_a_drain_sends_everybody_away_and_lets_nobody_in() -> None:
    feed = HopFeed()
    with feed.following(tenant="", route="") as follower:
        asyncio.get_running_loop().call_later(1.0, feed.close)

        with pytest.raises(ShuttingDown):
            await feed.next_for(follower)
    with pytest.raises(ShuttingDown), feed.following(tenant="", route=""):
        pass
