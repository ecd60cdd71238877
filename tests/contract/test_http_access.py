"""Every route of every HTTP port says who may call it: this is the whole list."""

from collections.abc import Mapping
from pathlib import Path

from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Access
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_router.settings import RouterSettings
from failsoft_router.wiring.service import build

POLICY = """
targets:
  local-llama: {provider: failsoft, endpoint: "127.0.0.1:50051", model: tiny}
routes:
  chat: {default: true, hops: [local-llama]}
"""
DEMANDS: Mapping[str, Access] = {
    "POST /v1/chat/completions": Access.TENANT,
    "GET /v1/models": Access.TENANT,
    "GET /v1/models/*": Access.TENANT,
    "GET /health": Access.TENANT,
    "GET /healthz": Access.ANYONE,
    "GET /readyz": Access.ANYONE,
}


async def test_the_routers_routes_demand_what_is_listed_here(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    clock = SystemClock()
    settings = RouterSettings(policy_file=policy, http_address="127.0.0.1:0")
    telemetry = Telemetry(tracer=Tracer(clock=clock))

    async with build(settings, clock=clock, telemetry=telemetry, environ={}) as service:
        (port,) = service.http

    found = dict(port.access)
    assert found == DEMANDS
