"""Every method of a router whose users are known, called by everybody there may be."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from pathlib import Path

import grpc
import pytest
from api_keys import bearer, write_keys

from failsoft.inference.v1 import inference_service_pb2
from failsoft.router.v1 import admin_service_pb2
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access, Kind, Principal
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.rpc.channel import FOLLOWING_METADATA, open_channel
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_router.settings import RouterSettings
from failsoft_router.wiring.service import build

pytestmark = pytest.mark.integration

TOKEN = "a-service-token-of-enough-characters"
USER, OPERATOR, REVOKED = ApiKey.new(), ApiKey.new(), ApiKey.new()
CALLERS = {
    "nobody": ((), None),
    "a revoked key": (bearer(REVOKED), None),
    "a made-up key": (bearer(ApiKey.new()), None),
    "a made-up token": (bearer("x" * 64), None),
    "a user": (bearer(USER), Principal(tenant="acme", kind=Kind.USER)),
    "an operator": (
        bearer(OPERATOR),
        Principal(tenant="ops", kind=Kind.USER, scopes=frozenset({"operator"})),
    ),
    "a service": (
        bearer(TOKEN),
        Principal(tenant="default", kind=Kind.SERVICE, scopes=frozenset({"operator"})),
    ),
}
"""What each of them shows, and whom it is to be taken for; None: nobody."""

METHODS = [
    (port, f"/{service.full_name}/{method.name}", method.server_streaming)
    for port, file in enumerate((inference_service_pb2, admin_service_pb2))
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
"""On which of the router's ports, its full name, and whether it answers by a stream."""


@asynccontextmanager
async def router(
    folder: Path,
) -> AsyncIterator[tuple[tuple[grpc.aio.Channel, ...], dict[str, Access]]]:
    """A running one: channels to its ports, and what its methods demand."""
    policy, token, keys = folder / "policy.yaml", folder / "token", folder / "keys"
    policy.write_text("{targets: {}, routes: {chat: {default: true, hops: [mock]}}}")
    token.write_text(TOKEN)
    now = "2026-11-01T00:00:00Z"
    write_keys(
        keys,
        {USER: {}, OPERATOR: {"tenant": "ops", "scopes": ["operator"]}, REVOKED: {"revoked": now}},
    )
    settings = RouterSettings(
        address="127.0.0.1:0",
        admin_address="127.0.0.1:0",
        policy_file=policy,
        service_token_file=token,
        identity=IdentitySettings(keys_file=keys),
        drain=1.0,
    )
    clock = SystemClock()
    telemetry = Telemetry(tracer=Tracer(clock=clock))
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            build(settings, clock=clock, telemetry=telemetry, environ={})
        )
        ports = (await stack.enter_async_context(running(service)))[:2]
        channels = [
            await stack.enter_async_context(open_channel(f"127.0.0.1:{port}")) for port in ports
        ]
        demands = {
            f"/{name}": each
            for listener in service.listeners
            for name, each in listener.access.items()
        }
        yield tuple(channels), demands


async def outcome(
    channel: grpc.aio.Channel,
    method: str,
    metadata: tuple[tuple[str, str], ...],
    *,
    streams: bool,
) -> grpc.StatusCode:
    """How a call with an empty request ends; one that is let in may end by its request."""
    try:
        if not streams:
            ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
            await ask(b"", metadata=metadata)
            return grpc.StatusCode.OK
        follow: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
        call = follow(b"", metadata=metadata)
        begun = await call.initial_metadata()
        follows = any(key == FOLLOWING_METADATA for key, _ in begun)
        if not follows and await call.read() is grpc.aio.EOF:
            return await call.code()
        call.cancel()
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_everybody_gets_what_the_table_says_and_nothing_else(tmp_path: Path) -> None:
    refusals = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
    wrong = []
    async with router(tmp_path) as (channels, demands):
        for (port, method, streams), (who, (metadata, principal)) in product(
            METHODS, CALLERS.items()
        ):
            code = await outcome(channels[port], method, metadata, streams=streams)
            if principal is None:
                right = code is refusals[0]
            elif demands[method].permits(principal):
                right = code not in refusals
            else:
                right = code is refusals[1]
            if not right:
                wrong.append((method, who, code.name))

    assert wrong == []
    assert len(METHODS) == len(demands)
