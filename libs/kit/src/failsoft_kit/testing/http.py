"""A service that serves HTTP on a free port of this machine, and how its errors look in tests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson

from failsoft_kit.clock import SystemClock
from failsoft_kit.http.exchange import Reply
from failsoft_kit.http.listener import HttpListener
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Service, running
from failsoft_kit.telemetry.setup import Telemetry
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.errors import Code, FailsoftError

ANY_PORT = "127.0.0.1:0"

_STATUSES = {Code.NOT_FOUND: 404, Code.UNAUTHENTICATED: 401, Code.INVALID_ARGUMENT: 400}


class PlainErrors:
    """Tells the reason and nothing else."""

    def whole(self, error: FailsoftError, *, request_id: str) -> Reply:
        body = orjson.dumps({"reason": error.reason, "request_id": request_id})
        return Reply(status=_STATUSES.get(error.code, 503), body=body)

    def in_stream(self, error: FailsoftError, *, request_id: str) -> bytes:
        return f"!{error.reason}".encode()


def http_service(
    routes: Sequence[Route],
    *,
    tracer: Tracer | None = None,
    health: Health | None = None,
    token: ServiceToken | None = None,
    trust_loopback: bool = True,
    takes_unknown_keys: bool = False,
    drain_seconds: float = 1.0,
    max_calls: int = 100,
    spare_connections: int = 100,
    max_body_bytes: int = 1024,
    head_seconds: float = 10.0,
    body_seconds: float = 30.0,
    unread_seconds: float = 60.0,
) -> Service:
    """A service with one HTTP port and no other, everything else as small as it can be."""
    clock = SystemClock()
    listener = HttpListener(
        address=ANY_PORT,
        setting="test.http",
        routes=routes,
        errors=PlainErrors(),
        max_calls=max_calls,
        spare_connections=spare_connections,
        max_body_bytes=max_body_bytes,
        head_seconds=head_seconds,
        body_seconds=body_seconds,
        unread_seconds=unread_seconds,
        trust_loopback=trust_loopback,
        takes_unknown_keys=takes_unknown_keys,
    )
    return Service(
        name="test",
        listeners=(),
        http=(listener,),
        clock=clock,
        telemetry=Telemetry(tracer=tracer or Tracer(clock=clock)),
        health=health or Health(),
        token=token,
        drain_seconds=drain_seconds,
    )


@asynccontextmanager
async def http_port(service: Service) -> AsyncIterator[int]:
    """Run the service inside the block; gives its HTTP port."""
    async with running(service) as ports:
        yield ports[-1]
