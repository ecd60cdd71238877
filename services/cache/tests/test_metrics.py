"""What a replica tells of itself in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_cache import telemetry
from failsoft_kit.telemetry import MetricName
from failsoft_kit.testing.metrics import distribution, number, said

if TYPE_CHECKING:
    from valkey_process import ValkeyProcess

    from services.cache.tests.conftest import Replica, StartReplica

pytestmark = pytest.mark.integration

QUESTION = "What is soft?"


async def test_look_ups_and_stores_are_counted_by_what_came_of_them(replica: Replica) -> None:
    await replica.look_up(QUESTION)
    key = await replica.keep(QUESTION, "an answer")
    await replica.look_up(key)
    replica.clock.date += 100.0
    await replica.look_up(key, accept=pb.ACCEPT_STALE)
    await replica.store(pb.StoreEntry(key=key))

    assert said(replica.meter, telemetry.LOOKUPS) == {
        ("hit_fresh",): 1,
        ("hit_stale",): 1,
        ("miss",): 1,
    }
    assert said(replica.meter, telemetry.STORES) == {("stored",): 1, ("refused",): 1}


async def test_the_age_of_what_is_handed_out_is_measured(replica: Replica) -> None:
    key = await replica.keep(QUESTION, "an answer")
    replica.clock.date += 100.0
    await replica.look_up(key, accept=pb.ACCEPT_STALE)

    ages = distribution(replica.meter, telemetry.AGE, "hit_stale")

    assert sum(ages.counts) == 1
    assert 100.0 <= ages.sum < 110.0
    assert ("miss",) not in said(replica.meter, telemetry.AGE)


async def test_what_the_replica_holds_itself_is_told(replica: Replica) -> None:
    await replica.keep(QUESTION, "an answer")

    assert number(replica.meter, telemetry.LOCAL_ENTRIES) == 1
    assert number(replica.meter, telemetry.LOCAL_BYTES) > 0


async def test_valkey_is_up_until_it_is_gone(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        before = number(replica.meter, telemetry.SHARED_UP)
        mortal_valkey.kill()
        await replica.until(degraded=True)

        assert (before, number(replica.meter, telemetry.SHARED_UP)) == (1, 0)


async def test_without_a_valkey_none_is_missed(start_replica: StartReplica) -> None:
    async with start_replica() as replica:
        assert said(replica.meter, telemetry.SHARED_UP) == {}


async def test_every_declared_metric_is_made(replica: Replica) -> None:
    declared = {name for name in telemetry.NAMES if isinstance(name, MetricName)}

    assert declared <= replica.meter.made()
