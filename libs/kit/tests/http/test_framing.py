"""Where a request ends, when somebody wants servers to disagree about it: over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from failsoft_kit.http.connection import MAX_HEAD_BYTES
from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_kit.testing.http import http_port, http_service

pytestmark = pytest.mark.integration

POST = b"POST /echo HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
SMUGGLED = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nsmuggled"


async def echo(request: Request, response: Response) -> None:
    await response.reply(Reply(status=200, body=await request.body()))


ROUTE = Route(method="POST", path="/echo", access=Access.TENANT, handler=echo)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with http_port(http_service([ROUTE])) as port:
        yield port
        last = POST + b"connection: close\r\ncontent-length: 4\r\n\r\nsoft"
        assert (await raw(port, last)).endswith(b"soft"), "the next client is answered"


async def raw(port: int, sent: bytes, *, half_closed: bool = False) -> bytes:
    """What comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = b""
    try:
        writer.write(sent)
        if half_closed:
            writer.write_eof()
        with suppress(ConnectionError):  # it closed while more was on its way
            while piece := await reader.read(65536):
                seen += piece
    finally:
        writer.close()
    return seen


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(b"4\r\nsoft\r\n0\r\n\r\n", id="one chunk"),
        pytest.param(b"1\r\ns\r\n3\r\noft\r\n0\r\n\r\n", id="two chunks"),
        pytest.param(b"0004;a=b\r\nsoft\r\n0\r\n\r\n", id="an extension"),
        pytest.param(b"4\r\nsoft\r\n0\r\nx-late: trailer\r\n\r\n", id="a trailer"),
    ],
)
async def test_a_body_in_chunks_is_read(port: int, pieces: bytes) -> None:
    head = POST + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    reply = await raw(port, head + pieces)
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert reply.endswith(b"\r\n\r\nsoft")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(b"zz\r\nsoft\r\n0\r\n\r\n", id="no number"),
        pytest.param(b"-4\r\nsoft\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"0x4\r\nsoft\r\n0\r\n\r\n", id="with a prefix"),
        pytest.param(b"ffffffffffffffff1\r\nsoft\r\n0\r\n\r\n", id="too large"),
        pytest.param(b"3\r\nsoft\r\n0\r\n\r\n", id="longer than it says"),
        pytest.param(b"4\nsoft\n0\n\n", id="bare line feeds"),
    ],
)
async def test_chunks_that_are_none_are_refused(port: int, pieces: bytes) -> None:
    """They got no reply at all."""
    reply = await raw(port, CHUNKED + pieces + SMUGGLED)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(POST + b"transfer-encoding: xchunked\r\n", id="no coding"),
        pytest.param(POST + b"transfer-encoding: gzip, chunked\r\n", id="two codings"),
        pytest.param(POST + b"transfer-encoding: chunked\r\n" * 2, id="a coding twice"),
        pytest.param(POST + b"transfer-encoding : chunked\r\n", id="a space before the colon"),
        pytest.param(POST + b"transfer-encoding:\r\n chunked\r\n", id="a folded coding"),
        pytest.param(POST + b"x-a: b\r\n c\r\ncontent-length: 0\r\n", id="a folded line"),
        pytest.param(POST.replace(b"\r\n", b"\n") + b"content-length: 0\n", id="bare line feeds"),
        pytest.param(POST + b"x-a: b\rcontent-length: 9\r\n", id="a bare return"),
        pytest.param(POST + b"x-a: b\0c\r\n", id="a zero byte"),
        pytest.param(POST + b"content-length: 0\r\n" * 2, id="a length twice"),
        pytest.param(POST + b"host: y\r\ncontent-length: 0\r\n", id="two hosts"),
        pytest.param(b"POST /echo HTTP/1.1\r\ncontent-length: 0\r\n", id="no host"),
        pytest.param(
            b"POST /echo HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n",
            id="old with chunks",
        ),
        pytest.param(b"CONNECT inside:80 HTTP/1.1\r\nhost: inside\r\n", id="a tunnel"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n", id="HTTP/2"),
    ],
)
async def test_a_head_that_others_may_read_differently_is_refused(port: int, head: bytes) -> None:
    reply = await raw(port, head + b"\r\n" + b"0\r\n\r\n" + SMUGGLED)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("half_closed", [False, True], ids=["whole", "half-closed"])
@pytest.mark.parametrize("begun", [POST + b"content-length: 9\r\n\r\nso", CHUNKED + b"9\r\nso"])
async def test_a_body_that_is_cut_is_none_and_gets_no_answer(
    begun: bytes, half_closed: bool
) -> None:
    inside, ended = asyncio.Event(), asyncio.Event()
    bodies: list[bytes] = []

    async def keep(request: Request, response: Response) -> None:
        inside.set()
        try:
            bodies.append(await request.body())
        finally:
            ended.set()

    route = Route(method="POST", path="/echo", access=Access.TENANT, handler=keep)
    async with http_port(http_service([route])) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        await inside.wait()
        if half_closed:
            writer.write_eof()
            assert await reader.read() == b""
        writer.close()
        await ended.wait()
    assert not bodies


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"0\r\n" + b"x-late: trailer\r\n" * MAX_HEAD_BYTES, id="trailers"),
        pytest.param(b"0\r\nx-late: " + b"y" * (16 * MAX_HEAD_BYTES), id="one trailer"),
        pytest.param(b"4;" + b"y" * (16 * MAX_HEAD_BYTES), id="an extension"),
    ],
)
async def test_what_stands_around_a_body_has_an_end(port: int, endless: bytes) -> None:
    """None of it is ever read, and all of it was kept."""
    assert (await raw(port, CHUNKED + endless)).startswith(b"HTTP/1.1 431 ")


async def test_a_connection_that_sends_line_ends_only_is_closed() -> None:
    """They belong to no request, and kept it open for ever."""
    request = POST + b"content-length: 4\r\n\r\nsoft"
    async with http_port(http_service([ROUTE], head_seconds=0.05)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.readuntil(b"\r\n\r\nsoft")
        writer.write(b"\r\n")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
