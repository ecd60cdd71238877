"""How the services that the router calls say that they are, over the channels of its calls.

Whether a service lets callers in is `grpc.health.v1`'s to say, and what is less than it
should be is in the contract: `GetStats` of the cache, the status of a model in `ListModels`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from failsoft.cache.v1 import cache_service_pb2 as cache_pb
from failsoft.cache.v1.cache_service_pb2_grpc import CacheServiceStub
from failsoft.inference.v1 import inference_service_pb2 as inference_pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import Metadata, outgoing_metadata
from failsoft_kit.telemetry.span import current_span
from failsoft_router.core.sight import EngineSight, Sight

_ROUTE = "route"
"""The kind of what a router offers; it answers to more names than it lists."""
_NOT_SERVING = "it takes no calls: it starts, or drains"
_NO_VALKEY = "Valkey is away: only the memory of each replica serves"


async def cache_sight(channel: grpc.aio.Channel, *, within: float) -> Sight:
    """How the cache is; see `ports.Neighbour`."""

    async def ask() -> Sight:
        stub = CacheServiceStub(channel)
        if not await _serves(channel, within=within):
            return Sight(ready=False, why=_NOT_SERVING)
        request = cache_pb.GetStatsRequest()
        stats = await stub.GetStats(request, timeout=within, metadata=_trace())
        why = _NO_VALKEY if stats.degraded else ""
        return Sight(ready=True, degraded=stats.degraded, why=why)

    return await _asked(ask, within=within)


async def model_sight(
    channel: grpc.aio.Channel, *, model: str, metadata: Metadata, within: float
) -> Sight:
    """How the service is that offers a model, or a router with that route.

    Args:
        metadata: Shown when its models are asked for.
    """

    async def ask() -> Sight:
        stub = InferenceServiceStub(channel)
        serves = await _serves(channel, within=within)
        request = inference_pb.ListModelsRequest()
        shown = (*_trace(), *metadata)
        reply = await stub.ListModels(request, timeout=within, metadata=shown)
        return _sight_of(model, reply.models, serves=serves)

    return await _asked(ask, within=within)


async def _asked(ask: Callable[[], Awaitable[Sight]], *, within: float) -> Sight:
    silent = Sight(ready=False, why=f"it said nothing within {within:g} s")
    try:
        async with asyncio.timeout(within):
            return await ask()
    except TimeoutError:
        return silent
    except grpc.aio.AioRpcError as error:
        match error.code():
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return silent
            case grpc.StatusCode.UNAVAILABLE:
                return Sight(ready=False, why="nobody answers at its address")
            case code:
                return Sight(ready=False, why=f"it does not say how it is: {code.name}")


def _trace() -> Metadata:
    """The trace of who asks; where that is kept by nobody, a look is not either."""
    return outgoing_metadata(span=current_span())


async def _serves(channel: grpc.aio.Channel, *, within: float) -> bool:
    """Whether the whole server lets callers in."""
    check = HealthStub(channel).Check  # type: ignore[attr-defined] # its stubs lack it
    reply: HealthCheckResponse = await check(HealthCheckRequest(), timeout=within)
    return reply.status == HealthCheckResponse.SERVING


def _sight_of(model: str, offered: Iterable[inference_pb.ModelInfo], *, serves: bool) -> Sight:
    listed = {each.id: each for each in offered}
    if any(each.kind == _ROUTE for each in listed.values()):
        return Sight(ready=serves, why="" if serves else _NOT_SERVING)
    if model not in listed:
        return Sight(ready=False, why="it does not offer the target's model")
    if not listed[model].HasField("status"):
        return Sight(ready=serves, why="" if serves else _NOT_SERVING)
    status = listed[model].status
    # A server that drains tells by its health only.
    drains = status.serving and not serves
    return Sight(
        ready=status.serving and serves,
        degraded=status.degraded,
        why=_NOT_SERVING if drains else status.why,
        engine=EngineSight(
            name=status.engine,
            profile=status.profile,
            answered_by=status.answered_by,
            loading=status.loading,
        ),
    )
