"""The same requests over OpenAI's HTTP API."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc

from benchmarks import load
from benchmarks.stack import Stack
from failsoft_kit.rpc.channel import open_channel

_numbers = itertools.count()


class Clients(load.Clients):
    """Those of gRPC, and as many connections to the HTTP API as are in flight."""

    def __init__(
        self, *, router: grpc.aio.Channel, echo: grpc.aio.Channel, http: aiohttp.ClientSession
    ) -> None:
        """
        Args:
            http: With the API's base URL.
        """
        super().__init__(router=router, echo=echo)
        self.http = http


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[Clients]:
    """Clients of what is measured, warm, for as long as the block runs."""
    async with (
        open_channel(stack.router) as router,
        open_channel(stack.echo_address) as echo,
        aiohttp.ClientSession(base_url=stack.base_url) as http,
    ):
        clients = Clients(router=router, echo=echo, http=http)
        await load.warm_up(clients)
        await load.burst(miss(clients), requests=20, in_flight=1)
        yield clients


def miss(clients: Clients) -> load.Ask:
    """As gRPC's `miss`."""
    return _ask(clients, stream=False)


def stream(clients: Clients) -> load.Ask:
    """As gRPC's `stream`, by server-sent events."""
    return _ask(clients, stream=True)


def _ask(clients: Clients, *, stream: bool) -> load.Ask:
    async def ask() -> None:
        message = {"role": "user", "content": f"Question over HTTP {next(_numbers)}"}
        asked = {"model": "chat", "messages": [message], "temperature": 0.0, "stream": stream}
        async with clients.http.post("chat/completions", json=asked) as reply:
            await reply.read()
            clients.strays += reply.headers.get("x-failsoft-served-by") != "cloud"

    return ask
