"""Which services there are, how each is started, and in which order they end."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_cli.addresses import Ports, on_loopback
from failsoft_cli.supervisor import valkey
from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_cli.supervisor.keeper import Service
from failsoft_cli.supervisor.process import Program
from failsoft_cli.supervisor.readiness import grpc_health, valkey_answers
from failsoft_cli.supervisor.stack import Tiers

ROUTER = "router"
CACHE = "cache"
LOCAL_LLM = "local-llm"
VALKEY = "valkey"

_ROUTER_DRAIN = 25
"""Seconds that running answers get. Whoever the router calls has nothing to do after that."""
_DRAIN_OF_THE_CALLED = 5
_BEFORE_THE_KILL = 5.0

_IDENTITY = "FAILSOFT_ROUTER_IDENTITY__"
"""What the variables of the router's settings for identity begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run of all services depends on.

    Attributes:
        environ: Handed to the services, with their addresses and files added.
        keys: Variables of `environ` that hold providers' keys; only the router gets them.
    """

    data: DataDir
    policy: Path
    ports: Ports
    environ: Mapping[str, str] = field(repr=False)
    keys: frozenset[str]


def services(setup: Setup) -> Tiers:
    """All services in the order of ending.

    Raises:
        StartupError: There is no Valkey for this machine.
    """
    return ((_router(setup),), (_cache(setup), _local_llm(setup)), (_valkey(setup),))


def knows_users(environ: Mapping[str, str]) -> bool:
    """Whether the environment itself tells the router how users are known."""
    return any(value for name, value in environ.items() if name.startswith(_IDENTITY))


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs a module of ours, whatever lies in the current folder."""
    return (sys.executable, "-P", "-m", module, *arguments)


def _router(setup: Setup) -> Service:
    ports, address = setup.ports, on_loopback(setup.ports.router)
    settings = {
        "ADDRESS": address,
        "ADMIN_ADDRESS": on_loopback(ports.admin),
        "HTTP_ADDRESS": on_loopback(ports.http),
        "POLICY_FILE": str(setup.policy),
        "CACHE_ADDRESS": on_loopback(ports.cache),
        "SERVICE_TOKEN_FILE": str(setup.data.service_token),
        "REFLECTION": "true",
        "DRAIN": f"{_ROUTER_DRAIN}s",
    }
    if setup.data.api_keys.exists() and not knows_users(setup.environ):
        settings["IDENTITY__KEYS_FILE"] = str(setup.data.api_keys)
    return Service(
        name=ROUTER,
        address=f"{address}, admin {on_loopback(ports.admin)}, HTTP {on_loopback(ports.http)}",
        program=_python(setup, ROUTER, module="failsoft_router", settings=settings, keys=True),
        probe=grpc_health(address),
        grace=_ROUTER_DRAIN + _BEFORE_THE_KILL,
    )


def _cache(setup: Setup) -> Service:
    address = on_loopback(setup.ports.cache)
    settings = {
        "ADDRESS": address,
        "DATA_DIR": str(setup.data.secrets),
        "VALKEY_URL": valkey.url(setup.data.socket),
        "SERVICE_TOKEN_FILE": str(setup.data.service_token),
        "DRAIN": f"{_DRAIN_OF_THE_CALLED}s",
    }
    return Service(
        name=CACHE,
        address=address,
        program=_python(setup, CACHE, module="failsoft_cache", settings=settings),
        probe=grpc_health(address),
        grace=_DRAIN_OF_THE_CALLED + _BEFORE_THE_KILL,
    )


def _local_llm(setup: Setup) -> Service:
    address = on_loopback(setup.ports.local_llm)
    settings = {
        "ADDRESS": address,
        "SERVICE_TOKEN_FILE": str(setup.data.service_token),
        "DRAIN": f"{_DRAIN_OF_THE_CALLED}s",
    }
    return Service(
        name=LOCAL_LLM,
        address=address,
        program=_python(setup, LOCAL_LLM, module="failsoft_local_llm", settings=settings),
        probe=grpc_health(address),
        grace=_DRAIN_OF_THE_CALLED + _BEFORE_THE_KILL,
    )


def _valkey(setup: Setup) -> Service:
    return Service(
        name=VALKEY,
        address=str(setup.data.socket),
        program=Program(
            arguments=valkey.arguments(setup.data),
            environ=_without_keys(setup),
            log=setup.data.log(VALKEY),
        ),
        probe=valkey_answers(setup.data.socket),
        grace=_BEFORE_THE_KILL,
    )


def _python(
    setup: Setup, name: str, *, module: str, settings: Mapping[str, str], keys: bool = False
) -> Program:
    """One of our services.

    Args:
        settings: Its variables, without the service's prefix.
        keys: Whether it gets to see providers' keys.
    """
    prefix = f"FAILSOFT_{name.upper().replace('-', '_')}_"
    environ = dict(setup.environ if keys else _without_keys(setup))
    environ |= {f"{prefix}{key}": value for key, value in settings.items()}
    return Program(arguments=python_module(module), environ=environ, log=setup.data.log(name))


def _without_keys(setup: Setup) -> Mapping[str, str]:
    return {name: value for name, value in setup.environ.items() if name not in setup.keys}
