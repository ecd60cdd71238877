"""What callers see when Valkey dies, hangs, refuses, and comes back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.inference.v1 import walk_pb2
from failsoft_cache.wiring import SERVICE
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from pathlib import Path

    from valkey_process import ValkeyProcess

    from services.cache.tests.conftest import Replica, StartReplica

pytestmark = pytest.mark.integration

FRESH = walk_pb2.CACHE_STATUS_HIT_FRESH
MISS = walk_pb2.CACHE_STATUS_MISS


async def serving(replica: Replica) -> bool:
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    body = await replica.call("grpc.health.v1.Health/Check", request.SerializeToString())
    reply = health_pb2.HealthCheckResponse.FromString(body)
    return reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_known_answers_survive_the_loss_of_valkey(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    """Stale answers are needed most when other things fail as well."""
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        key = await replica.keep("question", "an answer")
        mortal_valkey.kill()

        found = await replica.look_up(key)

        assert found.answer.choice.message.parts[0].text == "an answer"
        assert (await replica.stats()).degraded
        assert await serving(replica)


async def test_answers_found_in_valkey_survive_its_loss_too(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    """Another replica stored it: what is asked for here is kept here."""
    url = mortal_valkey.url
    async with start_replica(valkey_url=url) as other, start_replica(valkey_url=url) as replica:
        key = await other.keep("question", "an answer")
        await replica.look_up(key)
        mortal_valkey.kill()

        assert (await replica.look_up(key)).status == FRESH


async def test_answers_are_kept_while_valkey_is_away(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        mortal_valkey.kill()
        await replica.look_up("anything")

        await replica.keep("question", "an answer")

        assert (await replica.look_up("question")).status == FRESH


async def test_a_loss_is_said_although_nobody_asks(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        mortal_valkey.kill()

        await replica.until(degraded=True)


async def test_valkey_is_used_again_when_it_is_back(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        mortal_valkey.kill()
        await replica.look_up("anything")
        assert (await replica.stats()).degraded
        mortal_valkey.start()
        await replica.until(degraded=False)

        await replica.keep("question", "an answer")

        assert len(mortal_valkey.names()) == 1


async def test_a_hanging_valkey_costs_all_callers_together_one_limit(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    """An unreachable cache must not add its limit to every request."""
    async with start_replica(valkey_url=mortal_valkey.url, valkey_limit=0.2) as replica:
        key = await replica.keep("question", "an answer")
        mortal_valkey.freeze()
        started = time.perf_counter()
        first = await asyncio.gather(*[replica.look_up(key) for _ in range(20)])
        waited = time.perf_counter() - started
        later = [await replica.look_up(key) for _ in range(20)]
        all_waited = time.perf_counter() - started
        mortal_valkey.thaw()

        assert {found.status for found in [*first, *later]} == {FRESH}
        assert 0.19 <= waited < 2.0
        assert all_waited < 4.0
        await replica.until(degraded=False)


async def test_a_valkey_that_is_full_is_trouble_until_it_has_room(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess
) -> None:
    """Reads go on well, so only the refused writes can tell."""
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        before = await replica.keep("before", "an answer")
        mortal_valkey.client.config_set("maxmemory", "1")
        await replica.keep("question", "an answer")
        full = await replica.stats()
        found = await replica.look_up(before)
        still_full = await replica.stats()
        mortal_valkey.client.config_set("maxmemory", "0")
        await replica.keep("question", "an answer")

        assert full.degraded
        assert found.status == FRESH
        assert still_full.degraded
        assert not (await replica.stats()).degraded


@pytest.mark.parametrize("everything", [False, True])
async def test_nobody_is_told_that_answers_are_forgotten_while_valkey_may_have_them(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess, *, everything: bool
) -> None:
    """They would be served again when Valkey is back."""
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        key = await replica.keep("question", "an answer")
        mortal_valkey.kill()
        await replica.look_up("anything")
        what = pb.InvalidateRequest(all=True) if everything else pb.InvalidateRequest(key=key)

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await replica.forget(what)

        error = from_rpc_error(raised.value)
        assert (error.code, error.reason) == (Code.UNAVAILABLE, "CACHE_UNAVAILABLE")
        assert error.retry_after == 1.0
        assert (await replica.look_up(key, accept=pb.ACCEPT_STALE)).status == MISS


async def test_a_cache_that_starts_without_its_valkey_serves_and_finds_it_later(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess, tmp_path: Path
) -> None:
    mortal_valkey.kill()
    (tmp_path / "url").write_text(mortal_valkey.url)
    async with start_replica(valkey_url_file=tmp_path / "url") as replica:
        await replica.keep("question", "an answer")

        assert (await replica.look_up("question")).status == FRESH
        assert (await replica.stats()).degraded
        mortal_valkey.start()
        await replica.until(degraded=False)


async def test_a_changed_password_is_taken_from_the_file(
    start_replica: StartReplica, mortal_valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """Secrets are rotated while everything runs."""
    url = tmp_path / "url"
    url.write_text(mortal_valkey.url)
    async with start_replica(valkey_url_file=url) as replica:
        await replica.until(degraded=False)
        mortal_valkey.client.config_set("requirepass", "new-password")
        mortal_valkey.client.client_kill_filter(_type="normal", skipme=True)
        await replica.look_up("anything")
        assert (await replica.stats()).degraded

        url.write_text(f"unix://:new-password@{mortal_valkey.socket}")

        await replica.until(degraded=False)


async def test_without_valkey_the_replica_is_all_there_is(start_replica: StartReplica) -> None:
    """Nobody promised more, so it is not degraded, and what it forgets is gone."""
    async with start_replica() as replica:
        key = await replica.keep("question", "an answer")
        await replica.keep("another", "an answer")
        await replica.keep("question", "an answer", tenant="other")

        assert (await replica.look_up("question")).status == FRESH
        assert not (await replica.stats()).degraded
        assert await replica.forget(pb.InvalidateRequest(key=key)) == 1
        assert await replica.forget(pb.InvalidateRequest(all=True)) == 1
        assert (await replica.look_up("another")).status == MISS
        assert (await replica.look_up("question", tenant="other")).status == FRESH
