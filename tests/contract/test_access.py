"""Every method of every service says who may call it, and nothing else does."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from failsoft.cache.v1 import cache_service_pb2
from failsoft.inference.v1 import inference_service_pb2
from failsoft.router.v1 import admin_service_pb2
from failsoft_cache.settings import CacheSettings
from failsoft_cache.wiring import build as build_cache
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access
from failsoft_kit.rpc.registrar import Registrar
from failsoft_kit.rpc.service import Listener, Service
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_local_llm.settings import LocalLlmSettings
from failsoft_local_llm.wiring import build as build_local_llm
from failsoft_router.settings import RouterSettings
from failsoft_router.wiring.service import build as build_router

CLOCK = SystemClock()
TELEMETRY = Telemetry(tracer=Tracer(clock=CLOCK))
TOKEN = "a-service-token-of-enough-characters"
POLICY = """
targets:
  local-llama: {provider: failsoft, endpoint: "127.0.0.1:50051", model: tiny}
routes:
  chat: {default: true, hops: [local-llama]}
"""

Start = Callable[[Path, Path | None], AbstractAsyncContextManager[Service]]


@asynccontextmanager
async def router(folder: Path, token: Path | None) -> AsyncIterator[Service]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    settings = RouterSettings(policy_file=policy, service_token_file=token)
    async with build_router(settings, clock=CLOCK, telemetry=TELEMETRY, environ={}) as service:
        yield service


@asynccontextmanager
async def cache(folder: Path, token: Path | None) -> AsyncIterator[Service]:
    settings = CacheSettings(data_dir=folder, service_token_file=token)
    yield build_cache(settings, clock=CLOCK, telemetry=TELEMETRY)


@asynccontextmanager
async def local_llm(folder: Path, token: Path | None) -> AsyncIterator[Service]:
    settings = LocalLlmSettings(service_token_file=token)
    yield build_local_llm(settings, clock=CLOCK, telemetry=TELEMETRY)


SERVICES: Mapping[str, Start] = {"router": router, "cache": cache, "local-llm": local_llm}
CONTRACTS = [
    service
    for file in (inference_service_pb2, admin_service_pb2, cache_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]


def registered(listener: Listener) -> Mapping[str, set[str]]:
    """The methods that a listener serves, by the full name of their service."""
    registrar = Registrar()
    listener.register(registrar.as_server())
    return {name: set(handlers) for name, handlers in registrar.services.items()}


@pytest.fixture(params=SERVICES)
def start(request: pytest.FixtureRequest) -> Start:
    return SERVICES[request.param]


@pytest.fixture(params=["with a token", "without one"])
def token(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    if request.param == "without one":
        return None
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


async def test_a_listener_has_a_demand_for_each_method_of_its_contracts_and_for_no_other(
    start: Start, token: Path | None, tmp_path: Path
) -> None:
    """A method without one is refused to everybody; a demand without a method guards nothing."""
    contracts = {contract.full_name: contract for contract in CONTRACTS}
    async with start(tmp_path, token) as service:
        for listener in service.listeners:
            served = registered(listener)
            assert served
            methods = {
                f"{name}/{method.name}" for name in served for method in contracts[name].methods
            }
            assert methods == {f"{name}/{each}" for name, found in served.items() for each in found}
            assert methods == listener.access.keys()
            assert Access.ANYONE not in listener.access.values()


async def test_every_contract_is_served_by_somebody(tmp_path: Path) -> None:
    served: set[str] = set()
    for start in SERVICES.values():
        async with start(tmp_path, None) as service:
            for listener in service.listeners:
                served |= registered(listener).keys()

    assert served == {contract.full_name for contract in CONTRACTS}
