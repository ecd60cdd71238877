"""Any replica tells why an answer is as it is, over real gRPC and a real Valkey."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import grpc
import pytest
from pydantic import SecretStr
from router_under_test import Router, StartRouter, two_hops

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_model.errors import Code
from failsoft_router.settings import ExplainSettings
from failsoft_upstream import Upstream, faults

if TYPE_CHECKING:
    from valkey_process import ValkeyProcess

pytestmark = pytest.mark.integration

SECONDS = 20.0
"""For what has to happen soon, on a busy machine."""

_NAMES_OF_A_WALK = 4
"""In Valkey: of itself, of its trace, and of its request id for anybody and for its tenant."""


def shared(valkey: "ValkeyProcess", *, time_to_live: float = 3600.0) -> ExplainSettings:
    """Walks go to Valkey."""
    return ExplainSettings(valkey_url=SecretStr(valkey.url), time_to_live=time_to_live)


async def explain(router: Router, **key: str) -> pb.ExplainRequestResponse:
    request = pb.ExplainRequestRequest(**key)
    return await router.admin.ExplainRequest(request)


async def missing(call: Awaitable[object]) -> RemoteError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc_error(refused.value)


async def until_found(router: Router, **key: str) -> pb.ExplainRequestResponse:
    """Ask until it is there: walks are on their way to Valkey for a moment."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                return await explain(router, **key)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise


async def test_each_id_of_a_reply_leads_to_its_walk(router: Router, first: Upstream) -> None:
    await first.set_fault(faults.Status(status=503))
    finished = (await router.ask(request_id="my-own.id")).finished

    keys = (
        {"walk_id": finished.walk_id},
        {"trace_id": finished.trace_id},
        {"request_id": "my-own.id"},
        {"request_id": "my-own.id", "tenant": "default"},
        {"any_id": finished.walk_id},
        {"any_id": finished.trace_id},
        {"any_id": "my-own.id"},
    )
    told = [await explain(router, **key) for key in keys]
    assert {each.explanation.walk_id for each in told} == {finished.walk_id}
    assert {each.source for each in told} == {pb.EXPLANATION_SOURCE_MEMORY}
    walk = told[0].explanation
    assert [each.hop.target for each in walk.hops] == ["first", "second"]
    assert walk.hops[0].hop.attempts[0].http_status == 503
    assert walk.hops[0].look.breaker.state == pb.BREAKER_STATE_CLOSED
    assert walk.end.served_by == "second"


async def test_what_nobody_remembers_is_not_found_and_says_what_to_do(router: Router) -> None:
    await router.ask()

    error = await missing(explain(router, walk_id="0" * 32))

    assert (error.code, error.reason) == (Code.NOT_FOUND, "WALK_NOT_FOUND")
    assert error.metadata["walks"] == "1"
    assert "router.explain.valkey_url" in error.message


@pytest.mark.parametrize("key", [{}, {"walk_id": ""}, {"any_id": "x" * 257}], ids=str)
async def test_what_is_no_id_is_refused(router: Router, key: dict[str, str]) -> None:
    error = await missing(explain(router, **key))

    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [each.field for each in error.violations] == [next(iter(key), "key")]


async def test_a_replica_tells_of_the_walk_of_another(
    start_router: StartRouter, first: Upstream, second: Upstream, valkey: "ValkeyProcess"
) -> None:
    await first.set_fault(faults.Status(status=503))
    one, other = [
        await start_router(two_hops(first, second), explain=shared(valkey)) for _ in range(2)
    ]
    finished = (await one.ask(request_id="mine")).finished

    told = await until_found(other, any_id=finished.walk_id)

    assert told.source == pb.EXPLANATION_SOURCE_VALKEY
    assert told.explanation == (await explain(one, walk_id=finished.walk_id)).explanation
    for key in ({"trace_id": finished.trace_id}, {"request_id": "mine", "tenant": "default"}):
        assert (await explain(other, **key)).explanation.walk_id == finished.walk_id
    error = await missing(explain(other, request_id="mine", tenant="rival"))
    assert error.reason == "WALK_NOT_FOUND"
    assert "where walks stay for 1h" in error.message


async def test_the_latest_of_several_walks_is_told_and_the_others_are_named(
    start_router: StartRouter, first: Upstream, second: Upstream, valkey: "ValkeyProcess"
) -> None:
    one, other = [
        await start_router(two_hops(first, second), explain=shared(valkey)) for _ in range(2)
    ]
    walks = [(await one.ask(request_id="same")).finished.walk_id for _ in range(3)]
    await until_found(other, walk_id=walks[-1])

    told = await explain(other, request_id="same")

    assert told.explanation.walk_id == walks[2]
    assert list(told.other_walk_ids) == [walks[1], walks[0]]


async def test_walks_of_an_outage_of_valkey_are_told_here_at_once_and_elsewhere_when_it_is_back(
    start_router: StartRouter, first: Upstream, second: Upstream, mortal_valkey: "ValkeyProcess"
) -> None:
    one, other = [
        await start_router(two_hops(first, second), explain=shared(mortal_valkey)) for _ in range(2)
    ]
    before = (await one.ask()).finished.walk_id
    await until_found(other, walk_id=before)
    mortal_valkey.kill()
    during = (await one.ask()).finished.walk_id

    assert (await explain(one, walk_id=during)).explanation.walk_id == during
    error = await missing(explain(other, walk_id=during))
    assert error.reason == "WALK_NOT_FOUND"
    assert "cannot be asked" in error.message
    mortal_valkey.start()
    assert (await until_found(other, walk_id=during)).explanation.walk_id == during


async def test_a_valkey_that_hangs_keeps_nobody_waiting(
    start_router: StartRouter, first: Upstream, second: Upstream, mortal_valkey: "ValkeyProcess"
) -> None:
    router = await start_router(two_hops(first, second), explain=shared(mortal_valkey))
    await until_written(router, mortal_valkey)
    mortal_valkey.freeze()
    try:
        async with asyncio.timeout(SECONDS):
            error = await missing(explain(router, walk_id="0" * 32))
            answered = await router.ask()
    finally:
        mortal_valkey.thaw()

    assert "cannot be asked" in error.message
    assert answered.finished.hops[0].outcome == walk_pb2.HOP_OUTCOME_SERVED


async def test_the_last_walks_of_a_replica_that_stops_are_told_by_another(
    start_router: StartRouter, first: Upstream, second: Upstream, valkey: "ValkeyProcess"
) -> None:
    one, other = [
        await start_router(two_hops(first, second), explain=shared(valkey)) for _ in range(2)
    ]
    await until_found(other, walk_id=(await one.ask()).finished.walk_id)
    walks = [(await one.ask()).finished.walk_id for _ in range(3)]

    await one.stop()

    for walk_id in walks:
        assert (await explain(other, walk_id=walk_id)).source == pb.EXPLANATION_SOURCE_VALKEY


async def test_walks_leave_valkey_when_their_time_is_over(
    start_router: StartRouter, first: Upstream, second: Upstream, valkey: "ValkeyProcess"
) -> None:
    router = await start_router(two_hops(first, second), explain=shared(valkey, time_to_live=600.0))
    await until_written(router, valkey)

    lives = [valkey.client.pttl(name) for name in valkey.names()]

    assert len(lives) == _NAMES_OF_A_WALK
    assert all(0 < life <= 600_000 for life in lives)


async def until_written(router: Router, valkey: "ValkeyProcess") -> None:
    """Ask once, and wait until Valkey has the walk under all its ids."""
    await router.ask()
    async with asyncio.timeout(SECONDS):
        while len(valkey.names()) < _NAMES_OF_A_WALK:
            await asyncio.to_thread(valkey.client.ping)
