"""A Valkey cluster is told from a Valkey when the connection is made."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.valkey.connection import connection_to
from failsoft_kit.valkey.errors import ValkeyAway
from failsoft_kit.valkey.pipeline import Pipeline
from failsoft_kit.valkey.shards import refuse_shards

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio.connection import AbstractConnection
    from valkey_process import ValkeyProcess

pytestmark = pytest.mark.integration

INFO = b"cluster_enabled:1\r\ncluster_state:ok\r\ncluster_known_nodes:6\r\ncluster_size:%d\r\n"


@asynccontextmanager
async def cluster_of(shards: int) -> AsyncIterator[str]:
    """The URL of what answers PING and CLUSTER INFO as a Valkey cluster does."""
    info = INFO % shards
    replies = {b"PING": b"+PONG\r\n", b"CLUSTER": b"$%d\r\n%s\r\n" % (len(info), info)}

    writers = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while command := await _command(reader):
            writer.write(replies.get(command[0], b"-MOVED 1 127.0.0.1:1\r\n"))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"valkey://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """The words of the next one; none: who asked has left."""
    head = await reader.readline()
    words = []
    for _ in range(int(head[1:] or 0)):
        size = await reader.readline()
        words.append((await reader.readexactly(int(size[1:]) + 2))[:-2])
    return words


async def looked_at(url: str) -> None:
    connection: AbstractConnection = connection_to(url)
    await connection.connect()  # type: ignore[no-untyped-call] # as redis has it
    try:
        await refuse_shards(connection)
    finally:
        await connection.disconnect(nowait=True)


async def test_several_shards_are_refused_and_nobody_is_sent_there() -> None:
    """Of two shards every second key was refused, and what was said of it changed each time."""
    said: asyncio.Queue[str | None] = asyncio.Queue()
    async with cluster_of(2) as url, asyncio.TaskGroup() as tasks:
        pipeline = Pipeline(
            lambda: connection_to(url),
            limit=5.0,
            clock=SystemClock(),
            on_change=said.put_nowait,
            goes_on_with="nothing",
        )
        running = tasks.create_task(pipeline.run())
        async with asyncio.timeout(10.0):
            told = await said.get()

        assert told is not None
        assert "a cluster of 2 shards, which is not supported" in told
        with pytest.raises(ValkeyAway, match="2 shards"):
            await pipeline.ask("GET", "a")
        running.cancel()


async def test_a_cluster_of_one_shard_has_every_key() -> None:
    async with cluster_of(1) as url:
        await looked_at(url)


async def test_a_valkey_that_is_no_cluster_is_taken(valkey: ValkeyProcess) -> None:
    await looked_at(valkey.url)


async def test_who_may_not_ask_for_it_is_let_in(valkey: ValkeyProcess) -> None:
    valkey.client.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+get"])
    try:
        await looked_at(f"unix://narrow:any@{valkey.socket}")
    finally:
        valkey.client.acl_deluser("narrow")
