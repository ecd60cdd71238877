"""Whatever a provider sends, and however much, costs a bounded amount of memory and time."""

import asyncio
import gzip
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import SpanContext
from failsoft_model.chat import ChatRequest, Message, Role, Text
from failsoft_model.walk import ErrorClass
from failsoft_router.adapters.http_target import ERROR_BODY_WITHIN, HttpTarget
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import AttemptFailed, TargetCall
from failsoft_router.wire.openai.codec import OpenAiCodec

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
BLOCK = 64 * 1024
SOCKETS = 16 * MIB
"""What the two sockets and their transports may hold between writing and reading."""

CALL = TargetCall(
    request=ChatRequest(
        model="chat", messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),)
    ),
    attempt_id="walk/1/1",
    tenant="acme",
    span=SpanContext(trace_id=1, span_id=2, sampled=True),
    connect=1.0,
    total=10.0,
)

STREAM = "200 OK\r\ncontent-type: text/event-stream"
EVENT = b'data: {"choices":[{"delta":%s}]}\n\n'


class Fountain:
    """A provider that sends a head and then pieces without an end, and counts their bytes."""

    def __init__(self, status: str, pieces: Callable[[], Iterator[bytes]], *, every: float) -> None:
        self._head = f"HTTP/1.1 {status}\r\nconnection: close\r\n\r\n".encode()
        self._pieces = pieces
        self._every = every
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._head)
            for piece in self._pieces():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self._every)
                self.sent += len(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fountain(
    status: str, pieces: Callable[[], Iterator[bytes]], *, every: float = 0.0
) -> AsyncIterator[tuple[Fountain, HttpTarget]]:
    """The provider, and the target that leads to it."""
    it = Fountain(status, pieces, every=every)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    policy = TargetPolicy(
        name="a",
        provider=Provider.OPENAI,
        model="m",
        endpoint=f"http://127.0.0.1:{port}/v1",
        allow_private=True,
    )
    target = HttpTarget(
        policy,
        codec=OpenAiCodec(model=policy.model, endpoint=policy.endpoint),
        credential=None,
        clock=SystemClock(),
    )
    try:
        yield it, target
    finally:
        await target.close()
        server.close()


async def failure(target: HttpTarget) -> AttemptFailed:
    async def read_all() -> None:
        async with asyncio.timeout(9), aclosing(target.stream(CALL)) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(AttemptFailed) as failed:
        await read_all()
    return failed.value


def endless(block: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.repeat(block)


def tool_calls() -> Iterator[bytes]:
    """Each with a number of its own, in blocks of many."""
    call = EVENT % b'{"tool_calls":[{"index":%d,"id":"call-%d","function":{"name":"f"}}]}'
    for first in itertools.count(step=100):
        yield b"".join(call % (number, number) for number in range(first, first + 100))


@pytest.mark.parametrize(
    ("pieces", "most", "detail"),
    [
        pytest.param(endless(b"x" * BLOCK), 8 * MIB, "an event has no end", id="line"),
        pytest.param(
            endless(EVENT % (b'{"content":"' + b"x" * BLOCK + b'"}')),
            17 * MIB,
            "the answer has no end",
            id="text",
        ),
        pytest.param(
            endless(EVENT % (b'{"tool_calls":[{"function":{"arguments":"%s"}}]}' % (b"{" * BLOCK))),
            17 * MIB,
            "the answer has no end",
            id="arguments",
        ),
        pytest.param(tool_calls, MIB, "the answer has too many parts", id="tool calls"),
    ],
)
async def test_an_answer_without_an_end_is_hung_up_on(
    pieces: Callable[[], Iterator[bytes]], most: int, detail: str
) -> None:
    """Ten minutes of it, which is what the limits of time allow, would be gigabytes."""
    async with fountain(STREAM, pieces) as (it, target):
        failed = await failure(target)
        assert it.sent < most + SOCKETS

    assert (failed.error_class, failed.detail) == (ErrorClass.MALFORMED, detail)


@pytest.mark.parametrize(
    ("status", "block", "error_class"),
    [
        ("500 Oh", b"x" * BLOCK, ErrorClass.TRANSIENT),
        (
            "429 No",
            b'{"error":{"code":"insufficient_quota","message":"' * 1000,
            ErrorClass.RATE_LIMITED,
        ),
        ("401 No", b"[" * BLOCK, ErrorClass.CREDENTIAL),
        ("503 No", b"\xff" * BLOCK, ErrorClass.TRANSIENT),
        ("429 No\r\ncontent-encoding: gzip", gzip.compress(b" " * MIB), ErrorClass.RATE_LIMITED),
    ],
    ids=["text", "half a JSON", "nested JSON", "no UTF-8", "gzip bombs"],
)
async def test_an_errors_body_without_an_end_leaves_it_to_the_status(
    status: str, block: bytes, error_class: ErrorClass
) -> None:
    async with fountain(status, endless(block)) as (it, target):
        failed = await failure(target)
        assert it.sent < MIB + SOCKETS

    assert failed.error_class is error_class


async def test_an_errors_body_that_drips_is_not_waited_for() -> None:
    """Its limit would be the first content's: silence in place of a refusal."""
    async with fountain("429 No", endless(b" "), every=0.01) as (_, target):
        started = asyncio.get_running_loop().time()
        failed = await failure(target)
        took = asyncio.get_running_loop().time() - started

    assert failed.error_class is ErrorClass.RATE_LIMITED
    assert took < ERROR_BODY_WITHIN * 4


async def test_a_stream_that_is_compressed_is_not_unpacked() -> None:
    """We accept none; a bomb would grow a thousandfold in our memory."""
    bomb = gzip.compress(b"\n" * MIB)
    async with fountain(f"{STREAM}\r\ncontent-encoding: gzip", endless(bomb)) as (it, target):
        failed = await failure(target)
        assert it.sent < SOCKETS

    assert failed.error_class is ErrorClass.MALFORMED
    assert failed.detail == "the reply is compressed, unasked"


@pytest.mark.parametrize(
    "status",
    [
        "200 OK\r\nx: " + "x" * 100_000,
        "200 OK\r\n" + "\r\n".join(f"x{number}: x" for number in range(10_000)),
        "two hundred",
        "200 OK\r\ncontent-length: many",
        "200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: gzip, rot13",
    ],
    ids=["long header", "many headers", "no status", "no length", "no such coding"],
)
async def test_what_is_not_http_is_a_failure_like_any_other(status: str) -> None:
    async with fountain(status, endless(b"data: x\n")) as (it, target):
        failed = await failure(target)
        assert it.sent < MIB + SOCKETS

    assert failed.error_class in {ErrorClass.MALFORMED, ErrorClass.TRANSIENT}
