"""Puts the service together."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import grpc
from redis.asyncio.connection import AbstractConnection

from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_cache.adapters.connection import connection_to, connection_to_url_in
from failsoft_cache.adapters.pipeline import Pipeline
from failsoft_cache.adapters.secret_file import read_or_make_secret, read_secret
from failsoft_cache.adapters.valkey import ValkeyTier
from failsoft_cache.api.rpc import CacheServicer
from failsoft_cache.app.answers import Answers
from failsoft_cache.core.key import MasterSecret
from failsoft_cache.core.local_tier import LocalTier
from failsoft_cache.settings import SECTION, CacheSettings
from failsoft_cache.telemetry import NAMES
from failsoft_kit import logs
from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.rpc.server import Listener, Service, serve
from failsoft_kit.settings import load
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import NameRegistry, Telemetry, current_span, telemetry_from

SERVICE = "failsoft.cache.v1.CacheService"
METHODS = (f"{SERVICE}/Lookup", f"{SERVICE}/Store", f"{SERVICE}/Invalidate", f"{SERVICE}/GetStats")

_NAME = "failsoft-cache"
_WELL = "answers are kept"


async def run(config: Path | None) -> None:
    """Serve until a signal.

    Args:
        config: The settings file; None: variables and defaults only.

    Raises:
        StartupError: what is configured cannot be served.
    """
    settings = load(CacheSettings, section=SECTION, file=config)
    logs.configure(settings.log, service=_NAME, trace=_trace)
    clock = SystemClock()
    names = NameRegistry()
    names.register((*RPC_NAMES, *NAMES))
    telemetry = telemetry_from(os.environ, service=_NAME, clock=clock, names=names)
    await serve(build(settings, clock=clock, telemetry=telemetry))


def build(settings: CacheSettings, *, clock: Clock, telemetry: Telemetry) -> Service:
    """The service that the settings describe; needs a running event loop.

    Raises:
        StartupError: a file cannot be read, or Valkey's URL is none.
    """
    health = Health([SERVICE])
    health.set(SERVICE, serving=True, why=_WELL)
    pipeline = _pipeline(settings, clock, health)
    answers = Answers(
        secret=_secret(settings),
        local=LocalTier(settings.local_bytes),
        shared=None if pipeline is None else ValkeyTier(pipeline),
        clock=clock,
        max_entry_bytes=settings.max_entry_bytes,
    )
    token_file = settings.service_token_file
    token = None if token_file is None else ServiceToken.from_file(token_file)
    return Service(
        name=_NAME,
        listeners=[
            Listener(
                address=settings.address,
                setting=f"{SECTION}.address",
                register=_registration(answers),
                access=access(token),
                reflection=True,
            )
        ],
        clock=clock,
        telemetry=telemetry,
        health=health,
        token=token,
        background=[] if pipeline is None else [pipeline.run],
        drain_seconds=settings.drain,
    )


def access(token: ServiceToken | None) -> Mapping[str, Access]:
    """What each method demands: one of our own services, where there is a token to tell them by."""
    demanded = Access.TENANT if token is None else Access.SERVICE
    return dict.fromkeys(METHODS, demanded)


def _pipeline(settings: CacheSettings, clock: Clock, health: Health) -> Pipeline | None:
    """None: no Valkey is configured."""
    connection = _connection(settings)
    if connection is None:
        return None

    def tell_health(trouble: str | None) -> None:
        health.set(SERVICE, serving=True, why=f"degraded: {trouble}" if trouble else _WELL)

    return Pipeline(connection, limit=settings.valkey_limit, clock=clock, on_change=tell_health)


def _connection(settings: CacheSettings) -> Callable[[], AbstractConnection] | None:
    """How connections to Valkey are made; tried once, so that a wrong URL ends the start."""
    file, url = settings.valkey_url_file, settings.valkey_url.get_secret_value()
    if file is not None and url:
        raise StartupError(f"set {SECTION}.valkey_url or {SECTION}.valkey_url_file, not both")
    try:
        if file is not None:
            connection_to_url_in(file)
            return lambda: connection_to_url_in(file)
        if url:
            connection_to(url)
            return lambda: connection_to(url)
    except OSError as error:
        problem = f"{SECTION}.valkey_url_file: {str(file)!r} cannot be read: {error.strerror}"
        raise StartupError(problem) from error
    except ValueError as error:
        name = "valkey_url" if file is None else "valkey_url_file"
        raise StartupError(f"{SECTION}.{name}: {error}") from error
    return None


def _secret(settings: CacheSettings) -> MasterSecret:
    if settings.secret_file is not None:
        return read_secret(settings.secret_file)
    return read_or_make_secret(settings.data_dir / "cache-secret")


def _registration(answers: Answers) -> Callable[[grpc.aio.Server], None]:
    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_CacheServiceServicer_to_server(CacheServicer(answers), server)

    return register


def _trace() -> logs.TraceIds | None:
    span = current_span()
    return None if span is None else span.context
