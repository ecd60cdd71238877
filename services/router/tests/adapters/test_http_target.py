"""A provider's connection is used again, and what breaks is told without addresses."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import SpanContext
from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass
from failsoft_router.adapters.event_body import AFTER_FINISH
from failsoft_router.adapters.http_target import HttpTarget
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import AttemptFailed, Ending, Piece, TargetCall
from failsoft_router.wire.openai.codec import OpenAiCodec
from failsoft_upstream import faults
from failsoft_upstream import running as upstream_running

pytestmark = pytest.mark.integration

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

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TEXT = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Wire:
    """Plays the same bytes for every request, and counts connections."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self.connections = 0
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.requests += 1
                await self._play(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def in_packets(*packets: bytes) -> Play:
    """Each in a packet of its own: what is written later is read later."""

    async def play(writer: asyncio.StreamWriter) -> None:
        for packet in packets:
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(0)

    return play


@asynccontextmanager
async def provider(play: Play) -> AsyncIterator[tuple[Wire, HttpTarget]]:
    """A provider that plays, and the target that leads to it."""
    it = Wire(play)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with target_at(f"http://127.0.0.1:{port}/v1") as target:
        yield it, target
    server.close()


@asynccontextmanager
async def target_at(endpoint: str, *, allow_private: bool = True) -> AsyncIterator[HttpTarget]:
    policy = TargetPolicy(
        name="a",
        provider=Provider.OPENAI,
        model="m",
        endpoint=endpoint,
        allow_private=allow_private,
    )
    target = HttpTarget(
        policy,
        codec=OpenAiCodec(model=policy.model, endpoint=policy.endpoint),
        credential=None,
        clock=SystemClock(),
    )
    try:
        yield target
    finally:
        await target.close()


async def said(target: HttpTarget, call: TargetCall = CALL) -> Sequence[Piece]:
    async with aclosing(target.stream(call)) as pieces:
        return [piece async for piece in pieces]


async def failure(endpoint: str, *, allow_private: bool = True) -> AttemptFailed:
    async with target_at(endpoint, allow_private=allow_private) as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target)
    return failed.value


# What is whole.


async def test_an_answer_that_the_callers_stop_sequence_emptied_is_whole() -> None:
    play = in_packets(HEAD + framed(STOP) + framed(USAGE) + framed(DONE) + END)
    asked = replace(CALL, request=replace(CALL.request, sampling=Sampling(stop=("OK",))))

    async with provider(play) as (_, target):
        with pytest.raises(AttemptFailed) as unexplained:
            await said(target)
        (ending,) = await said(target, asked)

    assert unexplained.value.error_class is ErrorClass.TRUNCATED
    assert isinstance(ending, Ending)


# Connections.


@pytest.mark.parametrize(
    "packets",
    [
        (HEAD + framed(TEXT) + framed(STOP) + framed(USAGE) + framed(DONE) + END,),
        (HEAD, framed(TEXT), framed(STOP), framed(USAGE), framed(DONE), END),
        (HEAD, framed(TEXT), framed(STOP), framed(DONE), END),
        (HEAD, framed(TEXT), framed(STOP), framed(USAGE), END),
        (HEAD, framed(TEXT), framed(STOP), END),
    ],
)
async def test_calls_in_a_row_use_one_connection(packets: tuple[bytes, ...]) -> None:
    """A new one costs the TLS handshake, which is longer than many an answer."""
    async with provider(in_packets(*packets)) as (it, target):
        for _ in range(5):
            pieces = await said(target)
            assert pieces[0] == Delta(text="hello")
            assert isinstance(pieces[-1], Ending)

    assert (it.requests, it.connections) == (5, 1)


async def test_calls_of_the_look_alike_use_one_connection() -> None:
    connections = 0
    async with upstream_running() as upstream:

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            port = int(upstream.url.rpartition(":")[2])
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(copy(reader, there_writer))
                tasks.create_task(copy(there_reader, writer))

        server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with target_at(f"http://127.0.0.1:{port}/v1") as target:
            for _ in range(5):
                await said(target)
        server.close()

    assert connections == 1


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_keep_alives_after_the_finish_reason_hold_no_answer_up() -> None:
    """Each read renewed the wait, so a chatty provider could hold an answer for ever."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + framed(TEXT) + framed(STOP))
        while not writer.is_closing():
            writer.write(framed(b": keep-alive\n\n"))
            await writer.drain()
            await asyncio.sleep(AFTER_FINISH / 10)

    async with provider(play) as (_, target), asyncio.timeout(AFTER_FINISH * 8):
        pieces = await said(target)

    assert isinstance(pieces[-1], Ending)


async def test_usage_that_comes_after_the_finish_reason_is_waited_for() -> None:
    packets = (HEAD, framed(TEXT), framed(STOP), framed(USAGE), framed(DONE), END)
    async with provider(in_packets(*packets)) as (_, target):
        ending = (await said(target))[-1]

    assert isinstance(ending, Ending)
    assert ending.usage is not None
    assert ending.usage.output_tokens == 2


async def test_usage_that_is_half_there_when_the_wait_is_over_spoils_nothing() -> None:
    """The half line was read as a broken event, and a whole answer thrown away."""
    packets = (HEAD, framed(TEXT), framed(STOP), framed(USAGE[:20]))
    async with provider(in_packets(*packets)) as (_, target):
        ending = (await said(target))[-1]

    assert isinstance(ending, Ending)
    assert ending.usage is None


async def test_an_errors_body_in_several_packets_is_read_to_its_end() -> None:
    """Half of it says nothing, and the bare status would blame the wrong one."""
    body = b'{"error": {"code": "insufficient_quota"}}'
    head = f"HTTP/1.1 429 Too Many Requests\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    packets = (head, body[:12], body[12:])
    async with provider(in_packets(*packets)) as (_, target):
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert failed.value.error_class is ErrorClass.QUOTA


async def test_what_arrives_together_keeps_the_ids_and_names_of_its_calls() -> None:
    """The id may come in a later piece than the name."""
    piece = b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,%s}]}}]}\n\n'
    name, call_id = b'"function":{"name":"add"}', b'"id":"c1","function":{"arguments":"{}"}'
    body = HEAD + framed(piece % name + piece % call_id + STOP + USAGE + DONE) + END
    async with provider(in_packets(body)) as (_, target):
        first = (await said(target))[0]

    assert isinstance(first, Delta)
    assert (first.tool_name, first.tool_call_id, first.text) == ("add", "c1", "{}")


# Gulps.


def one_by_one(*packets: bytes) -> Play:
    """As from a model: each packet some time after the one before."""

    async def play(writer: asyncio.StreamWriter) -> None:
        for packet in packets:
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(0.002)

    return play


IN_GULPS = replace(CALL, in_gulps=True)


async def test_an_answer_is_read_in_gulps_where_nobody_waits_for_its_pieces() -> None:
    """Each piece by itself wakes the process, which costs more than the piece."""
    packets = (HEAD, *[framed(TEXT)] * 40, framed(STOP + USAGE + DONE) + END)
    async with provider(one_by_one(*packets)) as (it, target):
        for _ in range(2):
            *pieces, ending = await said(target, IN_GULPS)
            assert isinstance(ending, Ending)
            assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == (
                "hello" * 40
            )
            assert len(pieces) < 20

    assert (it.requests, it.connections) == (2, 1)


async def test_the_first_piece_of_an_answer_in_gulps_waits_for_nothing() -> None:
    """The limit for the first content is the target's, and so is the breaker's measure."""
    said_more = asyncio.Event()

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + framed(TEXT))
        await said_more.wait()
        writer.write(framed(TEXT + STOP + USAGE + DONE) + END)

    async with provider(play) as (_, target), aclosing(target.stream(IN_GULPS)) as pieces:
        assert await anext(pieces) == Delta(text="hello")
        said_more.set()
        assert await anext(pieces) == Delta(text="hello")
        assert isinstance(await anext(pieces), Ending)


async def test_a_connection_that_breaks_between_two_gulps_is_a_cut_answer() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        for packet in (HEAD, framed(TEXT), framed(TEXT)):
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(0.002)
        writer.transport.abort()

    async with provider(play) as (_, target):
        with pytest.raises(AttemptFailed) as failed:
            await said(target, IN_GULPS)

    assert failed.value.error_class is ErrorClass.TRUNCATED


# What breaks.


async def test_a_refused_connection_is_told_without_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    failed = await failure(f"http://127.0.0.1:{port}/v1")

    assert (failed.error_class, failed.sent) == (ErrorClass.TRANSIENT, False)
    assert failed.detail == "no connection: it was refused"


async def test_a_name_that_does_not_resolve_is_called_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "10.0.0.53 says: no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)

    failed = await failure("http://nobody.invalid/v1")

    assert (failed.error_class, failed.sent) == (ErrorClass.TRANSIENT, False)
    assert failed.detail == "no connection: its name does not resolve"


async def test_a_slow_name_server_costs_the_connect_limit_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def late(*_: object, **__: object) -> None:
        answered.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    monkeypatch.setattr(socket, "getaddrinfo", late)

    async with target_at("http://nobody.invalid/v1") as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target, replace(CALL, connect=0.05))
        answered.set()

    assert (failed.value.error_class, failed.value.sent) == (ErrorClass.TIMEOUT_CONNECT, False)


async def test_a_name_of_our_own_network_is_refused_by_its_own_words() -> None:
    """An operator who reads that the name does not resolve looks at the wrong place."""
    failed = await failure("http://localhost/v1", allow_private=False)

    assert (failed.error_class, failed.sent) == (ErrorClass.TRANSIENT, False)
    assert failed.detail == "no connection: its address is private, and `allow_private` is not set"


async def test_a_server_that_does_not_speak_tls_is_called_that() -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    failed = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    server.close()

    assert (failed.error_class, failed.sent) == (ErrorClass.TRANSIENT, False)
    assert failed.detail == "no connection: TLS failed"


async def test_a_connection_that_breaks_after_the_request_may_have_been_heard() -> None:
    async with upstream_running() as upstream, target_at(upstream.base_url) as target:
        await upstream.set_fault(faults.Reset())
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert (failed.value.error_class, failed.value.sent) == (ErrorClass.TRANSIENT, True)
    assert failed.value.detail == "the connection was lost"
