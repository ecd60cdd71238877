"""`GET /health` of a router over real sockets, in whatever state its surroundings are."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from api_keys import bearer, write_keys
from google.protobuf.duration_pb2 import Duration
from health_schema import mistakes
from processes import dead_port
from pydantic import SecretStr
from router_under_test import Router, StartRouter, failsoft_target, openai_target, two_hops

from failsoft.cache.v1.cache_service_pb2 import LookupRequest
from failsoft.cache.v1.cache_service_pb2_grpc import CacheServiceStub
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cache.settings import CacheSettings
from failsoft_cache.wiring import build as build_cache
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

Json = dict[str, Any]


async def health(router: Router, headers: tuple[tuple[str, str], ...] = ()) -> Json:
    """The document, which is always of the promised form."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session,
        session.get(url(router), headers=headers) as reply,
    ):
        assert reply.status == 200
        assert reply.content_type == "application/json"
        assert reply.headers["cache-control"] == "no-store"
        document: Json = await reply.json()
    assert mistakes(document) == []
    return document


def url(router: Router) -> str:
    return router.base_url.removesuffix("/v1") + "/health"


def named(entries: list[Json], name: str) -> Json:
    return next(each for each in entries if each["name"] == name)


def gate(target: Json, reason: str) -> Json:
    return next(each for each in target["gates"] if each["skip_reason"] == reason)


async def test_a_router_without_troubles_is_ready(router: Router) -> None:
    for _ in range(3):
        await router.ask()

    document = await health(router)

    assert (document["status"], document["why"]) == ("ready", [])
    assert [each["name"] for each in document["services"]] == ["router"]
    assert document["services"][0]["why"].endswith("is in force")
    first, second = document["targets"]
    assert (first["ready"], first["credential"]) == (True, "not_needed")
    assert first["breaker"]["window_calls"] == 3
    assert 0.0 < first["first_content"]["p50"] <= first["first_content"]["p95"]
    assert second["first_content"] == {"p50": None, "p95": None, "answers": 0}
    assert document["walks"]["by_degradation"]["none"] == 3


async def test_a_target_that_is_ill_is_told_with_the_fallbacks_that_it_costs(
    router: Router, first: Upstream
) -> None:
    await first.set_fault(faults.Status(status=500))
    for _ in range(6):
        await router.ask()

    document = await health(router)

    ill = named(document["targets"], "first")
    assert document["status"] == "degraded"
    assert document["why"] == ["target first: its breaker is open after transient"]
    assert (ill["ready"], ill["breaker"]["state"]) == (False, "open")
    assert 0.0 <= ill["breaker"]["due_in"] <= 15.0
    assert ill["breaker"]["last_transition_ago"] >= 0.0
    assert document["walks"]["fallback_share"] == 1.0
    assert document["walks"]["by_degradation"]["fallback_target"] == 6


async def test_gates_are_told_as_the_admin_port_tells_them(
    router: Router, first: Upstream, second: Upstream
) -> None:
    await first.set_fault(faults.Status(status=429, retry_after=600))
    await router.ask()
    await router.admin.IsolateTarget(
        pb.IsolateTargetRequest(
            target="second", ttl=Duration(seconds=60), actor="ada", reason="a new driver"
        )
    )

    document = await health(router)

    quota = gate(named(document["targets"], "first"), "quota")
    isolated = gate(named(document["targets"], "second"), "isolated")
    assert (quota["shut"], quota["last_error"]) == (True, "rate_limited")
    assert 590.0 < quota["due_in"] <= 600.0
    assert (isolated["shut"], isolated["detail"]) == (True, "isolated by ada: a new driver")
    assert 50.0 < isolated["due_in"] <= 60.0
    assert document["why"][-1] == "route chat: none of its targets is ready"


async def test_a_missing_key_is_told_and_is_no_trouble(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    policy = two_hops(first, second, credential={"env": "KEY"})

    document = await health(await start_router(policy))

    target = named(document["targets"], "first")
    assert document["status"] == "ready"
    assert (target["credential"], target["why"]) == ("missing", "it has no credential")


async def test_a_cache_that_is_there_is_told(
    start_router: StartRouter, cache: str, first: Upstream, second: Upstream
) -> None:
    document = await health(await start_router(two_hops(first, second), cache=cache))

    told = named(document["services"], "cache")
    assert (told["kind"], told["ready"], told["degraded"]) == ("cache", True, False)
    assert document["status"] == "ready"


async def test_a_cache_whose_valkey_is_away_is_degraded_and_so_is_the_router(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    clock = SystemClock()
    with dead_port() as nobody:
        service = build_cache(
            CacheSettings(
                address="127.0.0.1:0",
                data_dir=tmp_path / "cache",
                valkey_url=SecretStr(f"redis://127.0.0.1:{nobody}"),
                drain=1.0,
            ),
            clock=clock,
            telemetry=Telemetry(tracer=Tracer(clock=clock)),
        )
        async with running(service) as (port,), open_channel(f"127.0.0.1:{port}") as channel:
            # By its end the cache has missed Valkey.
            await CacheServiceStub(channel).Lookup(LookupRequest(canonical_request=b"{}"))
            router = await start_router(two_hops(first, second), cache=f"127.0.0.1:{port}")
            document = await health(router)

    told = named(document["services"], "cache")
    assert (told["ready"], told["degraded"]) == (True, True)
    assert document["status"] == "degraded"
    assert document["why"] == [
        "service cache: Valkey is away: only the memory of each replica serves"
    ]


async def test_services_that_are_away_cost_a_moment_and_are_told(
    start_router: StartRouter, first: Upstream
) -> None:
    with dead_port() as no_cache, dead_port() as no_model:
        local = {"provider": "failsoft", "model": "tiny", "endpoint": f"127.0.0.1:{no_model}"}
        policy = {
            "targets": {"cloud": openai_target(first), "local": local},
            "routes": {"chat": {"default": True, "hops": ["cloud", "local"]}},
        }

        document = await health(await start_router(policy, cache=f"127.0.0.1:{no_cache}"))

    assert document["status"] == "degraded"
    assert document["why"] == [
        "service cache: nobody answers at its address",
        "service local: nobody answers at its address",
    ]
    assert named(document["services"], "local")["kind"] == "inference"


async def test_a_service_that_hangs_keeps_no_walk_and_nobody_who_asks(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """A socket that takes connections and says nothing, as of a process that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        router = await start_router(two_hops(first, second), cache=address)
        documents, answer = await asyncio.gather(
            asyncio.gather(*(health(router) for _ in range(20))), router.ask()
        )

    assert answer.finished.served_by == "first"
    assert {named(each["services"], "cache")["ready"] for each in documents} == {False}
    assert {each["targets"][0]["ready"] for each in documents} == {True}


async def test_a_router_behind_a_router_is_one_of_its_services(
    start_router: StartRouter, router: Router
) -> None:
    front = await start_router(
        {
            "targets": {"behind": failsoft_target(router)},
            "routes": {"chat": {"default": True, "hops": ["behind"]}},
        }
    )

    document = await health(front)

    assert document["status"] == "ready"
    assert named(document["services"], "behind")["ready"]


async def test_a_stranger_is_told_nothing_where_users_are_known(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    key, keys = ApiKey.new(), tmp_path / "keys"
    write_keys(keys, {key: {}})
    router = await start_router(two_hops(first, second), identity=IdentitySettings(keys_file=keys))

    async with aiohttp.ClientSession() as session, session.get(url(router)) as refused:
        assert refused.status == 401
        assert "targets" not in await refused.text()
    assert (await health(router, bearer(key)))["status"] == "ready"
