"""Neither one caller's request nor one bad answer takes the cache from the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.telemetry import Meter, SpanContext, Tracer
from failsoft_model.chat import Message, Role, Text
from failsoft_model.events import Choice
from failsoft_model.walk import CacheStatus, FinishReason
from failsoft_router.adapters.cache_client import MAX_FORM_BYTES, CacheClient
from failsoft_router.adapters.cache_writer import MAX_REQUEST_BYTES
from failsoft_router.adapters.pending import MAX_ANSWERS, MAX_BYTES, PendingAnswers
from failsoft_router.ports import Found, Keeping, StoredAnswer

SPAN = SpanContext(trace_id=1, span_id=2, sampled=True)
KEEPING = Keeping(fresh_for=60.0, stale_if_error=3600.0)
FALLBACK = Keeping(fresh_for=0.0, stale_if_error=3600.0)


def answer(text: str) -> StoredAnswer:
    return StoredAnswer(
        choice=Choice(message=Message(role=Role.ASSISTANT, parts=(Text(text=text),))),
        finish_reason=FinishReason.STOP,
        usage=None,
        served_by="a",
        model="m",
        created=SystemClock().unix(),
    )


class Cache:
    """A cache service that does what the test says."""

    def __init__(self) -> None:
        self.refuses: grpc.StatusCode | None = None
        self.hangs = False
        self.looked_up = 0
        self.refused = 0
        self.stored: list[pb.StoreRequest] = []
        self.changed = asyncio.Event()

    async def lookup(
        self, request: pb.LookupRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.LookupResponse:
        self.looked_up += 1
        if self.refuses is not None:
            await context.abort(self.refuses)
        return pb.LookupResponse(key=bytes(32))

    async def store(
        self, request: pb.StoreRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.StoreResponse:
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses is not None:
            self.refused += 1
            self.changed.set()
            await context.abort(self.refuses)
        self.stored.append(request)
        self.changed.set()
        return pb.StoreResponse(stored=len(request.entries))

    @property
    def texts(self) -> list[str]:
        """What was stored; once each, because what was cut off in mid-call is sent again."""
        texts = (
            entry.answer.choice.message.parts[0].text
            for request in self.stored
            for entry in request.entries
        )
        return list(dict.fromkeys(texts))

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await self.changed.wait()
                self.changed.clear()


@asynccontextmanager
async def serving(cache: Cache) -> AsyncIterator[CacheClient]:
    """A client of the cache; its background work is the test's."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Lookup": grpc.unary_unary_rpc_method_handler(
            cache.lookup, pb.LookupRequest.FromString, pb.LookupResponse.SerializeToString
        ),
        "Store": grpc.unary_unary_rpc_method_handler(
            cache.store, pb.StoreRequest.FromString, pb.StoreResponse.SerializeToString
        ),
    }
    server.add_registered_method_handlers("failsoft.cache.v1.CacheService", handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    clock = SystemClock()
    calls = ClientCalls(Meter(clock=clock), (), clock=clock)
    client = CacheClient(
        f"127.0.0.1:{port}",
        token=None,
        tracer=Tracer(clock=clock),
        calls=calls,
        clock=clock,
        draw=lambda: 0.5,
    )
    try:
        yield client
    finally:
        await client.close()
        await server.stop(None)


@asynccontextmanager
async def running(client: CacheClient) -> AsyncIterator[None]:
    """Its background work runs inside the block."""
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(client.run())
        yield
        job.cancel()


async def find(client: CacheClient, form: bytes = b"{}") -> Found:
    return await client.find(form, tenant="acme", fresh=True, max_age=None, span=SPAN)


async def found_soon(client: CacheClient) -> Found:
    """The first look-up pays for the connection, which may take longer than it has."""
    async with asyncio.timeout(5):
        while True:
            found = await find(client)
            if not found.away:
                return found
            await asyncio.sleep(0)


integration = pytest.mark.integration


@integration
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT]
)
async def test_requests_that_the_cache_refuses_do_not_switch_it_off(code: grpc.StatusCode) -> None:
    """One caller's long requests would otherwise take it from everybody."""
    cache = Cache()
    async with serving(cache) as client:
        await found_soon(client)
        cache.refuses = code
        refused = [await find(client) for _ in range(10)]
        cache.refuses = None

        found = await find(client)

    assert not any(each.away or each.key for each in refused)
    assert found.status is CacheStatus.MISS
    assert found.key


@integration
async def test_a_form_that_is_too_long_is_not_sent() -> None:
    cache = Cache()
    async with serving(cache) as client:
        await found_soon(client)
        before = cache.looked_up

        found = await find(client, bytes(MAX_FORM_BYTES + 1))

    assert cache.looked_up == before
    assert (found.status, found.away) == (CacheStatus.BYPASS, False)


@integration
async def test_an_answer_that_cannot_be_written_keeps_no_other_from_being_stored() -> None:
    """Some provider will send half a surrogate pair, which the contract has no bytes for."""
    cache = Cache()
    async with serving(cache) as client, running(client):
        await found_soon(client)
        client.store(bytes(32), answer("one"), KEEPING, tenant="acme", walk=SPAN)
        client.store(b"\1" * 32, answer("\ud83d"), KEEPING, tenant="acme", walk=SPAN)
        client.store(b"\2" * 32, answer("two"), KEEPING, tenant="acme", walk=SPAN)

        await cache.wait_until(lambda: len(cache.texts) == 2)

    assert cache.texts == ["one", "two"]


@integration
async def test_storing_goes_on_after_the_cache_refused_a_batch() -> None:
    cache = Cache()
    async with serving(cache) as client, running(client):
        await found_soon(client)
        cache.refuses = grpc.StatusCode.INTERNAL
        client.store(bytes(32), answer("lost"), KEEPING, tenant="acme", walk=SPAN)
        await cache.wait_until(lambda: cache.refused == 1)
        cache.refuses = None
        client.store(bytes(32), answer("kept"), KEEPING, tenant="acme", walk=SPAN)

        await cache.wait_until(lambda: bool(cache.texts))

    assert cache.texts == ["kept"]


@integration
async def test_no_request_is_much_longer_than_the_longest_answer() -> None:
    """One that the cache must refuse for its length would take all of its answers along."""
    cache, third = Cache(), MAX_REQUEST_BYTES // 3
    async with serving(cache) as client, running(client):
        for number in range(7):
            each = answer(f"{number:>{third}}")
            client.store(bytes([number]) * 32, each, KEEPING, tenant="acme", walk=SPAN)

        await cache.wait_until(lambda: len(cache.texts) == 7)

    assert all(request.ByteSize() < MAX_REQUEST_BYTES + 1024 for request in cache.stored)


@integration
async def test_what_is_left_at_the_end_is_sent() -> None:
    cache = Cache()
    async with serving(cache) as client, running(client):
        await found_soon(client)
        client.store(bytes(32), answer("last"), KEEPING, tenant="acme", walk=SPAN)

    assert cache.texts == ["last"]


@integration
async def test_a_hanging_cache_does_not_hold_the_end_up() -> None:
    cache = Cache()
    cache.hangs = True
    async with serving(cache) as client:
        for number in range(8):
            client.store(bytes(32), answer("x"), KEEPING, tenant=f"tenant-{number}", walk=SPAN)
        async with asyncio.timeout(4), running(client):
            await found_soon(client)


# What waits.


def test_the_oldest_answers_are_given_up_when_there_are_too_many() -> None:
    pending = PendingAnswers()
    for number in range(MAX_ANSWERS + 1):
        pending.put("acme", number.to_bytes(32), answer("x"), KEEPING, SPAN)

    assert pending.get("acme", bytes(32)) is None
    assert pending.get("acme", (1).to_bytes(32)) is not None


def test_the_oldest_answers_are_given_up_when_they_are_too_long() -> None:
    """A thousand long answers would be more than the process may hold."""
    pending = PendingAnswers()
    quarter = answer("x" * (MAX_BYTES // 4))
    for number in range(5):
        pending.put("acme", number.to_bytes(32), quarter, KEEPING, SPAN)

    assert [pending.get("acme", n.to_bytes(32)) is not None for n in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_room_comes_back_when_answers_were_sent() -> None:
    pending = PendingAnswers()
    half = answer("x" * (MAX_BYTES // 2 - 4096))
    for number in range(20):
        pending.put("acme", number.to_bytes(32), half, KEEPING, SPAN)
        pending.forget(pending.batch(10))
    pending.put("acme", bytes(32), half, KEEPING, SPAN)
    pending.put("acme", b"\1" * 32, half, KEEPING, SPAN)

    assert len(pending.batch(10)) == 2


def test_a_fallbacks_answer_does_not_take_the_place_of_a_better_one() -> None:
    pending = PendingAnswers()
    pending.put("acme", bytes(32), answer("best"), KEEPING, SPAN)
    pending.put("acme", bytes(32), answer("fallback"), FALLBACK, SPAN)

    (kept,) = pending.batch(10)
    assert kept.answer.choice.message.text == "best"


def test_an_answer_that_was_replaced_while_it_was_sent_stays() -> None:
    pending = PendingAnswers()
    pending.put("acme", bytes(32), answer("old"), KEEPING, SPAN)
    batch = pending.batch(10)
    pending.put("acme", bytes(32), replace(answer("new"), model="n"), KEEPING, SPAN)
    pending.forget(batch)

    (kept,) = pending.batch(10)
    assert kept.answer.model == "n"


def test_a_batch_is_of_one_tenant() -> None:
    pending = PendingAnswers()
    for tenant in ("acme", "other", "acme"):
        pending.put(tenant, tenant.encode().ljust(32), answer("x"), KEEPING, SPAN)
    pending.put("acme", bytes(32), answer("y"), KEEPING, SPAN)

    assert {each.tenant for each in pending.batch(10)} == {"other"}
