"""A service that stops lets its HTTP requests end, and tells those that cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_kit.rpc.server import Service, running
from failsoft_kit.testing.http import http_service

pytestmark = pytest.mark.integration


class Stage:
    """Streams one letter, waits for its cue, and says another."""

    def __init__(self, *, drain_seconds: float, begins: bool = True) -> None:
        self.cue = asyncio.Event()
        self.inside = asyncio.Event()
        self._begins = begins
        self._stop = asyncio.Event()
        self._ports: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        route = Route(method="GET", path="/", access=Access.TENANT, handler=self._answer)
        self._service: Service = http_service([route], drain_seconds=drain_seconds)

    async def run(self) -> None:
        async with running(self._service) as ports:
            self._ports.set_result(ports[-1])
            await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()

    @property
    async def url(self) -> str:
        return f"http://127.0.0.1:{await self._ports}"

    @asynccontextmanager
    async def reply(self) -> AsyncIterator[aiohttp.ClientResponse]:
        async with aiohttp.ClientSession() as session, session.get(await self.url) as reply:
            yield reply

    async def _answer(self, request: Request, response: Response) -> None:
        if self._begins:
            await response.begin(200, [])
            await response.write(b"a")
        self.inside.set()
        await self.cue.wait()
        if self._begins:
            await response.end(b"b")
        else:
            await response.reply(Reply(status=200, body=b"ab"))


async def new_requests_are_refused(stage: Stage) -> None:
    """Until the drain has begun, requests are still taken."""
    while True:
        try:
            async with stage.reply():
                pass
        except aiohttp.ClientConnectorError:
            return


async def test_a_running_stream_is_finished_and_nobody_else_is_let_in() -> None:
    stage = Stage(drain_seconds=30.0)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(stage.run())
        async with stage.reply() as reply:
            assert await reply.content.readexactly(1) == b"a"
            stage.stop()
            await new_requests_are_refused(stage)
            assert not serving.done()
            stage.cue.set()
            assert await reply.content.read() == b"b"
            await serving


async def test_a_connection_is_not_closed_under_its_clients_next_request() -> None:
    """A client that has read its stream asks again at once, over what it takes for kept alive."""
    stage = Stage(drain_seconds=30.0)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(stage.run())
        async with aiohttp.ClientSession() as session:
            async with session.get(await stage.url) as reply:
                assert await reply.content.readexactly(1) == b"a"
                stage.stop()
                await new_requests_are_refused(stage)
                stage.cue.set()
                assert await reply.content.read() == b"b"
            async with session.get(await stage.url) as next_reply:
                assert await next_reply.content.read() == b"ab"
                assert next_reply.headers["connection"] == "close"
            await serving


async def test_a_stream_that_outlasts_the_drain_is_told_why_it_ends() -> None:
    stage = Stage(drain_seconds=0.05)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.run())
        async with stage.reply() as reply:
            await stage.inside.wait()
            stage.stop()
            assert await reply.content.read() == b"a!SHUTTING_DOWN"


async def test_a_stream_that_nobody_reads_holds_nothing_up() -> None:
    """Its handler is stuck in a write, and nothing fits in behind that."""
    inside = asyncio.Event()

    async def flood(request: Request, response: Response) -> None:
        await response.begin(200, [])
        while not response.stuck:
            await response.write(b"x" * 65536)
        inside.set()
        await response.write(b"x")

    route = Route(method="GET", path="/", access=Access.TENANT, handler=flood)
    async with running(http_service([route], drain_seconds=0.05)) as ports:
        _, writer = await asyncio.open_connection("127.0.0.1", ports[-1], limit=1)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await inside.wait()
    writer.close()


async def test_a_request_that_outlasts_the_drain_is_refused() -> None:
    stage = Stage(drain_seconds=0.05, begins=False)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.run())

        async def ask() -> tuple[int, str]:
            async with stage.reply() as reply:
                return reply.status, (await reply.json())["reason"]

        asked = tasks.create_task(ask())
        await stage.inside.wait()
        stage.stop()
        assert await asked == (503, "SHUTTING_DOWN")
