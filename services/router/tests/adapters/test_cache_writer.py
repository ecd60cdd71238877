"""Answers leave for the cache together, and none of them waits long."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.channel import Metadata
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.telemetry import Kind, Meter, SpanContext, Tracer, format_traceparent
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.spans import Link, RecordedSpans
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
UNTRACED = SpanContext(trace_id=1, span_id=2, sampled=False)


class Channel:
    """A connection in virtual time; notes how many answers each call brings, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, int]] = []
        self.traceparents: list[str] = []
        self.is_broken = False

    def unary_unary(self, *_: object, **__: object) -> Callable[..., Awaitable[pb.StoreResponse]]:
        async def call(
            request: pb.StoreRequest, *, metadata: Metadata, **_: object
        ) -> pb.StoreResponse:
            self.calls.append((asyncio.get_running_loop().time(), len(request.entries)))
            self.traceparents += [value for key, value in metadata if key == "traceparent"]
            await asyncio.sleep(CALL_SECONDS)
            if self.is_broken:
                raise ConnectionError
            return pb.StoreResponse()

        return call


@asynccontextmanager
async def running(
    channel: Channel, spans: RecordedSpans | None = None
) -> "AsyncIterator[CacheWriter]":
    clock = LoopClock()
    calls = ClientCalls(Meter(clock=clock), (), clock=clock)
    tracer = Tracer(clock=clock, sink=spans)
    writer = CacheWriter(cast("grpc.aio.Channel", channel), tracer, calls)
    async with asyncio.TaskGroup() as tasks:
        job: asyncio.Task[Any] = tasks.create_task(writer.run())
        yield writer
        job.cancel()


def store(writer: CacheWriter, number: int, *, walk: SpanContext = UNTRACED) -> None:
    writer.store(bytes([number]) * 32, ANSWER, KEEPING, tenant="acme", walk=walk)


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


@virtual_time.test
async def test_each_walk_shows_that_its_answer_was_stored() -> None:
    """The answers travel in one call; what the cache does shows in one of the traces."""
    channel, spans = Channel(), RecordedSpans()
    tracer = Tracer(clock=LoopClock(), sink=spans)
    walks = [tracer.start("walk", kind=Kind.INTERNAL) for _ in range(2)]
    async with running(channel, spans) as writer:
        store(writer, 0)
        for number, walk in enumerate(walks, 1):
            store(writer, number, walk=walk.context)
            walk.end()
        await asyncio.sleep(ROUND_SECONDS)

    assert [answers for _, answers in channel.calls] == [3]
    first, second = spans.named("failsoft.cache.v1.CacheService/Store")
    assert [first.context.trace_id, second.context.trace_id] == [
        walk.context.trace_id for walk in walks
    ]
    assert {(span.kind, span.parent, span.error) for span in (first, second)} == {
        (Kind.CLIENT, "walk", None)
    }
    assert channel.traceparents == [format_traceparent(first.context)]
    assert first.links == ()
    assert second.links == (Link(to=first.name, attributes={"failsoft.link": "sent_with"}),)


@virtual_time.test
async def test_a_walk_shows_that_its_answer_could_not_be_stored() -> None:
    channel, spans = Channel(), RecordedSpans()
    channel.is_broken = True
    walk = SpanContext(trace_id=1, span_id=2, sampled=True)
    async with running(channel, spans) as writer:
        store(writer, 0, walk=walk)
        await asyncio.sleep(ROUND_SECONDS)

    assert spans.one("failsoft.cache.v1.CacheService/Store").error == "ConnectionError"
