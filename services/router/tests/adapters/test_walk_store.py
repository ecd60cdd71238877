"""Walks on their way to Valkey: bounded, in order, and none is lost by an outage that is short."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.valkey.connection import connection_to
from failsoft_kit.valkey.pipeline import Pipeline
from failsoft_router.adapters.walk_store import MAX_WAITING, MOST_LISTED, ValkeyWalks
from failsoft_router.core.walk_key import KeyKind, WalkKey
from failsoft_router.ports import FoundWalk, KeptWalk, StoreAway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from valkey_process import ValkeyProcess

pytestmark = pytest.mark.integration

SECONDS = 20.0
"""For what has to happen soon, on a busy machine."""


def walk(name: str, *, tenant: str = "acme", began: float = 0.0, told: bytes = b"") -> KeptWalk:
    return KeptWalk(
        walk_id=name,
        trace_id="t",
        request_id="r",
        tenant=tenant,
        began=began,
        explanation=lambda: told or name.encode(),
    )


def unwritable() -> KeptWalk:
    def fails() -> bytes:
        raise ValueError

    return KeptWalk(
        walk_id="bad", trace_id="t", request_id="r", tenant="acme", began=0.0, explanation=fails
    )


@asynccontextmanager
async def running(url: str) -> AsyncIterator[ValkeyWalks]:
    here = asyncio.Event()
    pipeline = Pipeline(
        lambda: connection_to(url),
        limit=SECONDS,
        clock=SystemClock(),
        on_change=lambda trouble: here.clear() if trouble else here.set(),
        goes_on_with="nothing",
    )
    walks = ValkeyWalks(pipeline, time_to_live=600.0)
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(walks.run())
        async with asyncio.timeout(SECONDS):
            await here.wait()
        yield walks
        job.cancel()


async def found(walks: ValkeyWalks, key: WalkKey) -> FoundWalk:
    """Ask until it is there."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                there = await walks.find(key)
            except StoreAway:
                await asyncio.sleep(0)
                continue
            if there is not None:
                return there


def by(kind: KeyKind, id_: str, *, tenant: str = "") -> WalkKey:
    return WalkKey(kind=kind, id=id_, tenant=tenant)


async def test_the_latest_of_an_id_is_found_by_when_it_began(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        walks.offer(walk("new", began=2.0))
        walks.offer(walk("old", began=1.0))
        await found(walks, by(KeyKind.WALK, "old"))

        latest = await walks.find(by(KeyKind.TRACE, "t"))

    assert latest == FoundWalk(explanation=b"new", others=("old",))


async def test_a_request_id_leads_to_the_walks_of_the_tenant_that_is_named(
    valkey: ValkeyProcess,
) -> None:
    async with running(valkey.url) as walks:
        walks.offer(walk("mine", began=1.0))
        walks.offer(walk("theirs", tenant="rival", began=2.0))
        await found(walks, by(KeyKind.WALK, "theirs"))

        mine = await walks.find(by(KeyKind.REQUEST, "r", tenant="acme"))
        anybodys = await walks.find(by(KeyKind.REQUEST, "r"))

    assert mine == FoundWalk(explanation=b"mine", others=())
    assert anybodys == FoundWalk(explanation=b"theirs", others=("mine",))


async def test_no_other_tenant_pushes_a_walk_out_by_using_its_request_id(
    valkey: ValkeyProcess,
) -> None:
    async with running(valkey.url) as walks:
        walks.offer(walk("mine", began=0.0))
        for number in range(1, MOST_LISTED + 1):
            walks.offer(walk(f"w{number}", tenant="rival", began=float(number)))
        await found(walks, by(KeyKind.WALK, f"w{MOST_LISTED}"))

        mine = await walks.find(by(KeyKind.REQUEST, "r", tenant="acme"))

    assert mine == FoundWalk(explanation=b"mine", others=())


async def test_a_walk_that_is_kept_anew_is_listed_once(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        walks.offer(walk("w", told=b"before"))
        await found(walks, by(KeyKind.WALK, "w"))
        walks.offer(walk("w", told=b"after"))
        async with asyncio.timeout(SECONDS):
            while (await found(walks, by(KeyKind.TRACE, "t"))).explanation == b"before":
                pass

        assert await walks.find(by(KeyKind.TRACE, "t")) == FoundWalk(
            explanation=b"after", others=()
        )


async def test_walks_whose_time_is_over_are_not_named(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        for number in range(4):
            walks.offer(walk(f"w{number}", began=float(number)))
        await found(walks, by(KeyKind.WALK, "w3"))
        valkey.client.delete("failsoft:explain:walk:w1", "failsoft:explain:walk:w3")

        latest = await walks.find(by(KeyKind.REQUEST, "r"))

    assert latest == FoundWalk(explanation=b"w2", others=("w0",))


async def test_an_id_that_everybody_uses_leads_to_its_last_walks(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        for number in range(3 * MOST_LISTED):
            walks.offer(walk(f"w{number}", began=float(number)))
        await found(walks, by(KeyKind.WALK, f"w{3 * MOST_LISTED - 1}"))

        latest = await found(walks, by(KeyKind.REQUEST, "r"))

    assert latest.explanation == b"w47"
    assert latest.others == tuple(f"w{number}" for number in range(46, 31, -1))


async def test_one_that_cannot_be_written_costs_no_other(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        walks.offer(unwritable())
        walks.offer(walk("good"))

        assert (await found(walks, by(KeyKind.WALK, "good"))).explanation == b"good"
        assert await walks.find(by(KeyKind.WALK, "bad")) is None


async def test_what_comes_in_an_outage_waits_and_the_oldest_gives_way(
    mortal_valkey: ValkeyProcess,
) -> None:
    async with running(mortal_valkey.url) as walks:
        mortal_valkey.kill()
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    await walks.find(by(KeyKind.ANY, "x"))
                except StoreAway:
                    break
        for number in range(MAX_WAITING + 10):
            walks.offer(walk(f"w{number}"))
        waiting = walks.waiting
        mortal_valkey.start()

        assert waiting == MAX_WAITING
        last = await found(walks, by(KeyKind.WALK, f"w{MAX_WAITING + 9}"))
        assert last.explanation == b"w1033"
        assert await walks.find(by(KeyKind.WALK, "w9")) is None
        assert await walks.find(by(KeyKind.WALK, "w10")) is not None


async def test_what_is_left_at_the_end_is_sent(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        walks.offer(walk("first"))
        await found(walks, by(KeyKind.WALK, "first"))
        walks.offer(walk("last"))

    assert b"failsoft:explain:walk:last" in valkey.names()


async def test_what_is_on_its_way_at_the_end_arrives(valkey: ValkeyProcess) -> None:
    async with running(valkey.url) as walks:
        for number in range(16):
            walks.offer(walk(f"w{number}"))
        await asyncio.sleep(0)
        assert not walks.waiting

    sent = {f"failsoft:explain:walk:w{number}".encode() for number in range(16)}
    assert sent <= set(valkey.names())
