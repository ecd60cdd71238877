"""A service on a free port of this machine, for tests with real gRPC."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import grpc

from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access, Authority, ServiceToken
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener, Service, running
from failsoft_kit.telemetry.setup import Telemetry
from failsoft_kit.telemetry.tracer import Tracer

ANY_PORT = "127.0.0.1:0"


@asynccontextmanager
async def channel_to(
    service: Service, *, token: ServiceToken | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """Run the service inside the block; gives a channel to its first listener.

    Args:
        token: Shown with every call; None: calls are made as nobody.
    """
    async with (
        running(service) as ports,
        open_channel(f"127.0.0.1:{ports[0]}", token=token) as channel,
    ):
        yield channel


def service_of(
    register: Callable[[grpc.aio.Server], None],
    *,
    access: Mapping[str, Access],
    tracer: Tracer | None = None,
    health: Health | None = None,
    token: ServiceToken | None = None,
    authorities: Sequence[Authority] = (),
    drain_seconds: float = 1.0,
) -> Service:
    """A service with one listener on a free port, everything else as small as it can be."""
    clock = SystemClock()
    return Service(
        name="test",
        listeners=[
            Listener(address=ANY_PORT, setting="test.listen", register=register, access=access)
        ],
        clock=clock,
        telemetry=Telemetry(tracer=tracer or Tracer(clock=clock)),
        health=health or Health(),
        token=token,
        authorities=authorities,
        drain_seconds=drain_seconds,
    )
