"""Routers over real gRPC in front of look-alike providers over real HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml
from router_under_test import Router, StartRouter, two_hops

from failsoft_cache.settings import CacheSettings
from failsoft_cache.wiring import build as build_cache
from failsoft_kit.clock import SystemClock
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import Meter, NameRegistry, Telemetry, Tracer
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_router.settings import ExplainSettings, RouterSettings
from failsoft_router.telemetry import NAMES
from failsoft_router.wiring.service import build
from failsoft_upstream import Upstream
from failsoft_upstream import running as upstream_running

NOBODY_KNOWN = IdentitySettings()
IN_MEMORY = ExplainSettings()


@pytest.fixture
async def first() -> AsyncIterator[Upstream]:
    """The provider of the route's first hop."""
    async with upstream_running() as upstream:
        yield upstream


@pytest.fixture
async def second() -> AsyncIterator[Upstream]:
    """The provider of the route's second hop."""
    async with upstream_running() as upstream:
        yield upstream


@pytest.fixture
async def start_router(tmp_path: Path) -> AsyncIterator[StartRouter]:
    """Starts routers with a policy, and ends them after the test."""
    async with AsyncExitStack() as stack:

        async def start(
            policy: Mapping[str, object],
            *,
            cache: str = "",
            environ: Mapping[str, str] | None = None,
            drain: float = 1.0,
            keep_alive: float = 15.0,
            identity: IdentitySettings = NOBODY_KNOWN,
            explain: ExplainSettings = IN_MEMORY,
            kubernetes_api: str = "",
        ) -> Router:
            file = tmp_path / "policy.yaml"
            file.write_text(yaml.safe_dump(policy))
            settings = RouterSettings(
                address="127.0.0.1:0",
                admin_address="127.0.0.1:0",
                http_address="127.0.0.1:0",
                keep_alive=keep_alive,
                policy_file=file,
                cache_address=cache,
                drain=drain,
                identity=identity,
                explain=explain,
                kubernetes_api=kubernetes_api,
            )
            clock, spans = SystemClock(), RecordedSpans()
            names = NameRegistry(strict=True)
            names.register((*RPC_NAMES, *PROCESS_NAMES, *HTTP_NAMES, *NAMES))
            telemetry = Telemetry(
                tracer=Tracer(clock=clock, sink=spans, names=names),
                meter=Meter(clock=clock, names=names),
            )
            service = await stack.enter_async_context(
                build(settings, clock=clock, telemetry=telemetry, environ=environ or {})
            )
            serving = await stack.enter_async_context(AsyncExitStack())
            port, admin_port, http_port = await serving.enter_async_context(running(service))
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
            admin = await stack.enter_async_context(open_channel(f"127.0.0.1:{admin_port}"))
            return Router(
                f"127.0.0.1:{port}",
                base_url=f"http://127.0.0.1:{http_port}/v1",
                channel=channel,
                admin=admin,
                spans=spans,
                stop=serving.aclose,
            )

        yield start


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a cache that keeps answers in its own memory."""
    clock = SystemClock()
    service = build_cache(
        CacheSettings(address="127.0.0.1:0", data_dir=tmp_path / "cache", drain=1.0),
        clock=clock,
        telemetry=Telemetry(tracer=Tracer(clock=clock)),
    )
    async with running(service) as (port,):
        yield f"127.0.0.1:{port}"


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream, second: Upstream) -> Router:
    """A route over two providers, and a mock behind them."""
    return await start_router(two_hops(first, second))
