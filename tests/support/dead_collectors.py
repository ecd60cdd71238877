"""Collectors that do everything but take spans, over gRPC and over HTTP."""

import asyncio
import enum
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2, status_pb2

from failsoft_kit.rpc.status import trailing_metadata

SLOWNESS = 0.05
"""Seconds that the slow one takes for each batch."""

_HINT_SECONDS = 600
_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_OK_BUT_EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Ailment(enum.Enum):
    """What is wrong with it."""

    SILENT = "accepts connections and never says a word"
    ABSENT = "refuses connections"
    HANGS_UP = "ends the connection in the middle of a batch"
    EXHAUSTED = "says that it is exhausted, and when to come back"
    UNAVAILABLE = "says that it is unavailable, and when to come back"
    SLOW = "takes its time for each batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadCollector:
    """One of them."""

    port: int
    contacted: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody has tried to send it something; never set where connections are refused."""


@asynccontextmanager
async def dead_collector(ailment: Ailment, protocol: str) -> AsyncIterator[DeadCollector]:
    """One that listens, or does not, for as long as the block lasts.

    Args:
        protocol: `grpc` or `http/protobuf`.
    """
    match ailment, protocol:
        case Ailment.ABSENT, _:
            running = _nobody()
        case Ailment.SILENT, _:
            running = _tcp(_say_nothing)
        case Ailment.HANGS_UP, _:
            running = _tcp(_hang_up)
        case Ailment.SLOW, "grpc":
            running = _grpc(None)
        case Ailment.SLOW, _:
            running = _tcp(_answer_slowly)
        case Ailment.EXHAUSTED, "grpc":
            running = _grpc(grpc.StatusCode.RESOURCE_EXHAUSTED)
        case Ailment.EXHAUSTED, _:
            running = _tcp(_refuse_with(429))
        case Ailment.UNAVAILABLE, "grpc":
            running = _grpc(grpc.StatusCode.UNAVAILABLE)
        case _:
            running = _tcp(_refuse_with(503))
    async with running as collector:
        yield collector


@asynccontextmanager
async def _nobody() -> AsyncIterator[DeadCollector]:
    """A port that is taken, on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield DeadCollector(port=taken.getsockname()[1])


@asynccontextmanager
async def _tcp(answer: Answer) -> AsyncIterator[DeadCollector]:
    contacted = asyncio.Event()
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        contacted.set()
        try:
            await answer(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield DeadCollector(port=server.sockets[0].getsockname()[1], contacted=contacted)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections)


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(100)


async def _answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _read_request(reader)
    await asyncio.sleep(SLOWNESS)
    writer.write(_OK_BUT_EMPTY)
    await writer.drain()


def _refuse_with(status: int) -> Answer:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _read_request(reader)
        hint = f"Retry-After: {_HINT_SECONDS}\r\nContent-Length: 0"
        writer.write(f"HTTP/1.1 {status} No\r\n{hint}\r\n\r\n".encode())
        await writer.drain()

    return refuse


async def _read_request(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line for line in head.splitlines() if line.startswith("Content-Length:")]
    await reader.readexactly(int(lengths[0].partition(":")[2]))


@asynccontextmanager
async def _grpc(refusal: grpc.StatusCode | None) -> AsyncIterator[DeadCollector]:
    """None: it takes what it gets, slowly."""
    contacted = asyncio.Event()

    async def export(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        contacted.set()
        if refusal is not None:
            await context.abort(refusal, trailing_metadata=_hint(refusal))
        await asyncio.sleep(SLOWNESS)
        return b""

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(export)
    server.add_registered_method_handlers(_SERVICE, {"Export": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield DeadCollector(port=port, contacted=contacted)
    finally:
        await server.stop(None)


def _hint(code: grpc.StatusCode) -> tuple[tuple[str, bytes], ...]:
    status = status_pb2.Status(code=code.value[0])
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromSeconds(_HINT_SECONDS)
    status.details.add().Pack(retry)
    return trailing_metadata(status)
