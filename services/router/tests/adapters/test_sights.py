"""What the router learns of the services that it calls, and what it makes of their silence."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from failsoft.cache.v1 import cache_service_pb2 as cache_pb
from failsoft.cache.v1 import cache_service_pb2_grpc as cache_grpc
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_kit.testing.grpc import service_of
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_router.adapters.inference_target import InferenceTarget
from failsoft_router.adapters.sights import cache_sight
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.core.sight import EngineSight, Sight
from failsoft_router.ports import Neighbour

if TYPE_CHECKING:
    import grpc

pytestmark = pytest.mark.integration

WITHIN = 10.0
"""Longer than any answer takes here."""
TOKEN = "service-token-0123456789-0123456789"
DRAINS = "it takes no calls: it starts, or drains"
MINIMAL = pb.ModelStatus(
    serving=True,
    degraded=True,
    why="minimal serves instead of primary",
    answered_by="smollm2",
    profile="minimal",
    engine="openvino",
)


class Models(pb_grpc.InferenceServiceServicer):
    """Offers models, or hangs when it is asked."""

    def __init__(self, *models: pb.ModelInfo, hangs: bool = False) -> None:
        self._models = models
        self._hangs = hangs

    async def ListModels(  # noqa: N802 - the name is the contract's
        self, request: pb.ListModelsRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.ListModelsResponse:
        if self._hangs:
            await asyncio.Event().wait()
        return pb.ListModelsResponse(models=self._models)


class Stats(cache_grpc.CacheServiceServicer):
    """A cache that has Valkey, or has not."""

    def __init__(self, *, degraded: bool = False) -> None:
        self._degraded = degraded

    async def GetStats(  # noqa: N802 - the name is the contract's
        self, request: cache_pb.GetStatsRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> cache_pb.GetStatsResponse:
        return cache_pb.GetStatsResponse(degraded=self._degraded)


def offering(*models: pb.ModelInfo, hangs: bool = False) -> Models:
    return Models(*models, hangs=hangs)  # type: ignore[abstract] # nobody asks for the rest


def health(*, serving: bool = True) -> Health:
    known = Health()
    known.set("part", serving=serving, why="")
    return known


def inference_access(demanded: Access) -> dict[str, Access]:
    contract = pb.DESCRIPTOR.services_by_name["InferenceService"]
    return dict(access_table(contract, dict.fromkeys((m.name for m in contract.methods), demanded)))


@asynccontextmanager
async def target_of(
    servicer: Models,
    *,
    serving: bool = True,
    demanded: ServiceToken | None = None,
    shown: ServiceToken | None = None,
) -> AsyncIterator[InferenceTarget]:
    """The router's side of a service that offers models, to who shows the demanded token."""
    service = service_of(
        partial(pb_grpc.add_InferenceServiceServicer_to_server, servicer),
        access=inference_access(Access.TENANT if demanded is None else Access.SERVICE),
        health=health(serving=serving),
        token=demanded,
        drain_seconds=0.0,
    )
    async with running(service) as (port,):
        target = target_at(f"127.0.0.1:{port}", token=shown)
        yield target
        await target.close()


def target_at(address: str, *, token: ServiceToken | None = None) -> InferenceTarget:
    policy = TargetPolicy(
        name="local",
        provider=Provider.FAILSOFT,
        model="tiny",
        endpoint=address,
        external=False,
    )
    clock = SystemClock()
    calls = ClientCalls(Meter(clock=clock), (), clock=clock)
    return InferenceTarget(policy, token=token, credential=None, calls=calls)


async def look_at(servicer: Models, *, serving: bool = True, within: float = WITHIN) -> Sight:
    async with target_of(servicer, serving=serving) as target:
        return await target.look(within=within)


async def test_a_small_model_in_place_of_the_big_one_is_told_with_its_engine() -> None:
    sight = await look_at(offering(pb.ModelInfo(id="tiny", kind="model", status=MINIMAL)))

    assert sight == Sight(
        ready=True,
        degraded=True,
        why="minimal serves instead of primary",
        engine=EngineSight(
            name="openvino", profile="minimal", answered_by="smollm2", loading=False
        ),
    )


async def test_a_model_that_loads_is_not_ready() -> None:
    status = pb.ModelStatus(why="the model is loading", loading=True)

    sight = await look_at(offering(pb.ModelInfo(id="tiny", status=status)), serving=False)

    assert (sight.ready, sight.why) == (False, "the model is loading")
    assert sight.engine is not None
    assert sight.engine.loading


async def test_a_service_that_drains_is_not_ready_whatever_its_model_says() -> None:
    sight = await look_at(offering(pb.ModelInfo(id="tiny", status=MINIMAL)), serving=False)

    assert (sight.ready, sight.why) == (False, DRAINS)


async def test_a_service_without_the_targets_model_is_not_ready() -> None:
    sight = await look_at(offering(pb.ModelInfo(id="another", kind="model")))

    assert sight == Sight(ready=False, why="it does not offer the target's model")


@pytest.mark.parametrize(("serving", "why"), [(True, ""), (False, DRAINS)])
async def test_a_router_behind_is_as_ready_as_it_says(serving: bool, why: str) -> None:
    """It answers to names that it does not list."""
    route = pb.ModelInfo(id="chat", kind="route")

    assert await look_at(offering(route), serving=serving) == Sight(ready=serving, why=why)


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return ServiceToken.from_file(file)


async def test_a_service_is_shown_our_token(token: ServiceToken) -> None:
    offered = offering(pb.ModelInfo(id="tiny", status=pb.ModelStatus(serving=True)))

    async with target_of(offered, demanded=token, shown=token) as target:
        assert (await target.look(within=WITHIN)).ready


async def test_a_service_that_refuses_to_tell_is_quoted_by_its_code(token: ServiceToken) -> None:
    async with target_of(offering(), demanded=token) as target:
        sight = await target.look(within=WITHIN)

    assert sight == Sight(ready=False, why="it does not say how it is: PERMISSION_DENIED")


async def test_nobody_at_an_address_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = target_at(f"127.0.0.1:{taken.getsockname()[1]}")
        sight = await target.look(within=WITHIN)
        await target.close()

    assert sight == Sight(ready=False, why="nobody answers at its address")


async def test_a_service_that_hangs_is_left_at_the_limit() -> None:
    sight = await look_at(offering(hangs=True), within=0.3)

    assert sight == Sight(ready=False, why="it said nothing within 0.3 s")


@pytest.mark.parametrize(
    ("serving", "degraded", "expected"),
    [
        (True, False, Sight(ready=True)),
        (
            True,
            True,
            Sight(
                ready=True,
                degraded=True,
                why="Valkey is away: only the memory of each replica serves",
            ),
        ),
        (False, True, Sight(ready=False, why=DRAINS)),
    ],
)
async def test_a_cache_says_whether_it_has_valkey(
    serving: bool, degraded: bool, expected: Sight
) -> None:
    stats = Stats(degraded=degraded)  # type: ignore[abstract] # nobody asks for the rest
    contract = cache_pb.DESCRIPTOR.services_by_name["CacheService"]
    demands = dict.fromkeys((each.name for each in contract.methods), Access.TENANT)
    service = service_of(
        partial(cache_grpc.add_CacheServiceServicer_to_server, stats),
        access=access_table(contract, demands),
        health=health(serving=serving),
    )

    async with running(service) as (port,), open_channel(f"127.0.0.1:{port}") as channel:
        assert await cache_sight(channel, within=WITHIN) == expected


async def test_a_look_for_a_monitor_leaves_no_span_at_who_is_looked_at() -> None:
    """A monitor that asks every few seconds would bury the traces of requests."""
    spans = RecordedSpans()
    service = service_of(
        partial(pb_grpc.add_InferenceServiceServicer_to_server, offering()),
        access=inference_access(Access.TENANT),
        tracer=Tracer(clock=SystemClock(), sink=spans),
    )
    unrecorded = Tracer(clock=SystemClock()).start("GET /health")

    async with running(service) as (port,):
        target = target_at(f"127.0.0.1:{port}")
        with unrecorded.active():
            await target.look(within=WITHIN)
        assert spans.all() == ()
        await target.look(within=WITHIN)
        assert len(spans.all()) == 1
        await target.close()


async def test_what_can_tell_how_it_is_says_so() -> None:
    """The survey picks its neighbours by this."""
    target = target_at("127.0.0.1:1")

    assert isinstance(target, Neighbour)
    await target.close()
