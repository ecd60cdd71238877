"""Answers leave for the cache together, and none of them waits long."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.telemetry import Meter
from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Message, Role, Text
from failsoft_model.events import Choice
from failsoft_model.walk import FinishReason
from failsoft_router.adapters.cache_writer import ROUND_SECONDS, CacheWriter
from failsoft_router.ports import Keeping, StoredAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc

CALL_SECONDS = 0.001
ANSWER = StoredAnswer(
    choice=Choice(message=Message(role=Role.ASSISTANT, parts=(Text(text="x"),))),
    finish_reason=FinishReason.STOP,
    usage=None,
    served_by="a",
    model="m",
    created=0.0,
)
KEEPING = Keeping(fresh_for=60.0, stale_if_error=3600.0)


class Channel:
    """A connection in virtual time; notes how many answers each call brings, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, int]] = []

    def unary_unary(self, *_: object, **__: object) -> Callable[..., Awaitable[pb.StoreResponse]]:
        async def call(request: pb.StoreRequest, **_: object) -> pb.StoreResponse:
            self.calls.append((asyncio.get_running_loop().time(), len(request.entries)))
            await asyncio.sleep(CALL_SECONDS)
            return pb.StoreResponse()

        return call


@asynccontextmanager
async def running(channel: Channel) -> "AsyncIterator[CacheWriter]":
    clock = LoopClock()
    calls = ClientCalls(Meter(clock=clock), (), clock=clock)
    writer = CacheWriter(cast("grpc.aio.Channel", channel), calls)
    async with asyncio.TaskGroup() as tasks:
        job: asyncio.Task[Any] = tasks.create_task(writer.run())
        yield writer
        job.cancel()


def store(writer: CacheWriter, number: int) -> None:
    writer.store(bytes([number]) * 32, ANSWER, KEEPING, tenant="acme")


@virtual_time.test
async def test_the_answers_of_one_moment_are_stored_together() -> None:
    """A call for each costs router and cache more than the answers themselves."""
    channel = Channel()
    async with running(channel) as writer:
        for number in range(20):
            store(writer, number)
            await asyncio.sleep(ROUND_SECONDS / 25)
        await asyncio.sleep(ROUND_SECONDS)

    assert [answers for _, answers in channel.calls] == [1, 19]


@virtual_time.test
async def test_an_answer_after_a_pause_is_stored_at_once() -> None:
    """Other replicas find it from then on."""
    channel = Channel()
    async with running(channel) as writer:
        store(writer, 1)
        await asyncio.sleep(10.0)
        stored_at = asyncio.get_running_loop().time()
        store(writer, 2)
        await asyncio.sleep(1.0)

    assert channel.calls[1] == (stored_at, 1)
