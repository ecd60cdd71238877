"""Whether a service is ready, told by the service itself."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from failsoft_kit.rpc.channel import open_channel

Probe = Callable[[], AsyncGenerator[bool, None]]
"""Says whether the service is ready, and then each time that this may have changed."""

_AGAIN_SECONDS = 0.05
_RECONNECT_MILLISECONDS = 100


def grpc_health(address: str) -> Probe:
    """Watches `grpc.health.v1` of a whole server."""

    async def watch() -> AsyncGenerator[bool, None]:
        channel = open_channel(
            address, options={"grpc.max_reconnect_backoff_ms": _RECONNECT_MILLISECONDS}
        )
        async with channel:
            stub = HealthStub(channel)
            while True:
                try:
                    replies = stub.Watch(  # type: ignore[attr-defined] # its stubs lack it
                        HealthCheckRequest(), wait_for_ready=True
                    )
                    async for reply in replies:
                        yield reply.status == HealthCheckResponse.SERVING
                except grpc.aio.AioRpcError:
                    # Servers end old connections; whether its process has died is seen elsewhere.
                    await asyncio.sleep(_AGAIN_SECONDS)

    return watch


def valkey_answers(socket: Path) -> Probe:
    """Pings a Valkey until it has loaded its data."""

    async def ping() -> None:
        reader, writer = await asyncio.open_unix_connection(socket)
        try:
            writer.write(b"PING\r\n")
            if await reader.readline() != b"+PONG\r\n":
                raise ConnectionError("it is still loading")
        finally:
            writer.close()

    return _once(ping)


def accepts_connections(host: str, port: int) -> Probe:
    """Tries to connect until somebody listens."""

    async def connect() -> None:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()

    return _once(connect)


def _once(attempt: Callable[[], Awaitable[None]]) -> Probe:
    async def watch() -> AsyncGenerator[bool, None]:
        while True:
            try:
                await attempt()
            except OSError:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                yield True
                return

    return watch
